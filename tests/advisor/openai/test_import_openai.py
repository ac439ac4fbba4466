"""import-openai: a whole job becomes a plan that loads; what cannot work is refused before anything is written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor.cli.main import run_command
from graders.base import Sample
from graders.multi import Multi
from graders.union import GRADERS
from pipelines.plan import DPO, GRPO, SFT
from pipelines.plan_file import load_plan

Write = Callable[..., Path]


def check(field: str, column: str, kind: str = "string_check") -> dict[str, Any]:
    how = {"operation": "eq"} if kind == "string_check" else {"evaluation_metric": "fuzzy_match"}
    templates = {"input": f"{{{{sample.output_json.{field}}}}}", "reference": f"{{{{ item.{column} }}}}"}
    return {"type": kind, "name": field, **templates, **how}


MULTI = {
    "type": "multi",
    "name": "clause grader",
    "pass_threshold": 0.65,
    "graders": {"kind": check("kind", "kind"), "text": check("text", "text", "text_similarity")},
    "calculate_output": "0.5 * kind + 0.5 * text",
}
SCHEMA = {"type": "object", "properties": {"kind": {"type": "string"}, "text": {"type": "string"}}}


def job(grader: object = MULTI, **parts: object) -> dict[str, Any]:
    hyperparameters = parts.pop("hyperparameters", {"n_epochs": "auto"})
    top = {key: parts.pop(key) for key in ("seed", "suffix") if key in parts}
    method = {"grader": grader, "hyperparameters": hyperparameters, **parts}
    return {
        "training_file": "file-1",
        "model": "o4-mini-2025-04-16",
        "method": {"type": "reinforcement", "reinforcement": method},
        **top,
    }


def rows(number: int = 250, **columns: object) -> list[dict[str, Any]]:
    return [
        {
            "messages": [{"role": "user", "content": f"Which clause is in contract {n}? It says: rule {n} holds."}],
            "kind": ("open", "closed")[n % 2],
            "text": f"rule {n} holds",
            **columns,
        }
        for n in range(number)
    ]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def imported(here: Path, jsonl: Write, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs the command over a job and rows; gives its exit code and all it said."""

    def run(body: object, *options: str, data: list[dict[str, Any]] | None = None) -> tuple[int, str]:
        (here / "job.json").write_text(json.dumps(body))
        jsonl(data or rows())
        code = run_command(["import-openai", "job.json", "--data", "rows.jsonl", *options])
        done = capsys.readouterr()
        return code, done.out + done.err

    return run


def test_a_whole_job_becomes_a_plan_that_grades(imported: Any, here: Path, jsonl: Write) -> None:
    jsonl([{**row, "messages": [{"role": "user", "content": f"New {n}"}]} for n, row in enumerate(rows(60))], "v.jsonl")
    given = {
        "n_epochs": 3,
        "batch_size": 10,
        "compute_multiplier": 1.5,
        "learning_rate_multiplier": 2,
        "eval_interval": 5,
        "eval_samples": 2,
        "reasoning_effort": "medium",
    }
    body = job(hyperparameters=given, seed=7, suffix="Clause Match!") | {"integrations": [{"type": "wandb"}]}
    code, said = imported(body, "--validation", "v.jsonl")
    assert code == 0
    plan = load_plan(here / "plan.yaml").plan
    assert (plan.name, plan.seed, plan.model.name, plan.metric) == ("clause-match", 7, "starter", "clause grader")
    assert (plan.data.train, plan.data.validation) == ("rows.jsonl", "v.jsonl")
    grader = plan.graders["clause grader"]
    assert isinstance(grader, Multi)
    assert grader.pass_at == 0.65
    row = rows()[0]
    answer = json.dumps({"kind": "open", "text": "rule 0 holds"})
    assert grader.grade(Sample("", answer, row=row)).score == 1
    stage = plan.stages[1]
    assert isinstance(stage, GRPO)
    prompts = next(int(line.split()[2].replace(",", "")) for line in said.splitlines() if line.startswith("- Rows:"))
    assert (stage.prompts_per_step, stage.steps, stage.group_size) == (10, round(3 * prompts / 10), 12)
    for key in ("learning_rate_multiplier 2", "eval_interval 5", "eval_samples 2", "reasoning_effort medium"):
        assert f"{key}" in said
    assert "integrations" in said
    assert "o4-mini-2025-04-16 cannot be trained here" in said
    comments = (here / "plan.yaml").read_text()
    assert "# batch_size 10 → prompts_per_step 10." in comments


