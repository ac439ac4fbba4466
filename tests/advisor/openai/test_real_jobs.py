"""Two real RFT jobs with their rows, where FINETUNE_ADVISOR_DATA names their folder; skipped elsewhere."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from rapidfuzz import fuzz, utils

from advisor.cli.main import run_command
from graders.base import Sample
from pipelines.data.load import load_rows
from pipelines.data.spec import DataSpec
from pipelines.plan_file import load_plan
from pipelines.rewards import sample_of
from pipelines.sampling import Completion
from tests.graders.scripted_server import Say, chat, serve

FOLDER = Path(os.environ.get("FINETUNE_ADVISOR_DATA", "/nowhere"))
CLAUSES = FOLDER / "foundry-rft-clausematching"
COUNTDOWN = FOLDER / "foundry-rft-countdown"
pytestmark = pytest.mark.skipif(not CLAUSES.is_dir(), reason="FINETUNE_ADVISOR_DATA names no folder that has them")


def samples(path: Path, answers: list[str]) -> list[Sample]:
    rows = load_rows(path.name, DataSpec(train=path.name), path.parent).rows
    return [sample_of(row, Completion(text, "", 0, False)) for row, text in zip(rows, answers, strict=True)]


def test_every_key_of_a_row_reaches_the_grader() -> None:
    for path in (CLAUSES / "clause_matching_validation.jsonl", COUNTDOWN / "countdown_train_100.jsonl"):
        raw = [json.loads(line) for line in path.read_text().splitlines()]
        assert [dict(sample.row) for sample in samples(path, [""] * len(raw))] == raw


def test_clause_matching_imports_and_its_formula_is_right_to_the_digit(tmp_path: Path) -> None:
    data, out = CLAUSES / "clause_matching_validation.jsonl", tmp_path / "plan.yaml"
    job = {
        "model": "o4-mini-2025-04-16",
        "training_file": "file-x",
        "method": {
            "type": "reinforcement",
            "reinforcement": {
                "grader": json.loads((CLAUSES / "multi_grader.json").read_text()),
                "response_format": json.loads((CLAUSES / "schema.json").read_text()),
            },
        },
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    assert run_command(["import-openai", str(tmp_path / "job.json"), "--data", str(data), "--out", str(out)]) == 0
    grader = load_plan(out).plan.graders["clause_match_grader"]
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    answers = [_answer(rows, place) for place in range(len(rows))]
    grades = grader.grade_all(samples(data, [json.dumps(answer) for answer in answers]))
    passed = 0
    for row, answer, grade in zip(rows, answers, grades, strict=True):
        fuzzy = fuzz.WRatio(answer["extracted_text"], row["extracted_text"], processor=utils.default_process) / 100
        by_hand = 0.5 * fuzzy + 0.5 * (answer["clause_type"] == row["clause_type"])
        assert grade.score == by_hand
        assert grade.parts["extracted_text_similarity"] == fuzzy
        assert grader.passed(grade) == (by_hand >= 0.65)
        passed += bool(grader.passed(grade))
    assert len(grades) == 40
    assert 10 <= passed < 40
    for text in ("The clause is exclusive.", '{"clause_type": "Exclusivity"}'):
        [grade] = grader.grade_all(samples(data, [text] * 40)[:1])
        assert grade.errors == ("sample_parse_error",)
        assert grade.score is not None


def test_countdown_imports_and_its_judge_is_asked_with_the_rows_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge is a program behind a real server: it reads the numbers from the message that the template made."""
    data, out = COUNTDOWN / "countdown_train_100.jsonl", tmp_path / "plan.yaml"
    command = ["import-openai", str(COUNTDOWN / "grader_config_aoai.json"), "--data", str(data), "--out", str(out)]
    assert run_command([*command, "--validation", str(COUNTDOWN / "countdown_valid_50.jsonl")]) == 0
    grader = load_plan(out).plan.graders["custom_grader"]
    assert grader.pass_at == 1
    targets = [int(json.loads(line)["target"]) for line in data.read_text().splitlines()]
    off = [(0, 1, -3, 40)[place % 4] for place in range(100)]
    answers = [json.dumps({"expression": "1", "result": str(t + d)}) for t, d in zip(targets, off, strict=True)]
    with serve(_closeness) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("FINETUNE_ADVISOR_CACHE", "off")
        grades = grader.grade_all(samples(data, answers))
    points = [_points(distance) for distance in off]
    assert [(grade.raw, grade.score) for grade in grades] == [(point, point / 5) for point in points]
    assert sum(bool(grader.passed(grade)) for grade in grades) == points.count(5) == 25


def _closeness(body: dict[str, Any]) -> Say:
    found = re.fullmatch(
        r'\{ "target": (\d+), "numbers": \[[\d, ]+\], "output": (.*)\}', body["messages"][-1]["content"]
    )
    assert found is not None
    result = _points(int(found[1]) - int(json.loads(found[2])["result"]))
    return chat(json.dumps({"steps": [], "result": result}))


def _points(distance: int) -> int:
    return 5 if distance == 0 else 4 if abs(distance) == 1 else 3 if abs(distance) <= 5 else 2


def _answer(rows: list[dict[str, Any]], place: int) -> dict[str, str]:
    """A quarter right, the rest with the wrong type, half of the text, or another row's."""
    row, other = rows[place], rows[(place + 7) % len(rows)]
    text = row["extracted_text"]
    return {
        0: {"clause_type": row["clause_type"], "extracted_text": text},
        1: {"clause_type": "Other", "extracted_text": text},
        2: {"clause_type": row["clause_type"], "extracted_text": text[: len(text) // 2]},
        3: {"clause_type": other["clause_type"], "extracted_text": other["extracted_text"]},
    }[place % 4]
