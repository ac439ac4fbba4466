"""Runs the plan and prints one table: `python -m benchmarks.extract --out DIR`. It needs no data but its own."""

from benchmarks.arms import main
from benchmarks.extract.make import make

BASELINES = {"base": "over the base", "after_sft": "over SFT", "after_exact": "over GRPO on the whole alone"}

if __name__ == "__main__":
    main(__doc__ or "", make, ("credit",), 1, BASELINES)