@pytest.mark.parametrize(
    "body",
    [
        job(),
        job()["method"],
        job()["method"]["reinforcement"],
        {"method": {"reinforcement": {"grader": MULTI}}},
        MULTI,
        {**MULTI, "graders": [check("kind", "kind"), check("text", "text", "text_similarity")]},
    ],
)
def test_a_job_a_part_of_it_or_a_bare_grader_give_the_same_plan(imported: Any, here: Path, body: object) -> None:
    assert imported(body)[0] == 0
    plan = load_plan(here / "plan.yaml").plan
    assert list(plan.graders["clause grader"].graders) == ["kind", "text"]  # type: ignore[union-attr]
    assert [stage.type for stage in plan.stages] == ["evaluate", "grpo", "evaluate"]
    assert plan.stages[1] == GRPO(type="grpo", name="grpo")


def test_a_dpo_job_becomes_dpo(imported: Any, here: Path) -> None:
    given = {"n_epochs": 2, "batch_size": 8, "beta": 0.2, "learning_rate_multiplier": 0.5}
    pairs = [
        {
            "input": {"messages": [{"role": "user", "content": f"May I have {n} keys?"}]},
            "preferred_output": [{"role": "assistant", "content": f"Gladly, {n} keys."}],
            "non_preferred_output": [{"role": "assistant", "content": f"No, not {n}."}],
        }
        for n in range(250)
    ]
    code, said = imported({"method": {"type": "dpo", "dpo": {"hyperparameters": given}}}, data=pairs)
    assert code == 0
    plan = load_plan(here / "plan.yaml").plan
    assert [stage.type for stage in plan.stages] == ["evaluate", "dpo", "evaluate"]
    stage = plan.stages[1]
    assert isinstance(stage, DPO)
    assert (stage.epochs, stage.batch_size, stage.beta) == (2, 8, 0.2)
    assert plan.metric == "preference"
    assert "learning_rate_multiplier 0.5 has no counterpart" in said
    assert "beta 0.2 has no counterpart" not in said


def test_a_supervised_job_becomes_sft(imported: Any, here: Path) -> None:
    body = {"training_file": "f", "model": "gpt-4.1-nano", "hyperparameters": {"n_epochs": 2, "batch_size": 8}}
    data = [
        {"messages": [{"role": "user", "content": f"Ask {n}"}, {"role": "assistant", "content": f"Say {n}"}]}
        for n in range(60)
    ]
    assert imported(body, data=data)[0] == 0
    plan = load_plan(here / "plan.yaml").plan
    assert plan.stages[1] == SFT(type="sft", name="sft", epochs=2, batch_size=8)
    assert plan.metric == "likelihood"
    code, said = imported(body, "--force")
    assert code == 1
    assert "no row ends with the assistant's turn" in said


@pytest.mark.parametrize(
    "answer_format",
    [
        {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}},
        {"name": "n", "strict": True, "schema": SCHEMA},
        SCHEMA,
    ],
)
def test_the_response_format_is_found_wrapped_and_bare(imported: Any, here: Path, answer_format: object) -> None:
    code, said = imported(job(response_format=answer_format))
    assert code == 0
    graders = load_plan(here / "plan.yaml").plan.graders
    assert list(graders) == ["clause grader", *(["response_format"] if "json_schema" in GRADERS else [])]
    assert "OpenAI held answers to the response format" in said
    wrong = {**MULTI, "graders": {**MULTI["graders"], "text": check("txt", "text")}}  # type: ignore[dict-item]
    said = imported(job(wrong, response_format=answer_format), "--force")[1]
    assert (
        "{{sample.output_json.txt}} in graders.text.input: the response format has no 'txt' (it has kind, text)" in said
    )


