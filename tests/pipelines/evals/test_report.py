"""The report: its numbers, its verdict in words, and a page that survives whatever models write."""

import json
import re
from pathlib import Path

import pytest
from rows_made import graded

from pipelines.evals.compare import compare
from pipelines.evals.report import write_report
from pipelines.evals.summary import Evaluated, Report, Setting, build_report
from pipelines.evals.verdict import in_words, p_value, points

SETTING = Setting("Sums", {"temperature": 0, "completions": 1}, {"type": "numeric", "pass_at": 1.0})
BASE = Evaluated("base", "base", graded("+" * 20 + "-" * 80, name="base"), pass_at_k={1: 0.2, 8: 0.6})
WARM = Evaluated("warmup", "sft", graded("+" * 35 + "-" * 60 + "+" * 5, name="sft"), seconds=75.2)
MORE = Evaluated("sft longer", "sft", graded("+" * 42 + "-" * 58, name="more"), seconds=3700, control=True)
TUNED = Evaluated("practice", "grpo", graded("-" * 2 + "+" * 58 + "-" * 40, name="grpo", num_tokens=9), seconds=130)
MODELS = [BASE, WARM, MORE, TUNED]


def written(folder: Path, models: list[Evaluated], setting: Setting = SETTING) -> tuple[Report, str]:
    report = write_report(folder, models, setting)
    assert Report.model_validate_json((folder / "report.json").read_text(encoding="utf-8")) == report
    return report, (folder / "report.md").read_text(encoding="utf-8")


def test_report_json_has_the_numbers_of_base_final_and_every_stage(tmp_path: Path) -> None:
    written(tmp_path, MODELS)
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["baseline"]["pass_rate"], report["final"]["pass_rate"]) == (0.20, 0.58)
    assert report["difference"]["points"] == pytest.approx(38)
    assert 25 < report["difference"]["low"] < 38 < report["difference"]["high"] < 50
    rates = [(stage["name"], stage["method"], stage["pass_rate"], stage["n"]) for stage in report["stages"]]
    assert rates == [
        ("base", "base", 0.2, 100),
        ("warmup", "sft", 0.4, 100),
        ("sft longer", "sft", 0.42, 100),
        ("practice", "grpo", 0.58, 100),
    ]
    base, warm, more, tuned = report["stages"]
    assert base["difference"] is base["to_previous"] is None
    assert base["pass_at_k"] == {"1": 0.2, "8": 0.6}
    assert warm["difference"]["points"] == pytest.approx(20)
    assert tuned["to_previous"]["difference"]["points"] == pytest.approx(18)
    assert (tuned["seconds"], tuned["mean_tokens"], tuned["truncated_rate"]) == (130, 9, 0)
    assert more["control"]
    assert more["to_previous"] is None
    assert more["final_over_this"]["difference"]["points"] == pytest.approx(16)


def test_the_verdict_says_methods_rates_gain_interval_and_p(tmp_path: Path) -> None:
    report, _ = written(tmp_path, MODELS)
    assert report.verdict == (
        "SFT then GRPO: 20.0 % → 58.0 %: +38.0 points (95 % interval +28.0 to +48.0; n=100, exact McNemar p<1e-9)."
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("+" * 50, "+" * 20 + "-" * 30, "The model became worse."),
        ("+-" * 50, "-+" + "+-" * 49, "no difference shown: +0.0 points"),
        ("+-" * 50, "-+" + "+-" * 49, "This many rows could only show ±6.0 points or more."),
        ("-" * 20, "+" * 20, "20 prompts, and under 30 different prompts nothing is claimed."),
        ("-" * 200, "+" * 8 + "-" * 192, "The pass rate is near zero: this model cannot do this task yet. SFT: 0.0 %"),
        ("??", "++", "SFT: no claim: no row was scored on both sides."),
    ],
)
def test_the_verdict_claims_no_more_than_was_shown(before: str, after: str, said: str) -> None:
    models = [Evaluated("base", "base", graded(before)), Evaluated("tuned", "sft", graded(after))]
    assert said in build_report(models, SETTING).verdict


