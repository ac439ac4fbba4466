"""The one family of errors that are the user's to mend; advisor/cli/main.py prints them without a traceback."""

from collections.abc import Iterable


class UserError(Exception):
    """Something the user must change: what happened, what was expected, how to fix it. Exit code 1.

    The message is one sentence a part; `where` is a file, with its line or row where one is known.
    """

    def __init__(self, happened: str, expected: str = "", fix: str = "", where: str = "") -> None:
        super().__init__(happened, expected, fix, where)
        self.happened, self.expected, self.fix, self.where = happened, expected, fix, where

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.happened}" if self.where else self.happened]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.fix:
            lines.append(f"  to fix:   {self.fix}")
        return "\n".join(lines)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """What somebody who wrote `word` most likely meant; None where nothing is near. Case makes no difference."""
    from rapidfuzz import fuzz, process

    options = {name: name.casefold() for name in known}
    found = process.extractOne(word.casefold(), options, scorer=fuzz.ratio, score_cutoff=60)
    return str(found[2]) if found else None
