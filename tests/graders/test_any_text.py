"""Every grader, any text, any reference: no exception, a score in [0, 1] or none, and a reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.base import Sample
from graders.union import GRADERS, parse_grader

# The fields that each grader cannot do without. A new grader adds its line.
MINIMAL: dict[str, dict[str, object]] = {
    "choice": {},
    "code_tests": {"timeout_seconds": 2},
    "exact_match": {},
    "json_fields": {},
    "multi": {
        "graders": {"a": {"type": "numeric"}, "b": {"type": "exact_match"}},
        "calculate_output": "0.5 * a + 0.5 * b",
    },
    "numeric": {},
    "python": {"source": "def grade(sample, item):\n    return len(sample['output_text']) % 2"},
    "similarity": {},
    "string_check": {"input": "{{sample.output_text}}", "reference": "{{item.a}}", "operation": "like"},
    "text_similarity": {
        "input": "{{sample.output_text}}",
        "reference": "{{item.a}}",
        "evaluation_metric": "fuzzy_match",
    },
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
def test_any_text_gets_a_score_in_bounds_or_none_and_a_reason(name: str) -> None:
    grader = parse_grader({"type": name} | MINIMAL[name])

    @settings(max_examples=150, deadline=None, database=None)
    @given(prompt=_TEXTS, completion=_TEXTS, reference=_VALUES, row=st.dictionaries(_TEXTS, _VALUES, max_size=3))
    def holds(prompt: str, completion: str, reference: object, row: dict[str, object]) -> None:
        [grade] = grader.grade_all([Sample(prompt, completion, reference, row, prompt[:20])])
        assert grade.score is None or 0 <= grade.score <= 1
        assert grade.reason
        assert not grade.reason.startswith("grader failed")

    holds()
