"""Every grader, any text, any reference: no exception, a score in [0, 1] or none, and a reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.base import Sample
from graders.union import GRADERS, parse_grader
from tests.graders import any_judge, tiny_reward_model

_ASKS = {"model": "any", "server": {"base_url": any_judge.URL, "cache": False}}
_MESSAGES = [{"role": "user", "content": "{{sample.output_text}} {{item.a}}"}]

# The fields that each grader cannot do without. A new grader adds its line.
MINIMAL: dict[str, dict[str, object]] = {
    "choice": {},
    "endpoint": {"url": any_judge.GRADE, "rate_limit": 1000},
    "code_tests": {"timeout_seconds": 2},
    "exact_match": {},
    "format": {"tags": ["think", "answer"], "at_most": 20, "scripts": ["latin"]},
    "json_fields": {},
    "math": {},
    "json_schema": {
        "json_schema": {"required": ["a"], "properties": {"a": {"pattern": "^(x+)+$"}}, "minProperties": 2}
    },
    "judge": {**_ASKS, "criteria": "It is right."},
    "label_model": {**_ASKS, "input": _MESSAGES, "labels": ["a", "b"], "passing_labels": ["a"]},
    "multi": {
        "graders": {"a": {"type": "numeric"}, "b": {"type": "exact_match"}},
        "calculate_output": "0.5 * a + 0.5 * b",
    },
    "numeric": {},
    "rubric": {**_ASKS, "points": [{"text": "It is right."}, {"name": "n", "grader": {"type": "numeric"}}]},
    "reward_model": {"model": "./reward-model"},
    "score_model": {**_ASKS, "input": _MESSAGES},
    "sql": {"database": "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (7, 'yes')"},
    "python": {"source": "def grade(sample, item):\n    return len(sample['output_text']) % 2"},
    "similarity": {},
    "string_check": {"input": "{{sample.output_text}}", "reference": "{{item.a}}", "operation": "like"},
    "text_similarity": {
        "input": "{{sample.output_text}}",
        "reference": "{{item.a}}",
        "evaluation_metric": "fuzzy_match",
    },
    "ranked_list": {},
    "set_f1": {"values": "fuzzy", "codes": True},
    "pattern": {"pattern": "answer is (.+)", "compare": "reference", "extract": 1},
    "penalty": {"free": 5, "most": 20, "repetition": 2, "copying": 2},
    "steps": {},
}

_MARKED = (
    "#### ¦\\boxed{¦}¦answer is ¦A:¦\n¦ ¦\t¦```json\n¦```¦<think>¦</think>¦<answer>¦</answer>¦=¦+¦-¦*¦/¦×¦÷¦(¦)¦%¦$¦"
    "^¦\\frac{¦\\sqrt{¦,¦.¦1e¦0¦7¦1234¦三百二十¦万¦两¦折¦答案是¦元¦{¦'a'¦:¦[¦]¦null¦NaN¦true¦SELECT ¦FROM t ¦;¦"
    'def f():¦\\¦\x00¦\u202e¦\ud800¦e\u0301¦\U0001f600¦yes¦no¦"a"¦item¦{{item.a}}'
)
_PIECES = _MARKED.split("¦")
_PIECED = st.lists(st.sampled_from(_PIECES), max_size=30).map("".join)
_TEXTS = st.one_of(_PIECED, st.text(max_size=200))
_SCALARS = st.one_of(
    _TEXTS, st.none(), st.booleans(), st.integers(), st.floats(), st.just(10**400), st.just(float("nan"))
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4), max_leaves=8
)


def test_every_grader_has_its_line() -> None:
    assert sorted(MINIMAL) == sorted(GRADERS)


@pytest.mark.parametrize("name", sorted(GRADERS))
def test_any_text_gets_a_score_in_bounds_or_none_and_a_reason(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "reward_model":
        monkeypatch.chdir(tiny_reward_model.folder())
    grader = parse_grader({"type": name} | MINIMAL[name])

    @settings(max_examples=150, deadline=None, database=None)
    @given(prompt=_TEXTS, completion=_TEXTS, reference=_VALUES, row=st.dictionaries(_TEXTS, _VALUES, max_size=3))
    def holds(prompt: str, completion: str, reference: object, row: dict[str, object]) -> None:
        [grade] = grader.grade_all([Sample(prompt, completion, reference, row, prompt[:20])])
        assert grade.score is None or 0 <= grade.score <= 1
        assert grade.reason
        assert not grade.reason.startswith("grader failed")

    holds()
