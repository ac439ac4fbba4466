"""What a step of PPO takes, beside the same with TRL's passes: `python -m benchmarks.rft_speed_ppo`.

TRL's passes take each prompt with each of its answers, padded to the longest of the batch; ours leave padding out and
read a prompt once (pipelines/lean_passes.py). The same weights, rows and draws, so that both learn the same; the CPU
time of a step, sampling included, is the median over --repeats, which alternate. Rows are the starter's word problems,
or those of --plan, whose stage --stage starts from the model folder --policy.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import torch
from trl import GRPOTrainer

from pipelines import ppo, shared_prompts
from pipelines.job import Job, Progress
from pipelines.lean_batch import Batch
from pipelines.lean_passes import LeanTrainer
from pipelines.plan_file import LoadedPlan, load_plan
from pipelines.sources import STARTER
from pipelines.starter.tasks import generate

OVERRIDDEN = ("_prepare_inputs", "_get_per_token_logps_and_entropies")
PLAN = """
name: speed
data: {train: rows.jsonl}
graders: {answer: {type: numeric}}
metric: answer
stages: [{type: ppo, name: ppo, max_new_tokens: 64, learning_rate: 1e-4}]
"""


@contextmanager
def whole_rows() -> Iterator[None]:
    """TRL's passes, and the same for the values."""
    with (
        patch.multiple(LeanTrainer, **{name: getattr(GRPOTrainer, name) for name in OVERRIDDEN}),
        patch.object(Batch, "trimmed", lambda batch, _: batch),
        patch.object(shared_prompts, "saves", lambda _: False),
    ):
        yield


def seconds_a_step(loaded: LoadedPlan, name: str, policy: str, steps: int) -> float:
    """CPU seconds of training, without what comes before and after it, over the optimizer's steps."""
    stage = next(stage for stage in loaded.plan.stages if stage.name == name).model_copy(update={"steps": steps})
    plan = loaded.plan.model_copy(update={"stages": (stage,)})
    spent: list[float] = []
    real = GRPOTrainer.train

    def train(trainer: GRPOTrainer, **arguments: object) -> object:
        begun = time.process_time()
        found = real(trainer, **arguments)
        spent.append((time.process_time() - begun) / trainer.state.global_step)
        return found

    with tempfile.TemporaryDirectory() as folder, patch.object(GRPOTrainer, "train", train):
        progress = Progress(Path(folder) / "events.jsonl")
        ppo.run(Job(plan, name, loaded.folder, Path(folder), policy, None, progress))
    return spent[0]


def main() -> None:
    """Measures and prints the two, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, help="A plan with a stage of PPO; usual: the starter's word problems.")
    parser.add_argument("--stage", default="ppo")
    parser.add_argument("--policy", default=str(STARTER))
    parser.add_argument("--steps", type=int, default=3, help="Batches of answers.")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = options.plan
        if path is None:
            path = Path(folder) / "plan.yaml"
            path.write_text(PLAN)
            rows = [{"prompt": row["prompt"], "reference": row["reference"]} for row in generate("arithmetic", 1000, 5)]
            (Path(folder) / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        loaded = load_plan(path)
        ours, trls = [], []
        for _ in range(options.repeats):
            ours.append(seconds_a_step(loaded, options.stage, options.policy, options.steps))
            with whole_rows():
                trls.append(seconds_a_step(loaded, options.stage, options.policy, options.steps))
    lean, whole = statistics.median(ours), statistics.median(trls)
    print(f"CPU seconds an optimizer step: {lean:.2f} lean, {whole:.2f} with whole rows; {lean / whole:.2f} of it")


if __name__ == "__main__":
    main()
