"""What a probe found, for the terminal and for machines: prompts compared, what RL would meet, and what follows."""

import json
from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipelines.probe_result import FOLLOWED, Probed, StyleFound
from pipelines.probing import Outcome
from pipelines.prompt_styles import INSTRUCTIONS

_COLOUR = {"ready": "green", "starved": "red", "saturated": "yellow"}
_CLAIMS = {
    "better": ("better", "green"),
    "worse": ("worse", "red"),
    "no difference shown": ("not shown", "dim"),
    "too few rows": ("too few", "dim"),
}
_OFTEN_CUT = 0.05


def show_outcome(console: Console, outcome: Outcome) -> None:
    """Everything, and where it came from."""
    if outcome.found is None:
        return
    show_probed(console, outcome.found)
    console.print()
    source = "measured before, and read from" if outcome.kept else "every answer with its grade:"
    console.print(Text(f"{source} {outcome.folder}", "dim"), soft_wrap=True)


def outcome_json(outcome: Outcome) -> str:
    """The same with the facts that follow, null where they are not known."""
    found = outcome.found
    values = {**found.model_dump(mode="json"), "facts": facts(found)} if found else {}
    return json.dumps({**values, "kept": outcome.kept, "folder": str(outcome.folder)}, indent=1, ensure_ascii=False)


def facts(found: Probed) -> dict[str, float | bool | None]:
    """What the decision may look at."""
    names = ("base_score", "prompted_score", "reasoning_helps", "format_new")
    return {name: getattr(found, name) for name in names}


def show_probed(console: Console, found: Probed) -> None:
    """A table of the prompts, what RL would meet, and what follows, in sentences."""
    console.print(_styles(found))
    console.print()
    console.print(Text.assemble(("drawn answers  ", "dim"), (found.advice, _COLOUR[found.verdict])))
    for line in conclusions(found):
        console.print(Padding(Text(f"- {line}"), (0, 0, 0, 2), expand=False))


def _styles(found: Probed) -> Table:
    table = Table("prompt", "rows", "pass@1", "points against direct", "parsed", "tokens", box=None, header_style="dim")
    for style in found.styles:
        low, high = style.interval
        table.add_row(
            style.style.replace("_", " "),
            f"{style.rows:,}",
            f"{style.pass_rate:.0%} ({low:.0%} to {high:.0%})" if style.pass_rate is not None else "not scored",
            _against(style),
            "-" if style.parse_rate is None else f"{style.parse_rate:.0%}",
            f"{style.mean_tokens:.0f}",
        )
    return table


def _against(style: StyleFound) -> Text:
    compared = style.comparison
    if compared is None or compared.difference is None:
        return Text("")
    gain = compared.difference
    said, colour = _CLAIMS[compared.claim]
    return Text.assemble(f"{gain.points:+.0f} ({gain.low:+.0f} to {gain.high:+.0f}) ", (said, colour))


def conclusions(found: Probed) -> Iterator[str]:
    """What the numbers say, one sentence each."""
    yield _prompting(found)
    yield _reasoning(found)
    for style in found.styles:
        if style.followed < FOLLOWED:
            yield (
                f"{style.style} was followed in {_share(style.followed)} of the answers: the model does not understand "
                "the instruction, so its line says little."
            )
    yield from _lengths(found)
    yield from _asked(found)
    yield from found.notes


def _prompting(found: Probed) -> str:
    best = found.best_style
    if best is None:
        return "No other prompt was surely better than the rows as they are."
    said = f"Asking in another way ({best.style}) alone takes it from {_share(found.base_score)} to "
    how = f': add to the prompt "{INSTRUCTIONS[best.style]}"' if best.style in INSTRUCTIONS else ": show worked rows"
    return f"{said}{_share(best.pass_rate)}{how}. Measure again with that prompt before you train."


def _reasoning(found: Probed) -> str:
    match found.reasoning_helps:
        case True:
            return "Thinking step by step helps: measured."
        case False:
            return "Thinking step by step does not help this model here: measured."
    return "Whether thinking step by step helps is not known: no prompt surely changed it, or the model reasons alike."


def _lengths(found: Probed) -> Iterator[str]:
    for style in found.styles:
        if style.truncated_rate > _OFTEN_CUT:
            yield f"{_share(style.truncated_rate)} of the {style.style} answers were cut: they did not end in time."
    direct = next((style for style in found.styles if style.style == "direct"), None)
    if direct and direct.tokens_needed:
        yield f"max_new_tokens: {direct.tokens_needed} leaves direct answers half as much again as they took."


def _asked(found: Probed) -> Iterator[str]:
    most = max((style.rows for style in found.styles), default=found.prompts)
    early = f"Stopped early, for the answer was clear: {most:,} of {found.rows:,}" if most < found.rows else f"{most:,}"
    yield (
        f"{early} {found.rows_from} rows, no test rows. Intervals are 95 % over all looks and prompts together "
        "(Bonferroni: a quarter of the 5 % at each early look, the rest at the last)."
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
