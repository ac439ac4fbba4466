"""A plan whose stages `label` have sampled: requests with two replies each, and one with four."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.plan_file import load_plan
from pipelines.preferences.answers import Turn
from pipelines.preferences.place import label_step
from pipelines.preferences.questions import CANDIDATES, Question, add_candidates
from pipelines.runner import default_run_folder

QUESTIONS = 60


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan with as many questions as QUESTIONS in its first stage, and one to rank in its second."""
    rows = [{"prompt": f"May I return {n} lamps?", "chosen": "Gladly.", "rejected": "No."} for n in range(200)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    stages = [
        {"type": "label", "name": "ask", "at_least": 40},
        {"type": "label", "name": "rank", "completions": 4, "at_least": 5, "answers": "ranked.jsonl"},
    ]
    split = {"test": 0.2, "validation": 0.0}
    data = {"train": "rows.jsonl", "split": split}
    path = tmp_path / "plan.yaml"
    path.write_text(json.dumps({"version": 1, "name": "tone", "data": data, "metric": "preference", "stages": stages}))
    from pipelines.data.checked import load_checked

    loaded = load_plan(path)
    trained = load_checked(loaded.plan.data, tmp_path).train.rows
    prompts = [tuple(Turn.model_validate(turn) for turn in row.messages) for row in trained]
    replies = ("Gladly, Mara. The {} lamps are ready on Monday.", "Not my job. Ask somebody else, {} times.")
    pairs = [
        Question(messages=prompt, completions=tuple(reply.format(n) for reply in replies))
        for n, prompt in enumerate(prompts[:QUESTIONS])
    ]
    four = Question(messages=prompts[0], completions=("Gladly.", "No.", "Yes, Mara.", ""))
    for name, questions in (("ask", pairs), ("rank", [four])):
        add_candidates(_folder(path, name) / CANDIDATES, questions)
    return path


def _folder(plan: Path, stage: str) -> Path:
    loaded = load_plan(plan)
    folder = label_step(loaded, default_run_folder(loaded), stage).folder
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[str, "subprocess.Popen[str]"]]]:
    """Starts `finetune-advisor label` as a process; gives its address and the process."""
    begun: list[subprocess.Popen[str]] = []

    def start(plan: Path, stage: str = "ask") -> tuple[str, "subprocess.Popen[str]"]:
        code = "import sys; from advisor.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))"
        command = [sys.executable, "-c", code, "label", str(plan), "--stage", stage]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        begun.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Compare here: "), line
        return line.removeprefix("Compare here: ").strip(), process

    yield start
    for process in begun:
        process.terminate()
        process.communicate(timeout=20)


def add_question(plan: Path, completion: str) -> None:
    """One more question in the second stage, with this completion among others."""
    turn = Turn(role="user", content="Say something.")
    question = Question(messages=(turn,), completions=("One.", completion, "Three."))
    add_candidates(_folder(plan, "rank") / CANDIDATES, [question])