def test_a_variable_that_some_rows_lack_is_said_with_their_numbers(imported: Any) -> None:
    data = rows(500)
    for place in (3, 8, 11):
        del data[place]["text"]
    code, said = imported(job(), data=data)
    assert code == 0
    assert (
        "{{item.text}} in graders.text.reference: 3 of 500 rows lack it (rows 4, 9, 12); they will be unscored." in said
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reference": "{{item.knd}}"}, "{{item.knd}} in graders.kind.reference: none of the 250 rows has it"),
        ({"reference": "{{item.knd}}"}, 'did you mean "kind"?'),
        ({"reference": "{{itm.kind}}"}, "{{itm.kind}} in graders.kind.reference: only item"),
        ({"input": "{{sample.text}}"}, "no sample has text"),
        ({"input": "{{sample.output_tools[0].function.name}}"}, "answers of text, which call no tools"),
        ({"operation": "is"}, "graders.kind.string_check.operation"),
    ],
)
def test_what_can_never_be_graded_is_refused(imported: Any, here: Path, change: dict[str, str], said: str) -> None:
    grader = {**MULTI, "graders": {**MULTI["graders"], "kind": {**check("kind", "kind"), **change}}}  # type: ignore[dict-item]
    code, printed = imported(job(grader))
    assert code == 1
    assert said in printed
    assert not (here / "plan.yaml").exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (job({**check("text", "text", "text_similarity"), "evaluation_metric": "cosine"}), "no embedder"),
        (job({**MULTI, "calculate_output": "kind +"}), "formula_parse_error: the formula ends"),
        (job({**MULTI, "calculate_output": "kind + txt"}), "names txt, and no grader has that name"),
        (job({"type": "nonsense"}), "there is no grader type 'nonsense'"),
        (job(None), "the job has no grader"),
        (job(tools=[{"name": "search"}]), "the job trains with tools (tools)"),
        (job(hyperparameters={"n_epochs": 2, "max_episode_steps": 5}), "trains with tools (max_episode_steps)"),
        (job(hyperparameters={"n_epochs": 0}), "n_epochs"),
        (job(hyperparameters={"batch_size": "many"}), "batch_size"),
        ({"method": {"type": "dpo", "dpo": {}}}, "no row has a preferred and a non-preferred answer"),
        ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 3}}}}, "beta"),
        ({"method": {"type": "reinforce"}}, 'did you mean "reinforcement"?'),
        ({"method": "reinforcement"}, "`method` is"),
        ({"a": 1}, "neither a job nor a grader: its keys are a"),
        ([1], "no JSON object"),
    ],
)
def test_a_job_that_cannot_work_is_one_message(imported: Any, here: Path, body: object, said: str) -> None:
    code, printed = imported(body)
    assert code == 1
    assert said in printed
    assert "Traceback" not in printed
    assert not (here / "plan.yaml").exists()


def test_what_is_no_json_is_named_with_its_line(here: Path, jsonl: Write, capsys: pytest.CaptureFixture[str]) -> None:
    jsonl(rows())
    (here / "job.json").write_text('{\n "method": \n')
    assert run_command(["import-openai", "job.json", "--data", "rows.jsonl"]) == 1
    assert "job.json:3" in capsys.readouterr().err
    assert run_command(["import-openai", "none.json", "--data", "rows.jsonl"]) == 1
    assert "there is no such file" in capsys.readouterr().err


def test_a_formula_that_leaves_0_to_1_gets_the_range_it_reaches(imported: Any, here: Path) -> None:
    code, said = imported(job({**MULTI, "calculate_output": "4 * kind + text - 1", "pass_threshold": 3}))
    assert code == 0
    grader = load_plan(here / "plan.yaml").plan.graders["clause grader"]
    assert isinstance(grader, Multi)
    assert (grader.range, grader.pass_at) == ((-1, 4), 0.8)
    assert "range: [-1, 4] was written" in said
    assert "its formula reaches 4" in said
    assert "pass_threshold 3 → pass_at 0.8, as a share of the range." in said


def test_a_declared_range_and_one_that_fits_stay(imported: Any, here: Path) -> None:
    assert "declares no range" not in imported(job())[1]
    wide = {**MULTI, "calculate_output": "4 * kind + text", "range": [0, 10], "pass_threshold": 5}
    assert "declares no range" not in imported(job(wide), "--force")[1]
    assert load_plan(here / "plan.yaml").plan.graders["clause grader"].range == (0, 10)  # type: ignore[union-attr]


