"""Runs the plan over seeds and prints one table: `python -m benchmarks.pens --out DIR`. It makes its rows itself."""

from benchmarks.arms import main
from benchmarks.pens.make import make

BASELINES = {"base": "over the base", "after_own_all": "over SFT on all of own"}

if __name__ == "__main__":
    main(__doc__ or "", make, ("all", "worked", "own_all", "own_worked", "unsolved"), 4, BASELINES)
