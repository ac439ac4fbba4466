"""Public preferences in their original formats, where FINETUNE_ADVISOR_DATA names their folder; skipped elsewhere."""

import os
from pathlib import Path

import pytest

from pipelines.data.spec import DataSpec
from pipelines.preferences.audit_record import PreferenceAudit
from pipelines.preferences.on_files import audit_file
from tests.pipelines.preferences.made import names, rows_of

FOLDER = Path(os.environ.get("FINETUNE_ADVISOR_DATA", "/nowhere"))


def audited(name: str) -> PreferenceAudit:
    if not (FOLDER / name).exists():
        pytest.skip("FINETUNE_ADVISOR_DATA does not name a folder that has it")
    return audit_file(DataSpec(train=name), FOLDER)


def test_hh_rlhf_has_five_pairs_with_different_prompts_and_people_prefer_the_shorter_refusal() -> None:
    found = audited("hh-rlhf-harmless/test.jsonl.gz")
    assert rows_of(found, "different_prompts") == (1255, 1689, 1951, 1953, 2037)
    assert rows_of(found, "missing_sides") == (87, 517, 926, 1104)
    longer, surface = found.measures.longer, found.measures.surface
    assert longer is not None
    assert surface is not None
    assert round(longer.value, 2) == 0.45
    assert 0.58 < surface.value < 0.65
    assert found.measures.agreement is None
    assert found.verdict == "fix first"


def test_pandalm_agrees_as_its_authors_say() -> None:
    """Their README: Cohen's kappa 0.85, 0.88, 0.86 between the three annotators."""
    found = audited("pandalm-human-prefs/testset-v1.json").measures.agreement
    assert found is not None
    assert [round(one.kappa or 0, 2) for one in found.kappas] == [0.85, 0.88, 0.86]
    assert found.alpha is not None
    assert round(found.alpha.value, 2) == 0.86
    assert found.pairwise.low < 0.946 < found.pairwise.high
    assert found.ceiling.value == pytest.approx((1 + (2 * found.pairwise.value - 1) ** 0.5) / 2)
    assert found.ceiling.low < 0.97 < found.ceiling.high


def test_pairs_that_two_models_of_unlike_style_wrote_are_too_easy() -> None:
    found = audited("foundry-dpo-orca/validation.jsonl")
    assert {"too_easy", "length_bias"} <= names(found)
    assert found.measures.longer is not None
    assert found.measures.longer.value < 0.25


def test_llmbars_adversarial_answers_are_longer_where_they_are_worse_and_its_natural_ones_are_not() -> None:
    assert "length_bias" in names(audited("llmbar/LLMBar__Adversarial__Neighbor.json"))
    assert names(audited("llmbar/LLMBar__Natural.json")) == {"too_few", "few_held_out"}