def test_a_threshold_above_1_shows_the_range(imported: Any, here: Path) -> None:
    said = imported(job({**MULTI, "pass_threshold": 5}))[1]
    assert "its pass_threshold is 5: range: [0, 5] was written" in said


def test_a_formula_without_a_value_somewhere_is_said(imported: Any) -> None:
    said = imported(job({**MULTI, "calculate_output": "min(1, text / kind)"}))[1]
    assert "the formula has no value at text = 0, kind = 0 (division by zero)" in said


def test_a_secret_in_a_header_is_refused_without_repeating_it(imported: Any, here: Path) -> None:
    endpoint = {"type": "endpoint", "url": "https://grade.example/g", "headers": {"Authorization": "Bearer s3cr3t-key"}}
    for grader in (endpoint, {**MULTI, "graders": {"kind": check("kind", "kind"), "text": endpoint}}):
        code, said = imported(job(grader))
        assert code == 1
        assert "Bearer ${GRADER_AUTHORIZATION}" in said
        assert "s3cr3t" not in said
    assert not (here / "plan.yaml").exists()
    named = {**endpoint, "headers": {"Authorization": "Bearer ${GRADER_AUTHORIZATION}"}, "pass_threshold": 8}
    code, said = imported(job(named))
    assert code == 0
    assert "its pass_threshold is 8: range: [0, 8] was written" in said


def test_a_model_that_grades_is_said_with_where_it_is_asked(imported: Any) -> None:
    asked = [{"role": "user", "content": "Rate {{sample.output_text}} for {{item.kind}} from 0 to 5."}]
    grader = {"type": "score_model", "name": "judge", "model": "gpt-4.1", "input": asked, "range": [0, 5]}
    assert "gpt-4.1 grades: it is asked at OPENAI_BASE_URL" in imported(job(grader))[1]
    wrong = [{"role": "user", "content": "Rate {{item.knd}}."}]
    code, said = imported(job({**grader, "input": wrong}), "--force")
    assert code == 1
    assert "{{item.knd}} in input[0].content: none of the 250 rows has it" in said


@pytest.mark.skipif("python" not in GRADERS, reason="there is no python grader yet")
def test_a_python_grader_gets_the_range_of_what_it_returns_and_its_keys_are_compared(imported: Any, here: Path) -> None:
    source = """
def grade(sample, item):
    wanted, near = item["kind"], item.get("near")
    return 5 if sample["output_text"] == wanted else 0
"""
    code, said = imported(job({"type": "python", "source": source, "image_tag": "2025-05-08"}))
    assert code == 0
    assert "its source returns 5: range: [0, 5] was written" in said
    assert 'the python source reads item["near"], which 250 of 250 rows lack.' in said
    assert load_plan(here / "plan.yaml").plan.graders["grader"].range == (0, 5)  # type: ignore[union-attr]
    assert '    return 5 if sample["output_text"] == wanted else 0\n' in (here / "plan.yaml").read_text()


def test_a_plan_that_differs_is_not_overwritten(imported: Any, here: Path) -> None:
    assert imported(job())[0] == 0
    assert "unchanged: plan.yaml" in imported(job())[1]
    code, said = imported(job(seed=3))
    assert code == 1
    assert "--force" in said
    assert imported(job(seed=3), "--force")[0] == 0
    assert yaml.safe_load((here / "plan.yaml").read_text())["seed"] == 3


def test_paths_start_from_the_plan_and_json_is_for_machines(imported: Any, here: Path) -> None:
    code, said = imported(job(), "--out", "sub/mine.yaml", "--json")
    assert code == 0
    found = json.loads(said)
    assert (found["plan"], found["written"]) == ("sub/mine.yaml", True)
    assert found["notes"]["model"]
    assert load_plan(here / "sub" / "mine.yaml").plan.data.train == "../rows.jsonl"


def test_few_rows_are_said_to_prove_nothing(imported: Any) -> None:
    assert "test rows prove nothing: under 30" in imported(job(), data=rows(60))[1]
