"""The table of a language holds every sentence that people read, and nothing else."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from graders.errors import UserError
from pipelines.evals.grades import GradedRow
from pipelines.evals.markdown import rendered
from pipelines.evals.summary import Evaluated, Setting, build_report
from pipelines.language import FOLDER, VALUE, Template, filled, preferred, read_pairs, shown, shown_sentences, speak

ROOT = Path(__file__).parents[2]
MODULES = [
    "advisor/questions.py",
    "advisor/defaults.py",
    "advisor/checks.py",
    "advisor/cli/ask.py",
    "advisor/cli/request.py",
    "advisor/cli/show_advice.py",
    "advisor/cli/show_decision.py",
    "advisor/cli/show_audit.py",
    "advisor/advise.py",
    "advisor/gather.py",
    "advisor/decide.py",
    "advisor/facts.py",
    "advisor/cost.py",
    "advisor/planner.py",
    "advisor/grader_fit.py",
    *(f"advisor/rules/{name}.py" for name in ("barriers", "cautions", "changes", "edges", "families", "stages")),
    "pipelines/evals/audit_verdict.py",
    "pipelines/data/describe.py",
    "pipelines/data/text.py",
    "pipelines/data/notes.py",
    *(f"pipelines/data/checks/{name}.py" for name in ("answers", "leaks", "pairs", "texts", "turns")),
    *(f"advisor/profiling/findings_{name}.py" for name in ("all", "sample", "leak")),
    "advisor/profiling/summary.py",
    "advisor/cli/show_profile.py",
    "advisor/cli/show_run.py",
    "pipelines/evals/verdict.py",
    "pipelines/evals/markdown.py",
    "pipelines/evals/summary.py",
    "advisor/cli/progress.py",
    "pipelines/alarms.py",
    "pipelines/preference_alarms.py",
    "pipelines/bell.py",
    "pipelines/probe_numbers.py",
    "pipelines/gates.py",
    *(
        f"pipelines/preflight/{name}.py"
        for name in (
            *("amounts", "batch", "check", "children", "data", "disk", "environment", "graders", "hours", "licences"),
            *("memory", "model_files", "signal", "stage_looks", "template", "trials"),
        )
    ),
]
"""Whose sentences are all in the table."""
ELSEWHERE = [
    "pipelines/run_report.py",
    "pipelines/runner.py",
    "advisor/cli/main.py",
    "advisor/cli/launch.py",
    "advisor/rules/sources.py",
    "pipelines/evals/probes.py",
    "graders/errors.py",
    "pipelines/data/checked.py",
    "pipelines/data/worked.py",
    "pipelines/gate_file.py",
    "pipelines/preflight/record.py",
    "advisor/cli/status.py",
    "pipelines/stage_course.py",
    "pipelines/state.py",
    "pipelines/preferences/enough.py",
    *(
        f"pipelines/{name}.py"
        for name in (
            *("evaluate", "grader_rows", "keep_best", "kept_counts", "label", "online", "probe", "probe_kept"),
            "probe_result",
            *("rejection_sampling", "reward_model", "reward_model_checks", "rollout", "round_answers", "sampling"),
            *("served", "training", "evals/grades", "sft"),
        )
    ),
]
"""Some of whose sentences are."""
NAMES = [
    "advisor/profiling/tokens.py",
    "advisor/profiling/record.py",
    "advisor/profiling/findings_made.py",
    "advisor/profiling/personal.py",
    "advisor/cli/profile.py",
    "pipelines/data/answer_kind.py",
    "pipelines/evals/audit_record.py",
    "pipelines/data/rows.py",
]
"""Whose words for a kind or a severity are shown."""
NOT_READ = {
    "a report starts with the baseline, which is no control",
    "[... {len(lines) - _MAX_LINES} lines left out ...]",
    "[... {len(text) - _MAX_CHARS} characters left out ...]",
    "all rows",
    "test file",
    "lower bound",
    "bold green",
    "bold red",
    "bold {_COLOUR[found.verdict]}",
    "limited to",
    "nested too deep",
    "memory measured",
    "one step",
    "pip install .",
    "pip install -U {PACKAGE}",
}
"""Errors of ours, marks within what a model wrote, values of JSON, styles, names of check's lines, and commands."""


@pytest.fixture
def chinese():
    speak("zh")
    yield
    speak("en")


@cache
def table() -> tuple[Template, ...]:
    return tuple(read_pairs((FOLDER / "zh.txt").read_text(encoding="utf-8")))


