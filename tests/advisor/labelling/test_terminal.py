"""The terminal asks the same desk as the page, by key, in a real pseudo-terminal."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from advisor.labelling.terminal import read_ranking
from pipelines.preferences.answers import read_answers


class Screen:
    """`finetune-advisor label --terminal` in a pseudo-terminal."""

    def __init__(self, plan: Path, stage: str) -> None:
        ours, theirs = pty.openpty()
        code = "import sys; from advisor.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))"
        options = ["--stage", stage, "--terminal", "--annotator", "ann"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "label", str(plan), *options],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._ours, self.text = ours, ""

    def wait_for(self, words: str, seconds: float = 30.0) -> None:
        """Until the words stand in what came since the last call."""
        deadline = time.monotonic() + seconds
        while words not in self.text:
            assert time.monotonic() < deadline, f"{words!r} is not in {self.text!r}"
            if select.select([self._ours], [], [], 0.1)[0]:
                self.text += os.read(self._ours, 65536).decode(errors="replace")
        self.text = self.text.split(words, 1)[1]

    def type(self, keys: str) -> None:
        """After a moment: what is typed before a question waits for a key is thrown away."""
        time.sleep(0.5)
        os.write(self._ours, keys.encode())

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


def test_keys_answer_note_and_undo(plan: Path) -> None:
    with Screen(plan, "ask") as screen:
        screen.wait_for("0 of 60 answered by you")
        screen.wait_for("q end")
        screen.type("1")
        screen.wait_for("1 of 60 answered by you, 1 of 40 pairs")
        screen.wait_for("q end")
        screen.type("u")
        screen.wait_for("Taken back")
        screen.wait_for("0 of 60")
        screen.wait_for("q end")
        screen.type("n")
        screen.wait_for("note")
        screen.type("too short\n")
        screen.wait_for("note: too short")
        screen.type("b")
        screen.wait_for("1 of 60 answered by you, 0 of 40 pairs")
        screen.wait_for("q end")
        screen.type("x")
        screen.wait_for("none of the keys")
        screen.wait_for("q end")
        screen.type("q")
        assert screen.process.wait(20) == 0
    (answer,) = read_answers(plan.parent / "preferences.jsonl")
    assert (answer.annotator, answer.both_bad, answer.note) == ("ann", True, "too short")


def test_four_are_ranked_by_a_line(plan: Path) -> None:
    with Screen(plan, "rank") as screen:
        screen.wait_for(">")
        screen.type("3 1=2\n")
        screen.wait_for("That was all")
        assert screen.process.wait(20) == 0
    (answer,) = read_answers(plan.parent / "ranked.jsonl")
    assert [len(group) for group in answer.ranking] == [1, 2, 1]


@pytest.mark.parametrize(
    ("said", "ranking"),
    [
        ("2 1=3 4", ((1,), (0, 2), (3,))),
        ("2", ((1,), (0, 2, 3))),
        ("2>1 b", ((1,), (0,), (2, 3))),
        ("b", ((0, 1, 2, 3),)),
        ("", None),
        ("5", None),
        ("0", None),
        ("1 1", None),
        ("best", None),
        ("1==2", None),
    ],
)
def test_a_line_is_read_as_a_ranking(said: str, ranking: object) -> None:
    assert read_ranking(said, 4) == ranking
