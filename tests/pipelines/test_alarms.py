"""Each alarm rings on what it is for, names the fix, and stays silent on a healthy run."""

from typing import Any

import pytest

from pipelines.alarms import ALARMS, METRIC, Alarm, History

BY_NAME = {alarm.name: alarm for alarm in ALARMS}


def steps(count: int = 12, **values: Any) -> list[dict[str, Any]]:
    """A healthy run's log; a list gives one value a step, anything else the same value at each."""
    healthy = {
        "reward": [0.3 + 0.01 * step for step in range(count)],
        "frac_reward_zero_std": 0.4,
        "completions/clipped_ratio": 0.05,
        "completions/mean_length": [30.0 + step for step in range(count)],
        "entropy": 0.3,
        "kl": 0.1,
        "unscored": 0.0,
        "parts/format/mean": 0.95,
        "parts/format/spread": 0.1,
        "parts/answer/mean": 0.4,
        "parts/answer/spread": 0.4,
    } | values
    return [
        {name: value[step] if isinstance(value, list) else value for name, value in healthy.items()}
        for step in range(count)
    ]


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_a_healthy_run_rings_nothing(alarm: Alarm) -> None:
    for count in range(13):
        assert alarm.check(steps(12)[:count]) is None
    moved = steps(12)
    moved[4]["weights_moved"] = 1.0
    assert alarm.check(moved) is None


@pytest.mark.parametrize(
    ("name", "history", "said"),
    [
        ("no_spread", steps(frac_reward_zero_std=1.0, reward=0.0), "Warm up with an sft stage"),
        ("no_spread", steps(frac_reward_zero_std=1.0, reward=1.0), "too easy"),
        ("no_spread", steps(frac_reward_zero_std=1.0, reward=0.5), "The reward is constant"),
        ("little_spread", steps(frac_reward_zero_std=0.9), "90% of the groups"),
        ("truncation", steps(**{"completions/clipped_ratio": 0.4}), "40% of the answers are cut"),
        ("truncation", steps(**{"completions/clipped_ratio": 1.0}), "almost every answer is cut"),
        ("length", steps(**{"completions/mean_length": [30.0] * 5 + [95.0] * 7}), "from 30 to 95 tokens"),
        ("entropy", steps(entropy=[0.3] * 5 + [0.004] * 7), "entropy fell from 0.3 to 0.004"),
        ("kl", steps(kl=2.5), "2.5 nats a token"),
        (
            "one_part",
            steps(**{"parts/answer/mean": 0.06, "parts/answer/spread": 0.0, "parts/format/mean": 0.7}),
            "only `format` differs between answers, while `answer` stays at 0.06",
        ),
        ("unscored", steps(unscored=0.1), "could not judge 10% of the answers"),
    ],
)
def test_an_alarm_rings_on_what_it_is_for(name: str, history: History, said: str) -> None:
    for alarm in ALARMS:
        text = alarm.check(history)
        assert (text is not None) == (alarm.name == name), f"{alarm.name}: {text}"
    found = BY_NAME[name].check(history)  # type: ignore[index]  # a name of the table
    assert found is not None
    assert said in found


def test_where_nearly_all_is_right_the_rows_are_too_easy_and_answers_may_be_alike() -> None:
    history = [*steps(frac_reward_zero_std=0.9), {METRIC: 0.97}]
    found = BY_NAME["little_spread"].check(history)
    assert found is not None
    assert found.endswith("nearly all answers are right: stop here, or take harder rows")
    alike = steps(entropy=[0.3] * 5 + [0.004] * 7)
    assert BY_NAME["entropy"].check([*alike, {METRIC: 0.5}]) is not None
    assert BY_NAME["entropy"].check([*alike, {METRIC: 0.97}]) is None


def test_a_part_that_is_already_full_may_leave_the_difference_to_the_other() -> None:
    history = steps(**{"parts/format/mean": 0.99, "parts/format/spread": 0.0})
    assert BY_NAME["one_part"].check(history) is None


def test_a_doubled_length_is_normal() -> None:
    assert BY_NAME["length"].check(steps(**{"completions/mean_length": [30.0] * 5 + [60.0] * 7})) is None


def test_weights_that_stand_still_ring_only_where_there_was_something_to_learn() -> None:
    history = steps(5)
    history[4]["weights_moved"] = 0.0
    assert "no weight has moved after 5 steps" in (BY_NAME["still"].check(history) or "")
    idle = steps(5, frac_reward_zero_std=1.0)
    idle[4]["weights_moved"] = 0.0
    assert BY_NAME["still"].check(idle) is None


@pytest.mark.parametrize(
    ("reward", "high", "rings"), [(0.9, -0.02, True), (0.9, 0.01, False), (0.1, -0.02, False), (0.3, -0.02, False)]
)
def test_hacking_is_a_reward_that_rises_while_the_metric_falls_beyond_its_interval(
    reward: float, high: float, rings: bool
) -> None:
    before = steps(6, reward=0.3)
    after = steps(6, reward=reward)
    measured = {"validation": 0.2, "validation_change_high": high}
    history = [{"validation": 0.5}, *before, {"validation": 0.6, "validation_change_high": 0.2}, *after, measured]
    text = BY_NAME["hacking"].check(history)
    assert (text is not None) == rings
    if text:
        assert "reward rose from 0.30 to 0.90 while the metric fell from 0.60 to 0.20" in text


def test_hacking_looks_at_the_reward_of_the_very_answers_that_were_measured_where_it_is_known() -> None:
    best = {"validation": 0.6, "validation_reward": 0.1}
    fallen = {"validation": 0.2, "validation_change_high": -0.2, "validation_reward": 0.7}
    history = [best, *steps(6, reward=0.9), fallen]
    assert "reward rose from 0.10 to 0.70" in (BY_NAME["hacking"].check(history) or "")
    assert BY_NAME["hacking"].check([best, *steps(6), fallen | {"validation_reward": 0.05}]) is None


def test_a_step_in_which_nothing_was_scored_breaks_no_alarm() -> None:
    history = steps(12, reward=[0.3, None] * 6, unscored=1.0)
    rung = [alarm.name for alarm in ALARMS if alarm.check(history)]
    assert rung == ["unscored"]