def test_where_scores_are_not_near_zero_the_pass_mark_is_doubted() -> None:
    half = [row.model_copy(update={"score": 0.5}) for row in graded("-" * 100)]
    verdict = build_report([Evaluated("base", "base", half), Evaluated("tuned", "sft", half)], SETTING).verdict
    assert verdict.startswith("The pass rate is near zero, but scores are not: does the metric's `pass_at` ask")


def test_numbers_in_words() -> None:
    assert [points(value) for value in (21.84, -3.0, 0.0, -0.01)] == ["+21.8", "-3.0", "+0.0", "+0.0"]
    assert [p_value(p) for p in (1e-12, 2.2e-5, 0.0312, 1.0)] == ["p<1e-9", "p=2e-05", "p=0.031", "p=1.000"]
    assert in_words(compare(graded("-" * 40), graded("+" * 40))) == (
        "0.0 % → 100.0 %: +100.0 points (95 % interval +100.0 to +100.0; n=40, exact McNemar p<1e-9)."
    )


def test_a_base_alone_is_reported_as_it_is(tmp_path: Path) -> None:
    report, page = written(tmp_path, [BASE])
    assert report.verdict == (
        "Only the base model was evaluated. It passes 20.0 % (95 % interval 13.3 % to 28.9 %; n=100)."
    )
    assert "## Won" not in page


def test_the_page_leads_with_the_verdict_then_the_table_then_answers(tmp_path: Path) -> None:
    report, page = written(tmp_path, MODELS)
    over_previous, over_control = report.details
    assert over_previous.startswith("GRPO over SFT: ")
    said = f"**{report.verdict}**\n\n- {over_previous}\n- {over_control}"
    assert page.startswith(f"# Sums\n\n{said}\n\n| model | method | pass rate |")
    assert "| practice | GRPO | 58.0 % | 48.2 % to 67.2 % | +38.0 (" in page
    assert "| sft longer (control) | SFT | 42.0 % |" in page
    assert "| 1 min 15 s |" in page
    assert "| 1 h 01 min |" in page
    assert "Final model against the control sft longer: 42.0 % → 58.0 %: +16.0 points" in page
    headings = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert headings == [
        "How it was measured",
        "Won: wrong before, right now (40 rows, 3 shown)",
        "Lost: right before, wrong now (2 rows)",
        "Regressed: right after an earlier stage, wrong at the end (5 rows, 3 shown)",
        "Still wrong (35 rows, 3 shown)",
    ]
    assert "sft says + to 96" in page
    assert "Sampling: temperature 0, completions 1" in page


