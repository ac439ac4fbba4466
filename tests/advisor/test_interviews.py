"""The interviews of docs/interviews.md are what a person sees: each is led anew on a terminal.

FINETUNE_WRITE_INTERVIEWS=1 writes what is seen into the document, in place of comparing.
"""

import json
import os
import re
from pathlib import Path

import pytest

from advisor.questions import DATA, QUESTIONS
from pipelines.language import shown, speak
from pipelines.starter.tasks import generate
from tests.advisor.terminal import ROOT, Terminal, screen

DOCUMENT = ROOT / "docs" / "interviews.md"
ENTER = "\r"
TIME = re.compile(r"(about|约) [\d.]+ (?:hours|minutes|seconds|小时|分钟|秒)")
TIME_IN_DOCUMENT = {"about": "about 40 seconds", "约": "约 40 秒"}
"""What training takes differs between machines."""
INTERVIEWS = {
    "Arithmetic, in English": (
        "arithmetic",
        "en",
        {
            "data": "arithmetic.jsonl\r",
            "task": "Solve one-line sums\r",
            "model": ENTER,
            "verifiable": ENTER,
            "grader": ENTER,
            "reasoning_helps": ENTER,
            "format_new": ENTER,
            "name": "sums\r",
        },
    ),
    "Intents, in Chinese": (
        "intent",
        "zh",
        {
            "data": "intent.jsonl\r",
            "task": "判断用户想做什么\r",
            "model": ENTER,
            "verifiable": ENTER,
            "grader": ENTER,
            "reasoning_helps": ENTER,
            "format_new": ENTER,
            "name": ENTER,
        },
    ),
    "No data yet, in Chinese": (
        None,
        "zh",
        {
            "data": ENTER,
            "task": "把客服回复写得更有礼貌\r",
            "model": ENTER,
            "labelled": ENTER,
            "verifiable": ENTER,
            "preferences": ENTER,
        },
    ),
}


@pytest.mark.parametrize("title", INTERVIEWS)
def test_an_interview_is_as_the_document_shows_it(title: str, tmp_path: Path) -> None:
    task, language, answers = INTERVIEWS[title]
    if task:
        rows = generate(task, 300, seed=1)
        (tmp_path / f"{task}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["init", "--no-probe"] if task else ["init"]  # what a probe finds may differ between machines
    arguments += [] if language == "en" else ["--lang", language]
    terminal = Terminal(tmp_path, *arguments)
    speak(language)
    for question in (DATA, *QUESTIONS):
        if question.key in answers:
            terminal.wait_for(shown(question.text)[:12])
            terminal.type(answers[question.key])
    speak("en")
    code = terminal.exit_code()
    shown_here = TIME.sub(lambda found: TIME_IN_DOCUMENT[found[1]], screen(terminal.all).strip())
    seen = f"$ finetune-advisor {' '.join(arguments)}\n{shown_here}\n"
    pattern = re.compile(rf"(## {re.escape(title)}\n.*?```text\n)(.*?)(?=```)", re.DOTALL)
    document = DOCUMENT.read_text(encoding="utf-8")
    if os.environ.get("FINETUNE_WRITE_INTERVIEWS"):
        DOCUMENT.write_text(pattern.sub(lambda found: found[1] + seen, document), encoding="utf-8")
    found = pattern.search(DOCUMENT.read_text(encoding="utf-8"))
    assert found is not None
    assert found[2] == seen
    assert code == (0 if task else 1)
    assert (tmp_path / "plan.yaml").exists() == bool(task)
