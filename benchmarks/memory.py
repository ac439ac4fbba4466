"""How near `check`'s estimate of memory comes to the peak of a real step: random models, every method, full and LoRA.

    python -m benchmarks.memory --out memory-run --sizes 50 150     (12 is a quick look; 600 needs 12 GiB, 23 for PPO)

Models are Qwen3-shaped, made by config with random weights; rows are made up. Each trial does what the child of
`check --one-step` does, in a process forked after the imports, one at a time. What is measured stays in
OUT/measured.jsonl: a run that was stopped goes on.
"""

import argparse
import itertools
import json
import os
import random
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.data.split import load_split
from pipelines.plan_file import load_plan
from pipelines.preflight import children, look_child, trial_child
from pipelines.preflight.look import Look, StageLook
from pipelines.preflight.memory import free_bytes
from pipelines.preflight.subject import Subject
from pipelines.preflight.trial import measure
from pipelines.sources import STARTER
from pipelines.stages import STAGES


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a Qwen3. rows: of a batch; terms: of the sums in a row. Few, so that a step takes seconds, and yet enough that
    its activations count."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    rows: int
    terms: int = 8


SHAPES = {
    12: Shape(256, 768, 6, 4, 2, 64, 32_768, 4),
    50: Shape(512, 1536, 8, 8, 4, 64, 49_152, 4),
    150: Shape(768, 2304, 14, 12, 4, 64, 65_536, 4),
    600: Shape(1024, 3072, 28, 16, 8, 128, 151_936, 2, terms=3),
}
METHODS = ("sft", "dpo", "kto", "reward_model", "rejection_sampling", "grpo", "ppo")
PAIRED = ("dpo", "kto", "reward_model")
TUNINGS = ("full", "lora")


def make_model(folder: Path, shape: Shape) -> None:
    """Random weights in fp32, with the starter's tokenizer: of the vocabulary only its first part has names."""
    import torch
    from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(STARTER)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=shape.vocab,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    Qwen3ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_rows(folder: Path, num_terms: int, num_rows: int = 80) -> None:
    """rows.jsonl: sums with a worked answer, some 20 tokens a term. pairs.jsonl: the same beside a wrong one."""
    draw = random.Random(0)
    rows, pairs = [], []
    for number in range(num_rows):
        terms = [draw.randint(10, 99) for _ in range(num_terms)]
        prompt = f"Sum {number}: " + " + ".join(map(str, terms)) + " = ?"
        steps, total = [], 0
        for term in terms:
            steps.append(f"{total} + {term} = {total + term}")
            total += term
        answer = "\n".join([*steps, f"#### {total}"])
        rows.append({"prompt": prompt, "completion": answer, "reference": str(total)})
        pairs.append({"prompt": prompt, "chosen": answer, "rejected": answer.replace("= ", "= 1")})
    for name, some in {"rows": rows, "pairs": pairs}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")


def plan_of(method: str, tuning: str, shape: Shape) -> dict[str, Any]:
    """One stage of the method."""
    stage: dict[str, Any] = {"type": method, "name": "stage"}
    if method == "grpo":
        stage |= {"group_size": 2, "prompts_per_step": shape.rows // 2, "max_new_tokens": 64}
    elif method == "ppo":
        stage |= {"prompts_per_step": shape.rows // 2, "max_new_tokens": 64}
    else:
        stage |= {"batch_size": shape.rows // 2 if method in ("dpo", "reward_model") else shape.rows}
    if method == "rejection_sampling":
        stage |= {"samples_per_prompt": 2, "max_new_tokens": 64}
    return {
        "name": "memory",
        "model": {"name": "./model", "tuning": tuning},
        "data": {"train": "pairs.jsonl" if method in PAIRED else "rows.jsonl"},
        "graders": {"answer": {"type": "numeric"}},
        "metric": "answer",
        "stages": [stage],
    }


def forked(_: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """children.run for a script whose imports this process has done already."""
    with tempfile.TemporaryDirectory() as name:
        left = Path(name) / "answer.json"
        child = os.fork()
        if child == 0:
            code = 1
            try:
                left.write_text(json.dumps(trial_child.main(dict(request))))
                code = 0
            except BaseException:  # noqa: BLE001 - a fork must not run its parent's code
                traceback.print_exc()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        if status:
            raise SystemExit(f"a trial failed: {status}")
        found: dict[str, Any] = json.loads(left.read_text())
    return found


def looked_at(folder: Path, method: str, tuning: str, shape: Shape) -> tuple[Subject, StageLook]:
    """The plan of a trial, with what the formula says of its stage."""
    path = folder / f"{method}-{tuning}.yaml"
    path.write_text(json.dumps(plan_of(method, tuning, shape)))
    loaded = load_plan(path)
    request = {"plan": loaded.plan.model_dump(mode="json"), "base": str(folder), "with_rows": True}
    look = Look.model_validate(look_child.main(request))
    return Subject(loaded, folder / "run", load_split(loaded.plan.data, loaded.folder), look), look.stages[0]


def line(key: Mapping[str, Any], look: StageLook, peak: int) -> str:
    """A row of the table: MiB by the formula and measured."""
    sizes = f"{look.trial_bytes / 2**20:,.0f} | {peak / 2**20:,.0f} | {look.trial_bytes / peak - 1:+.1%}"
    step = f"{look.micro} × {look.longest}"
    return f"| {key['size']} M | {key['method']} | {key['tuning']} | {step} | {sizes} |"


def main() -> None:
    """Measures what is not measured yet, then prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50], choices=SHAPES)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--tunings", nargs="+", default=TUNINGS, choices=TUNINGS)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for method in METHODS:
        STAGES[method].function()
    children.run = forked
    kept = asked.out / "measured.jsonl"
    done = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    for size, tuning, method in itertools.product(asked.sizes, asked.tunings, asked.methods):
        folder, key = asked.out / str(size), {"size": size, "method": method, "tuning": tuning}
        if not (folder / "model" / "config.json").exists():
            make_model(folder / "model", SHAPES[size])
        write_rows(folder, SHAPES[size].terms)
        subject, look = looked_at(folder, method, tuning, SHAPES[size])
        found = next((one for one in done if key.items() <= one.items()), None)
        if found is None and look.trial_bytes > free_bytes():
            print(f"| {size} M | {method} | {tuning} | needs {look.trial_bytes / 2**20:,.0f} MiB, which are not free |")
            continue
        if found is None:
            found = key | {"peak_bytes": measure(subject, look, "memory").peak_bytes}
            with kept.open("a") as file:
                file.write(json.dumps(found) + "\n")
        print(line(key, look, found["peak_bytes"]), flush=True)


if __name__ == "__main__":
    main()
