"""reward_model: the model's own number less its centre, whatever stands beside it in the batch."""

import math
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from graders.base import Sample
from graders.errors import UserError
from graders.reward_model import is_stage, stages_of, with_folders
from graders.union import parse_grader
from pipelines.sources import STARTER
from tests.graders import tiny_reward_model

TURNS = ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "May I come on Monday?"})
ANSWERS = [
    "Of course, Ann.",
    "No.",
    "Well, as for the spoons, there is much to say, and I would say all of it.",
]


@pytest.fixture(scope="module")
def grader():
    return parse_grader({"type": "reward_model", "model": "./reward-model"}, folder=tiny_reward_model.folder())


def samples() -> list[Sample]:
    return [Sample(TURNS[-1]["content"], answer, messages=TURNS) for answer in ANSWERS]


def test_raw_is_the_models_number_less_its_centre_and_score_its_sigmoid(grader) -> None:
    where = tiny_reward_model.folder() / "reward-model"
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(where), AutoTokenizer.from_pretrained(where)
    for answer, grade in zip(ANSWERS, grader.grade_all(samples()), strict=True):
        text = tokenizer.apply_chat_template([*TURNS, {"role": "assistant", "content": answer}], tokenize=False)
        with torch.no_grad():
            number = model(**tokenizer(text, add_special_tokens=False, return_tensors="pt")).logits.item()
        assert grade.raw == pytest.approx(number - 0.25, abs=1e-5)
        assert grade.score == pytest.approx(1 / (1 + math.exp(-grade.raw)))
        assert grader.reward(grade) == grade.raw


def test_neighbours_in_a_batch_change_nothing(grader) -> None:
    together = [grade.raw for grade in grader.grade_all(samples())]
    alone = [grader.grade(sample).raw for sample in samples()]
    assert together == pytest.approx(alone, abs=1e-5)


def test_the_whole_conversation_counts(grader) -> None:
    with_system, without = samples()[0], Sample(TURNS[-1]["content"], ANSWERS[0])
    assert grader.grade(with_system).raw != pytest.approx(grader.grade(without).raw, abs=1e-6)


def test_what_exceeds_the_context_is_unscored(grader) -> None:
    grade = grader.grade(Sample("Hello", "word " * 5000))
    assert grade.score is None
    assert "longer than the reward model's" in grade.reason


@pytest.mark.parametrize(("model", "said"), [(str(STARTER), "no reward model"), ("./nowhere", "cannot be loaded")])
def test_what_is_no_reward_model_is_told(model: str, said: str, tmp_path: Path) -> None:
    grader = parse_grader({"type": "reward_model", "model": model}, folder=tmp_path)
    with pytest.raises(UserError, match=said):
        grader.grade_all(samples())


def test_a_name_without_a_slash_is_a_stage_wherever_it_stands() -> None:
    assert [is_stage(name) for name in ("rm", "./rm", "/x/rm", "owner/rm")] == [True, False, False, False]
    multi = {"type": "multi", "graders": {"a": {"type": "reward_model", "model": "rm"}, "b": {"type": "numeric"}}}
    assert stages_of({"x": multi, "judge": {"type": "judge", "model": "rm"}}) == ["rm"]
    filled = with_folders({"x": multi, "judge": {"type": "judge", "model": "rm"}}, {"rm": "/run/rm/model"})
    assert filled["x"]["graders"]["a"]["model"] == "/run/rm/model"
    assert filled["judge"]["model"] == "rm"
