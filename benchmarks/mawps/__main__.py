"""Runs the plans over several seeds and prints one table: `python -m benchmarks.mawps --data DIR --out DIR`.

DIR of --data holds fold0_train.csv and fold0_dev.csv. `--plans claims` and `choices` are ReFT's own claims.
"""

from benchmarks.arms import main
from benchmarks.mawps.make import make

PLANS = ("rft", "all", "claims", "choices")
BASELINES = {
    "after_sft": "over SFT on 300",
    "after_sft_longer": "over SFT for as long",
    "after_ppo": "over PPO",
    "after_sft_choices": "over SFT on 300 with choices",
}
"""SFT on the worked rows with what did best on validation, for as long as PPO took, and with choices; and PPO."""

if __name__ == "__main__":
    main(__doc__ or "", make, PLANS, 2, BASELINES)