@cache
def texts(name: str) -> frozenset[str]:
    """Every text in a module, values in braces as they stand in its f-strings; docstrings are none."""
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            within.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            found.add("".join(map(_part, node.values)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in within:
            found.add(node.value)
    return frozenset(found)


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    spec = "".join(map(_part, part.format_spec.values)) if isinstance(part.format_spec, ast.JoinedStr) else ""
    conversion = f"!{chr(part.conversion)}" if part.conversion > 0 else ""
    return f"{{{ast.unparse(part.value)}{conversion}{f':{spec}' if spec else ''}}}"


def _is_sentence(text: str) -> bool:
    """Two words that are not values; a command is said in every language alike."""
    return (
        not text.startswith("finetune-advisor ")
        and re.search(r"[A-Za-z]{2,}[,;]? +[a-z]", VALUE.sub("7", text)) is not None
    )


@pytest.mark.parametrize("name", MODULES)
def test_every_sentence_has_its_chinese(name):
    known = {template.english for template in table()}
    assert sorted(text for text in texts(name) - known - NOT_READ if _is_sentence(text)) == []


def test_no_entry_is_stale_and_none_is_there_twice():
    said = frozenset[str]().union(*map(texts, [*MODULES, *ELSEWHERE, *NAMES]))
    said |= {text.replace("_", " ") for text in said}
    english = [template.english for template in table()]
    assert [text for text in english if text not in said] == []
    assert sorted({text for text in english if english.count(text) > 1}) == []


def test_both_sides_have_the_same_values_and_the_chinese_is_chinese():
    for template in table():
        assert set(VALUE.findall(template.other)) == set(template.places), template.english
        assert re.search(r"[\u3000-\u9fff\uff00-\uffef]", template.other) or template.other in ("", "token")


def test_a_finished_sentence_is_told_by_its_template(chinese):
    """Each is filled with numbers of its own, and must come back as its own translation, not as another's."""
    for template in table():
        values = {place: str(100 + number) for number, place in enumerate(template.places)}
        assert shown(filled(template.english, values)) == filled(template.other, values)


def test_what_is_not_ours_stays_as_it_is(chinese):
    sources = texts("advisor/rules/sources.py") - {"this tool's own judgement; no published threshold was found"}
    assert [source for source in sources if shown(source) != source] == []


def test_values_of_several_words_are_translated_too(chinese):
    said = "if the model after SFT scores below the base: stop, or take harder prompts: RL has little left to teach"
    assert shown(said) == "遇到“SFT 之后的模型得分低于原模型”：到此为止，或换更难的提示词：强化学习已没有多少可教"
    assert shown("nobody wrote this") == "nobody wrote this"


def test_a_report_is_chinese_for_people_and_the_same_for_machines(chinese):
    def answers(right: int) -> list[GradedRow]:
        return [
            GradedRow(
                index=row, prompt=f"p{row}", prompt_key=f"p{row}", completion="2", score=float(row < right),
                passed=row < right, reason="read 2", num_tokens=3, truncated=False,
            )
            for row in range(100)
        ]  # fmt: skip

    models = [Evaluated("base", "base", answers(20)), Evaluated("after_sft", "sft", answers(45), seconds=12.0)]
    report = build_report(models, Setting("sums", {"pass rate": "greedy"}, {"type": "numeric"}))
    page = rendered(report, models)
    assert report.verdict.startswith("SFT: 20.0 % → 45.0 %: +25.0 points (95 % interval ")
    assert "**SFT：20.0 % → 45.0 %：+25.0 个百分点（95 % 区间 " in page
    assert "## 赢了：以前错，现在对 (25 行，显示 3 行)" in page
    assert "| 模型 | 方法 | 通过率 |" in page


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
        ({"FINETUNE_ADVISOR_LANG": "en", "LC_ALL": "zh_CN.UTF-8"}, "en"),
        ({"FINETUNE_ADVISOR_LANG": "zh", "LC_ALL": "C"}, "zh"),
    ],
)
def test_the_variable_wins_over_the_locale(environment, language):
    assert preferred(environment) == language


def test_a_language_that_is_not_there_is_named():
    with pytest.raises(UserError, match="FINETUNE_ADVISOR_LANG is 'fr'"):
        preferred({"FINETUNE_ADVISOR_LANG": "fr"})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("12 rows; 4,096 tokens in all", "12 行；共 4,096 个 token"),
        ("no such sentence; 12 rows", "no such sentence；12 行"),
        ("the formula; real steps took too little to measure; the formula says 2 GiB; 12 rows",
         "the formula；真实训练步占用太少，量不出来；公式算出 2 GiB；12 行"),
        ("What can be trained on rows; or each one", "What can be trained on rows；or each one"),
        ("train: the checks find nothing; rows 1, 2", "train: 各项检查没有发现问题；第 1, 2 行"),
    ],
)  # fmt: skip
def test_lines_of_sentences_are_told_sentence_by_sentence(chinese, said, told):
    assert shown_sentences(said) == told
