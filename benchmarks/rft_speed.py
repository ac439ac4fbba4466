"""How fast answers are sampled: the engine for k answers a prompt, against transformers' `generate`.

`python -m benchmarks.rft_speed` answers word problems with the starter and prints completions a second, of the engine
and of `generate` at the best of three batch sizes, with the same weights, dtype, attention and length limit. By the CPU
time of one thread (which a busy machine does not change) and by the clock; each is the median of --repeats.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from pipelines import decoding, sampling
from pipelines.job import Progress
from pipelines.models import Policy, load_policy
from pipelines.plan import ModelSpec
from pipelines.sampling import Sampling, sample
from pipelines.sources import STARTER
from pipelines.starter.tasks import generate

BATCHES = (64, 128, 256)


def measured(policy: Policy, prompts: int, k: int, limit: int, repeats: int) -> tuple[float, float, float]:
    """Median completions a CPU second and a second, and mean tokens a completion."""
    asked = [[{"role": "user", "content": row["prompt"]}] for row in generate("arithmetic", prompts, 5)]
    rates = []
    for seed in range(repeats):
        cpu, clock = time.process_time(), time.perf_counter()
        answers = sample(policy, asked, Sampling(limit, 1.0, k, seed), {}, Progress(Path("/dev/null")))
        cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
        tokens = statistics.fmean(answer.num_tokens for some in answers for answer in some)
        rates.append((prompts * k / cpu, prompts * k / clock, tokens))
    return tuple(map(statistics.median, zip(*rates, strict=True)))  # type: ignore[return-value]  # three columns


def with_generate(rows: int, measure: Callable[[], tuple[float, float, float]]) -> tuple[float, float, float]:
    """The same through `generate`, so many answers at once."""
    fits, rows_at_once = decoding.fits, sampling.rows_at_once
    decoding.fits, sampling.rows_at_once = (lambda _: False), (lambda *_: rows)
    try:
        return measure()
    finally:
        decoding.fits, sampling.rows_at_once = fits, rows_at_once


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=192)
    parser.add_argument("--k", type=int, default=8, help="Answers to each prompt.")
    parser.add_argument("--limit", type=int, default=64, help="Tokens of an answer at most.")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--use", choices=["answer", "draw"], default="answer", help="draw: in bf16 where that is faster."
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    policy = load_policy(str(STARTER), ModelSpec(), options.use)

    def measure() -> tuple[float, float, float]:
        return measured(policy, options.prompts, options.k, options.limit, options.repeats)

    print(f"{options.prompts} prompts, k = {options.k}, {policy.model.dtype}, {options.threads} thread(s)")
    print("                 a CPU second   a second   tokens each")
    best = (0.0, 0.0)
    for rows in BATCHES:
        cpu, clock, tokens = with_generate(rows, measure)
        best = max(best, (cpu, clock))
        print(f"generate {rows:>5}    {cpu:12.0f} {clock:10.0f} {tokens:13.1f}", flush=True)
    cpu, clock, tokens = measure()
    print(f"engine            {cpu:12.0f} {clock:10.0f} {tokens:13.1f}")
    print(f"engine over the best of generate: {cpu / best[0]:.2f} by CPU time, {clock / best[1]:.2f} by the clock")


if __name__ == "__main__":
    main()
