"""What `check` says of a probe that was made before."""

import pytest

from pipelines.preflight.signal import _told
from pipelines.probe_result import Probed


def probed(verdict: str) -> Probed:
    return Probed.model_validate(
        {
            "samples_per_prompt": 4,
            "mean_score": 0.4,
            "unscored": 0,
            "truncated_rate": 0.0,
            "mean_tokens": 5.0,
            "parse_rate": None,
            "prompts": 40,
            "mean_score_interval": (0.3, 0.5),
            "spread": 0.2,
            "prompts_with_spread": 20,
            "pass_at_k": {"1": 0.4},
            "groups_with_spread": [],
            "verdict": verdict,
            "group_size": 8,
            "max_new_tokens": 8,
            "rows": 40,
            "rows_from": "validation",
            "completions_per_group_with_spread": None,
            "completions_per_second": None,
            "sampling_seconds_per_pass": None,
            "advice": f"{verdict}.",
        }
    )


@pytest.mark.parametrize(
    ("verdict", "warmed", "level"),
    [
        ("ready", False, "green"),
        ("starved", False, "amber"),
        ("starved", True, "green"),  # the SFT before it is there to change that
        ("saturated", True, "amber"),
    ],
)
def test_what_a_probe_found_decides_the_line(verdict: str, warmed: bool, level: str) -> None:
    line = _told(probed(verdict), warmed)
    assert (line.level, line.about, line.number) == (level, "signal", 0.4)
    assert line.said == f"the model was probed: {verdict}."
    assert bool(line.fix) is (level == "amber")
