"""Runs the plan and prints one table: `python -m benchmarks.svamp --data DIR --out DIR --seeds 0`.

DIR of --data holds svamp_python_sdp.json and svamp_test_set.json of ReFT's repository.
"""

from benchmarks.arms import main
from benchmarks.svamp.make import make

BASELINES = {"after_sft": "over SFT on 600", "after_sft_longer": "over SFT for as long"}

if __name__ == "__main__":
    main(__doc__ or "", make, ("programs",), 1, BASELINES)
