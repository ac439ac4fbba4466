"""What our runner costs beside the same TRL calls in a plain script: `python -m benchmarks.overhead --out DIR`.

SFT of the starter on 800 made-up rows, by `finetune-advisor run` and by the script below: the same tokens, batches,
rate, schedule, seed; no evaluation while training, no checkpoint within ten minutes in either. Runs alternate. Told are
medians over pairs of ours ÷ plain: seconds of training by the clock, CPU seconds and peak memory of the whole process
tree; and, apart, the seconds around training (imports, loading, saving; ours also hashes the data and starts a process
for the stage).

--attention eager: the script computes attention as ours does on short rows of a CPU, which is faster and takes more
memory than the sdpa of TRL and transformers. --size: a random model of so many million parameters
(benchmarks/memory.py) instead of the starter, on --rows rows, for what the runner's own memory is beside a model's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from benchmarks.memory import SHAPES, make_model
from pipelines.data.formats import sft_examples
from pipelines.data.load import load_rows
from pipelines.data.spec import DataSpec
from pipelines.models import computes_in_bf16
from pipelines.sources import STARTER
from pipelines.starter.tasks import generate

ROWS, EPOCHS, BATCH, RATE = 800, 2, 16, 3e-4
PLAIN = """
import json, sys, time
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

model, examples, arguments, out, attention = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(model)
config = SFTConfig(output_dir=out + "/checkpoints", **json.load(open(arguments)))
trainer = SFTTrainer(
    model=AutoModelForCausalLM.from_pretrained(model, dtype="float32", attn_implementation=attention),
    args=config,
    train_dataset=Dataset.from_list(json.load(open(examples))),
    processing_class=tokenizer,
)
begun = time.perf_counter()
trainer.train()
json.dump(time.perf_counter() - begun, open(out + "/seconds.json", "w"))
trainer.save_model(out + "/model")
tokenizer.save_pretrained(out + "/model")
"""
MAIN = "import sys; from advisor.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))"


@dataclass(frozen=True, slots=True)
class Run:
    """training, whole: seconds by the clock; cpu: seconds of all processes; peak: bytes of the largest one."""

    training: float
    whole: float
    cpu: float
    peak: int


def prepare(folder: Path, model: Path = STARTER, count_of_rows: int = ROWS) -> None:
    """Rows, the plan, and for the plain script its tokens and arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, count, seed in (("train", count_of_rows, 5), ("test", 20, 6)):
        rows = generate("arithmetic", count, seed)
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = {
        "version": 1,
        "name": "overhead",
        "model": {"name": "starter" if model == STARTER else str(model), "tuning": "full"},
        "data": {"train": "train.jsonl", "test": "test.jsonl", "split": {"validation": 0.0}},
        "metric": "likelihood",
        "stages": [{"type": "sft", "name": "sft", "epochs": EPOCHS, "batch_size": BATCH, "learning_rate": RATE}],
    }
    (folder / "plan.yaml").write_text(json.dumps(plan))
    rows = load_rows("train.jsonl", DataSpec(train="train.jsonl"), folder)
    examples = sft_examples(rows, AutoTokenizer.from_pretrained(STARTER), 512, {}, "none")
    (folder / "examples.json").write_text(json.dumps(examples.examples))
    arguments = {
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": EPOCHS,
        "learning_rate": RATE,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.1,
        "max_grad_norm": 1.0,
        "bf16": computes_in_bf16(),
        "use_cpu": True,
        "seed": 0,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "max_length": None,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
    }
    (folder / "arguments.json").write_text(json.dumps(arguments))


def plain(folder: Path, number: int, model: Path, attention: str) -> Run:
    """The script, in a process of its own."""
    out = folder / f"plain-{number}"
    out.mkdir(exist_ok=True)
    files = [str(model), str(folder / "examples.json"), str(folder / "arguments.json"), str(out), attention]
    whole, cpu, peak = _timed([sys.executable, "-c", PLAIN, *files], folder)
    return Run(json.loads((out / "seconds.json").read_text()), whole, cpu, peak)


def ours(folder: Path, number: int, _model: Path, _attention: str) -> Run:
    """`run` of the plan, which names the model, in a folder of its own."""
    out = folder / f"ours-{number}"
    whole, cpu, peak = _timed([sys.executable, "-c", MAIN, "run", "plan.yaml", "--out", str(out)], folder)
    (record,) = out.glob("stages/sft-????????/done.json")
    return Run(json.loads(record.read_text())["numbers"]["train_seconds"], whole, cpu, peak)


def _timed(command: list[str], folder: Path) -> tuple[float, float, int]:
    """Seconds by the clock, CPU seconds and peak bytes, of the command and all that it waited for."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "GOMP_SPINCOUNT": "10000"}
    begun = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:4]} ended with code {process.returncode}")
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def main() -> None:
    """One line a pair, then the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("overhead-run"))
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    parser.add_argument("--size", type=int, choices=SHAPES)
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args()
    folder = options.out.resolve()
    model = STARTER
    if options.size:
        model = folder / "model"
        make_model(model, SHAPES[options.size])
    prepare(folder, model, options.rows)
    pairs = []
    for number in range(options.pairs):
        order = (ours, plain) if number % 2 else (plain, ours)
        found: dict[Any, Run] = {run: run(folder, number, model, options.attention) for run in order}
        pairs.append((found[ours], found[plain]))
        print(_told(f"pair {number}", pairs[-1:]), flush=True)
    print(_told(f"median of {len(pairs)}", pairs))
    for name, place in (("ours", 0), ("plain", 1)):
        around = statistics.median(pair[place].whole - pair[place].training for pair in pairs)
        peak = statistics.median(pair[place].peak for pair in pairs) / 2**20
        print(f"{name}: around training {around:.1f} s, peak {peak:.0f} MiB")


def _told(name: str, pairs: list[tuple[Run, Run]]) -> str:
    ratios = {
        key: statistics.median(getattr(one, key) / getattr(other, key) for one, other in pairs)
        for key in ("training", "cpu", "peak")
    }
    seconds = statistics.median(other.training for _, other in pairs)
    shown = ", ".join(f"{key} {ratio:.3f}" for key, ratio in ratios.items())
    return f"{name}: ours ÷ plain: {shown} (plain trains {seconds:.1f} s)"


if __name__ == "__main__":
    main()
