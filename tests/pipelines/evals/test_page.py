"""report.html: everything of a run on one page that loads nothing and shows a model's text as text."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pipelines.evals.grades import GradedRow
from pipelines.evals.page.curves import Trained, charts_of
from pipelines.evals.page.page import Run, Stop, page
from pipelines.evals.page.svg import HEIGHT, WIDTH, Chart, Line, Mark
from pipelines.evals.page.transcripts import slices, transcripts
from pipelines.evals.summary import Evaluated, Setting, build_report


def graded(number: int, passed: bool, **more: Any) -> GradedRow:
    fields = {"index": number, "prompt": f"prompt {number}", "prompt_key": str(number), "completion": f"text {number}"}
    kept = {"score": float(passed), "passed": passed, "reason": "because", "reference": number, "num_tokens": 8}
    return GradedRow(**{**fields, **kept, **more})


def models(before: list[GradedRow], after: list[GradedRow]) -> list[Evaluated]:
    return [Evaluated("base", "base", before), Evaluated("after", "grpo", after, seconds=61.0, pass_at_k={1: 0.5})]


def written(made: list[Evaluated], **run: Any) -> str:
    report = build_report(made, Setting("my-run", {"pass rate": "greedy"}, {"type": "numeric"}, ["a note"]))
    empty = Run(None, [Stop("sft", "sft", "done", "4 steps", 3.0)], [], [("seed", "0")])
    return page(report, made, replace(empty, **run))


def test_the_page_tells_the_verdict_the_table_and_the_answers_and_loads_nothing() -> None:
    before = [graded(n, n < 10) for n in range(60)]
    after = [graded(n, n < 30) for n in range(60)]
    text = written(models(before, after))
    assert "GRPO: 16.7 % → 50.0 %: +33.3 points" in text
    assert "my-run" in text
    assert "1 min 01 s" in text
    assert text.count("<details") == 15 + 15 + 10, "won, still wrong, right before and after"
    assert not re.search(r"(?:src|href)=|url\(|@import|https?://", text)
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_what_a_model_wrote_is_text_and_no_markup() -> None:
    evil = "<script>alert(1)</script>{{ report }}"
    before = [graded(n, False, completion=evil, prompt=evil, reason=evil) for n in range(3)]
    after = [graded(n, True, completion=evil, prompt=evil) for n in range(3)]
    text = written(models(before, after))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ report }}" in text


def test_the_decision_the_gates_and_the_alarms_stand_on_it() -> None:
    decision = {"advice": "sft → grpo", "because": ("labels are few",), "runner_up": "sft: simpler", "would_change": ()}
    made = models([graded(0, False)], [graded(0, True)])
    chart = Chart("reward", (Line("reward", ((0.0, 0.1), (4.0, 0.9))),), (Mark(2.0, "no_spread: <all> zero"),))
    stage = Trained("grpo", "grpo", (("steps", "4"),), (chart,), ("Alarm no_spread at step 2: all zero.",))
    line = [Stop("after", "evaluate", "shut", "gate shut: pass rate 0.0% is under 90.0%", 1.0)]
    text = written(made, decision={**decision, "sources": ("a paper",)}, trained=[stage], line=line)
    for said in (
        "sft → grpo",
        "labels are few",
        "sft: simpler",
        "a paper",
        "Alarm no_spread at step 2",
        "gate shut: pass",
    ):
        assert said in text
    assert "no_spread: &lt;all&gt; zero" in text


def test_a_chart_is_drawn_within_its_frame() -> None:
    lines = (Line("reward", ((0.0, -3.0), (5.0, 2.0), (10.0, 7.5))), Line("metric", ((10.0, 0.5),)))
    drawn = ElementTree.fromstring(str(Chart("reward", lines, (Mark(10.0, "x"),)).svg()))
    (polyline,) = drawn.iter("polyline")
    places = [tuple(map(float, place.split(","))) for place in str(polyline.get("points")).split()]
    assert len(places) == 3
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert places[0][1] > places[1][1] > places[2][1], "higher values stand higher"
    assert len(list(drawn.iter("circle"))) == 1
    flat = Chart("loss", (Line("loss", ((1.0, 0.0), (2.0, 0.0))),)).svg()
    assert "nan" not in flat


def test_charts_are_read_from_a_stages_log(tmp_path: Path) -> None:
    log = [
        {"step": 0, "validation": 0.5},
        {"step": 1, "loss": 0.4, "entropy": 1.0, "reward": 0.2, "kl": 0.0, "frac_reward_zero_std": 0.5},
        {"step": 2, "loss": 0.3, "entropy": 0.9, "reward": 0.4, "kl": 0.1, "frac_reward_zero_std": 0.25},
    ]
    (tmp_path / "curve.json").write_text(json.dumps(log))
    alarm = {"name": "no_spread", "step": 2, "text": "hardly any"}
    charts = {chart.title: chart for chart in charts_of(tmp_path, [alarm])}
    both = charts["reward and metric on validation rows"]
    assert [(line.name, line.points) for line in both.lines] == [
        ("reward", ((1.0, 0.2), (2.0, 0.4))),
        ("metric", ((0.0, 0.5),)),
    ]
    assert both.marks == (Mark(2.0, "no_spread: hardly any"),)
    assert "length of answers, tokens" not in charts
    assert charts_of(tmp_path / "nothing", []) == ()


def test_right_answers_that_look_like_a_hack_come_first() -> None:
    before = [graded(n, n == 5, num_tokens=100) for n in range(6)]
    same = [graded(n, True, completion="yes", reference=n) for n in range(4)]
    after = [*same, graded(4, False), graded(5, True, num_tokens=10)]
    found = {one.number: one for one in transcripts(before, after)}
    assert found[0].kinds == ("won", "odd")
    assert found[0].why_odd == "the same text passes for rows with different references"
    assert found[5].why_odd == "it passes with 10 tokens, where the base took 100"
    assert found[4].kinds == ("wrong",)
    labels = [graded(n, True, completion="refund", reference="refund") for n in range(6)]
    assert not any(one.why_odd for one in transcripts(before[:5], labels[:5])), "one label for many rows is no hack"


def test_slices_are_by_length_and_by_label_and_need_rows() -> None:
    before = [graded(n, n % 4 == 0, prompt="x" * (n + 1), reference=n % 2) for n in range(90)]
    after = [graded(n, n % 2 == 0, prompt="x" * (n + 1), reference=n % 2) for n in range(90)]
    found = {part.name: part for part in slices(before, after)}
    assert found["reference 0"].after == 1.0
    assert found["reference 1"].after == 0.0
    assert sum(part.n for part in found.values()) == 180
    assert found["reference 0"].points is not None
    assert slices(before[:30], after[:30]) == []