def test_the_same_input_gives_the_same_bytes_and_no_time_but_the_one_given(tmp_path: Path) -> None:
    written(tmp_path / "a", MODELS)
    written(tmp_path / "b", MODELS)
    for name in ("report.json", "report.md"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    timed = Setting("Sums", {}, {}, written_at="2024-02-29 12:00")
    report, page = written(tmp_path / "c", MODELS, timed)
    assert report.written_at == "2024-02-29 12:00"
    assert "Written at 2024-02-29 12:00." in page


@pytest.mark.parametrize(
    "text",
    [
        "```python\nprint()\n```\n# not a heading",
        "````` five `````",
        "x" * 100_000 + "the end",
        "line\n" * 10_000,
        "\x1b[31mred\x1b[0m \u202eturned\x00",
        "a\r\n## b\r## c",
        "",
    ],
)
def test_text_of_a_model_cannot_leave_its_block(tmp_path: Path, text: str) -> None:
    base, final = graded("-"), [graded("+")[0].model_copy(update={"completion": text, "prompt": text, "reason": text})]
    models = [Evaluated("base", "base", base), Evaluated("a|b\n# c", "sft", final)]
    _, page = written(tmp_path, models)
    outside, fence = [], ""
    for line in page.split("\n"):
        ticks = re.match(r"`{3,}", line)
        if not fence and ticks:
            fence = ticks.group()
        elif fence and line == fence:
            fence = ""
        elif not fence:
            outside.append(line)
    assert fence == ""
    assert [line for line in outside if line.startswith("#")] == [
        "# Sums",
        "## How it was measured",
        "## Won: wrong before, right now (1 row)",
        "### Row 1",
        "## Lost: right before, wrong now (none)",
        "## Regressed: right after an earlier stage, wrong at the end (none)",
        "## Still wrong (none)",
    ]
    assert len(page) < 12_000
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", page)


def test_what_a_reader_must_know_is_noted() -> None:
    cut = [row.model_copy(update={"truncated": row.index <= 10}) for row in graded("-" * 99 + "?")]
    models = [Evaluated("base", "base", graded("-" * 100)), Evaluated("tuned", "sft", cut)]
    report = build_report(models, Setting("Sums", {}, {}, notes=("no validation part",)))
    assert report.notes == (
        "no validation part",
        "tuned: 10.0 % of the answers ran into the length limit.",
        "tuned: 1 of 100 rows are unscored, for example row 100: graded ?.",
    )
    assert (report.stages[1].unscored, report.stages[1].n, report.final.n) == (1, 99, 99)


def test_a_report_needs_a_baseline() -> None:
    for models in ([], [MORE]):
        with pytest.raises(ValueError, match="starts with the baseline"):
            build_report(models, SETTING)


def test_without_the_base_no_gain_is_claimed_and_the_reader_is_told() -> None:
    assert build_report([WARM], SETTING).verdict == (
        "No gain is shown: only the model after SFT was evaluated. "
        "It passes 40.0 % (95 % interval 30.9 % to 49.8 %; n=100)."
    )
    report = build_report([WARM, TUNED], SETTING)
    assert report.verdict.startswith("GRPO: 40.0 % → 58.0 %")
    assert report.notes[0] == "The plan's own model was not evaluated: gains are over warmup, a trained one."


def test_arms_are_told_apart_from_the_line_to_the_final_model(tmp_path: Path) -> None:
    arm = Evaluated("other", "ppo", graded("+" * 50 + "-" * 50, name="ppo"), after="warmup")
    final = Evaluated("practice", "grpo", TUNED.rows, after="warmup")
    report, page = written(tmp_path, [BASE, WARM, arm, final])
    assert report.verdict.startswith("SFT then GRPO: 20.0 % → 58.0 %")
    over_previous, over_arm = report.details
    assert over_previous.startswith("GRPO over SFT: 40.0 % → 58.0 %")
    assert over_arm.startswith("Final model against the arm other: 50.0 % → 58.0 %: +8.0 points")
    assert [stage.arm for stage in report.stages] == [False, False, True, False]
    assert [stage.to_previous.difference.points for stage in report.stages[1:]] == pytest.approx([20, 10, 18])
    assert "other (arm)" in page


def test_an_arm_that_is_better_than_the_final_model_is_told(tmp_path: Path) -> None:
    arm = Evaluated("other", "ppo", graded("+" * 90 + "-" * 10, name="ppo"), after="warmup")
    final = Evaluated("practice", "grpo", TUNED.rows, after="warmup")
    report, _ = written(tmp_path, [BASE, WARM, arm, final])
    assert report.details[1].startswith("Final model against the arm other: 90.0 % → 58.0 %: -32.0 points")
    assert report.details[1].endswith("The final model is worse.")


def test_a_row_that_an_arm_alone_got_right_did_not_regress(tmp_path: Path) -> None:
    marks = {"base": "-" * 40, "warm": "-" * 40, "arm": "+" * 40, "final": "-" * 40}
    after = {"base": "", "warm": "base", "arm": "base", "final": "warm"}
    models = [Evaluated(name, "sft", graded(marks[name], name=name), after=after[name]) for name in marks]
    _, page = written(tmp_path, models)
    assert "## Regressed: right after an earlier stage, wrong at the end (none)" in page
