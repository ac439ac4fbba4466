"""KTO on a two-layer random model: good answers gain on bad ones, from marks or from pairs; weights by the counts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer
from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference

from graders.errors import UserError
from pipelines import evaluate, sized, sizing
from pipelines.data.render import NO_LOSS, encode
from pipelines.data.rows import Row, Rows
from pipelines.job import Job, Stopped
from pipelines.memory import Shape
from pipelines.plan import KTO as KTOStage
from pipelines.preferences.examples import thumb_examples
from pipelines.preferences.thumbs import thumb_weights
from pipelines.sizing import Batch, ModelFacts
from pipelines.stages import STAGES
from tests.pipelines.test_dpo import LORA, METRIC, curve
from tests.pipelines.test_grpo import StopsAt
from tests.pipelines.test_training import job_of, largest_change, run, weights

Writer = Callable[..., Path]
KTO = {"type": "kto", "name": "kto", "epochs": 3, "batch_size": 8, "learning_rate": 3e-3}
THINGS = [(n, what) for n in range(2, 22) for what in ("apples", "keys", "maps")]


def mark(n: int, what: str, good: bool) -> dict[str, Any]:
    answer = f"Gladly, {n} {what}." if good else f"No. Count {what} yourself!"
    return {"prompt": f"May I have {n} {what}?", "completion": answer, "label": good}


@pytest.fixture
def write_rows(write_plan: Writer, tmp_path: Path) -> Writer:
    """A plan over the given rows."""

    def write(rows: list[dict[str, Any]], *stages: dict[str, Any], **keys: Any) -> Path:
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return write_plan(*stages, **METRIC | keys)

    return write


def marks() -> list[dict[str, Any]]:
    """A third are good, which stand first."""
    return sorted((mark(n, what, n % 3 == 0) for n, what in THINGS), key=lambda row: not row["label"])


@pytest.mark.parametrize("tuning", [{"tuning": "full"}, LORA])
def test_kto_starts_as_its_reference_and_good_answers_gain_on_bad_ones(
    write_rows: Writer, tiny_model: Path, tmp_path: Path, tuning: dict[str, Any]
) -> None:
    plan = write_rows(marks(), KTO, model={"name": str(tiny_model), **tuning})
    numbers = run(plan, tiny_model, tmp_path / "out")
    margins, losses = curve(tmp_path / "out", "rewards/margins"), curve(tmp_path / "out", "loss")
    assert margins[0] == curve(tmp_path / "out", "chosen_change")[0] == curve(tmp_path / "out", "kl")[0] == 0.0
    assert margins[-1] > 0.01
    assert losses[-1] < losses[0]
    assert curve(tmp_path / "out", "rewards/chosen")[-1] > 0 > curve(tmp_path / "out", "rewards/rejected")[-1]
    assert largest_change(tiny_model, tmp_path / "out" / "model") > 1e-4
    assert numbers["good"] + numbers["bad"] == numbers["kl_rows"] > 20
    assert numbers["weights"] == [pytest.approx(numbers["bad"] / numbers["good"]), 1.0]
    assert "bad of row" in (tmp_path / "out" / "rows.txt").read_text()


def test_pairs_are_taken_apart_where_there_are_no_marks(write_rows: Writer, tiny_model: Path, tmp_path: Path) -> None:
    pairs = [
        {
            "prompt": mark(n, what, True)["prompt"],
            "chosen": mark(n, what, True)["completion"],
            "rejected": mark(n, what, False)["completion"],
        }
        for n, what in THINGS
    ]
    numbers = run(write_rows(pairs, KTO), tiny_model, tmp_path / "out")
    assert numbers["good"] == numbers["bad"] > 20
    assert numbers["weights"] == [1.0, 1.0]
    assert numbers["last_margin"] > 0.01


@pytest.mark.parametrize(("good", "said"), [(True, "are good.*"), (False, "are bad")])
def test_marks_of_one_kind_alone_are_refused(
    write_rows: Writer, tiny_model: Path, tmp_path: Path, good: bool, said: str
) -> None:
    with pytest.raises(UserError, match=said) as caught:
        run(write_rows([mark(n, what, good) for n, what in THINGS], KTO), tiny_model, tmp_path / "out")
    assert ("sft" in (caught.value.fix or "")) == good


def test_a_stopped_run_goes_on_to_the_same_weights(write_rows: Writer, tiny_model: Path, tmp_path: Path) -> None:
    plan = write_rows(marks(), KTO)
    run(plan, tiny_model, tmp_path / "whole")
    job = job_of(plan, tiny_model, tmp_path / "parts")
    broken = Job(job.plan, job.stage, job.base, job.folder, job.policy, None, StopsAt(job.folder / "events.jsonl", 4))
    with pytest.raises(Stopped):
        STAGES["kto"].function()(broken)
    STAGES["kto"].function()(job)
    whole, parts = weights(tmp_path / "whole" / "model"), weights(tmp_path / "parts" / "model")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.parametrize(
    ("good", "bad", "wanted"),
    [
        (50, 50, (1.0, 1.0)),
        (60, 50, (1.0, 1.0)),  # within 1 to 4:3
        (50, 100, (2.0, 1.0)),
        (200, 50, (1.0, 3.0)),
    ],
)
def test_weights_bring_good_to_bad_between_one_and_four_thirds(
    good: int, bad: int, wanted: tuple[float, float]
) -> None:
    of_good, of_bad = thumb_weights(good, bad)
    assert (of_good, of_bad) == pytest.approx(wanted)
    assert 1 - 1e-9 <= of_good * good / (of_bad * bad) <= 4 / 3 + 1e-9


def test_prompts_carry_no_loss_and_the_kl_takes_the_answer_to_another_prompt(tiny_model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    rows = [
        Row(n, ({"role": "user", "content": f"{n}?"},), completion=answer, desirable=good)
        for n, (answer, good) in enumerate([("Gladly.", True), ("No.", False), ("Of course.", True)], start=1)
    ]
    made = thumb_examples(Rows("marks.jsonl", "kto", {}, tuple(rows)), tokenizer, 100, {})
    batch = DataCollatorForUnpairedPreference(pad_token_id=tokenizer.pad_token_id)(made.examples)
    assert batch["label"].tolist() == [True, False, True]
    for place, row in enumerate(rows):
        encoded = encode(tokenizer, row.messages, str(row.completion), {})
        length = len(encoded.input_ids)
        assert batch["input_ids"][place][:length].tolist() == encoded.input_ids
        with_loss = batch["completion_mask"][place].tolist()
        assert with_loss[:length] == [int(label != NO_LOSS) for label in encoded.labels]
        other = str(rows[place - 1].completion)
        told = tokenizer.decode(batch["KL_input_ids"][place][batch["KL_attention_mask"][place].bool()])
        assert told == tokenizer.decode(encode(tokenizer, row.messages, other, {}).input_ids)


def test_a_micro_batch_has_two_to_eight_answers_whatever_the_device() -> None:
    shape = Shape(1_000_000, 768, 128, 4, 256, 4, 128, 128, 800_000, 8000)
    facts = ModelFacts(shape, context=512)

    def batch(size: int, memory_bytes: int = 2**30) -> Batch:
        device = sized.Device(1, sizing.Room(memory_bytes), "cpu", False, 32)
        stage = KTOStage(type="kto", name="kto", batch_size=size)
        return sized.kto(stage, facts, "full", sized.Data(640, 100), device).batch

    assert batch(64) == Batch(8, 8)
    assert batch(12) == Batch(6, 2)
    assert batch(64, memory_bytes=0) == Batch(2, 32)
    with pytest.raises(UserError, match="cannot be taken two to 8 at a time"):
        batch(11)


def test_how_well_good_answers_are_told_from_bad_ones_is_measured_by_every_pair_of_them(
    write_rows: Writer, tiny_model: Path, tmp_path: Path
) -> None:
    rows = [row | {"prompt": f"{n}: {row['prompt']}"} for n, row in enumerate(marks() * 4)]
    validation = {"train": "rows.jsonl", "split": {"test": 0.3, "validation": 0.2}}
    plan = write_rows(rows, KTO, {"type": "evaluate", "name": "base", "policy": None}, data=validation)
    numbers = run(plan, tiny_model, tmp_path / "out")
    scores = json.loads((tmp_path / "out" / "validation.json").read_text())
    assert sum(scores[str(numbers["taken_from_step"])]) > sum(scores["0"]), "the weights kept tell them apart better"
    job = job_of(plan, tiny_model, tmp_path / "base")
    before, after = (
        evaluate.run(Job(job.plan, "base", job.base, job.folder, str(policy), None, job.progress))
        for policy in (tiny_model, tmp_path / "out" / "model")
    )
    assert before["pass_rate"] is None
    assert after["mean_score"] > max(0.9, before["mean_score"])
    graded = [json.loads(line) for line in (tmp_path / "base" / "grades.jsonl").read_text().splitlines()]
    assert len(graded) == after["n"] > 10
    assert all(0 <= row["score"] <= 1 for row in graded)


def test_a_test_part_without_pairs_is_no_measurement(write_rows: Writer, tiny_model: Path, tmp_path: Path) -> None:
    rows = [{"prompt": f"{n}?", "completion": f"Gladly, {n}."} for n in range(60)]
    plan = write_rows(rows, {"type": "evaluate", "name": "base"})
    with pytest.raises(UserError, match="no test row can be measured by preference"):
        run(plan, tiny_model, tmp_path / "out")
