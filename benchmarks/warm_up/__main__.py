"""Runs the plans over seeds and prints one table: `python -m benchmarks.warm_up --out DIR`. It makes its rows."""

from benchmarks.arms import main
from benchmarks.warm_up.make import make

FILES = ("mixed", "steps", "many")
BASELINES = {f"after_{name}_direct": f"over GRPO alone, {name}" for name in FILES}

if __name__ == "__main__":
    main(__doc__ or "", make, FILES, len(FILES), BASELINES)
