"""Answers on disk as they come: JSON Lines that an interrupted call is gone on from.

The first line names the call (a digest of all that decides its answers); a file of another call is begun anew, and a
last line that was cut by a crash is dropped.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.files import write_text


class AnswerLog:
    """answers: (place of the prompt, number of the sample) → the answer, as plain JSON: its tokens, or what a server
    said. path None keeps nothing on disk.
    """

    def __init__(self, path: Path | None, call: str) -> None:
        self._path = path
        self.answers: dict[tuple[int, int], Any] = {}
        if path is None:
            return
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else [""]
        if lines[0] == json.dumps({"call": call}):
            for line in lines[1:-1]:
                place, number, answer = json.loads(line)
                self.answers[place, number] = answer
        write_text(path, "\n".join([json.dumps({"call": call}), *map(_line, self.answers.items()), ""]))

    def add(self, answers: Mapping[tuple[int, int], Any]) -> None:
        """Keeps finished answers."""
        self.answers |= answers
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write("".join(_line(item) + "\n" for item in answers.items()))


def _line(item: tuple[tuple[int, int], Any]) -> str:
    (place, number), answer = item
    return json.dumps([place, number, answer])
