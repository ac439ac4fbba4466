"""Runs the plan over seeds and prints one table: `python -m benchmarks.pens --out DIR`. It needs no data but its own."""

from benchmarks.arms import main
from benchmarks.pens.make import make

BASELINES = {"base": "over the base", "after_sft": "over SFT"}

if __name__ == "__main__":
    main(__doc__ or "", make, ("all", "worked"), 2, BASELINES)
