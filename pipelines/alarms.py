"""Alarms of RL, a table of pure functions over what was logged so far: each says what is wrong, and the fix.

In: one mapping a log entry, oldest first: TRL's own names, and what pipelines/rewards.py, pipelines/keep_best.py and
pipelines/bell.py add. Out: a sentence, or None. Where no threshold is published, the one here is ours and says so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.evals.signal import TOO_GOOD

History = Sequence[Mapping[str, Any]]
AlarmName = Literal[
    "no_spread", "little_spread", "truncation", "length", "entropy", "kl", "one_part", "unscored", "still", "hacking"
]
PreferenceAlarmName = Literal["chosen_falls", "overfit"]
"""Those of training on preferences: pipelines/preference_alarms.py."""
SPREADLESS = "frac_reward_zero_std"
"""TRL's name for the share of groups whose answers were all worth the same: nothing is learned from them."""
UNSCORED = "unscored"
"""Share of answers that the grader could not judge."""
PART_MEAN, PART_SPREAD = "parts/{}/mean", "parts/{}/spread"
"""A grader's sub-score: its mean, and its standard deviation among the answers to one prompt."""
WEIGHTS_MOVED = "weights_moved"
"""1 or 0, in the entry of step STILL_STEPS alone."""
METRIC, METRIC_HIGH = "validation", "validation_change_high"
"""The plan's metric on validation rows, and the upper end of the interval of its change since its best."""
HELD_REWARD = "validation_reward"
"""The reward of the same answers, where the reward is not the metric: pipelines/proxy.py."""

RECENT = 5
"""Entries of a value that are averaged before an alarm may ring, and at the start as what it is compared with: ours."""
NO_SPREAD_ROUNDS = 10
"""Rounds of sampling in a row without any spread: ours. Users lost whole runs this way (verifiers#3071, trl#3857)."""
LITTLE_SPREAD = 0.8
"""Share of groups without spread above which Axolotl's guide calls a run unhealthy."""
TRUNCATED, ALL_TRUNCATED = 0.3, 0.95
"""Share of answers that were cut: Axolotl's guide wants less than 0.3. The second is ours (trl#5697: 97 to 99 %)."""
LONGER = 3.0
"""Microsoft's guide to reward hacking: a doubled length is normal, three times is verbosity."""
COLLAPSED = 0.01
"""Nats per token: Axolotl's guide calls less a collapse. A policy that began almost as sure is left alone."""
RUNAWAY = 2.0
"""KL per token in nats above which Axolotl's guide calls a run diverged."""
UNSCORED_SHARE = 0.1
"""Ours: at a tenth the grader chooses which answers count."""
STILL_STEPS = 5
"""A published case trained on with a gradient of zero (mlx-lm-lora#55); the first step of a warm-up has a rate of 0."""
DOMINANT, LACKING = 0.95, 0.9
"""Ours: one part makes this share of the spread while another stands below that mean and teaches nothing (open-r1#255:
format 0.48 → 0.86 while accuracy fell 0.16 → 0.06)."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """check: the history → what is wrong and how to mend it, or None."""

    name: AlarmName | PreferenceAlarmName
    check: Callable[[History], str | None]


def _last(history: History, key: str, steps: int = RECENT) -> list[float]:
    """The newest `steps` values; [] while there are fewer."""
    values = [float(entry[key]) for entry in history if entry.get(key) is not None]
    return values[-steps:] if len(values) >= steps else []


def _first(history: History, key: str) -> list[float]:
    return [float(entry[key]) for entry in history if entry.get(key) is not None][:RECENT]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def no_spread(history: History) -> str | None:
    """No group in NO_SPREAD_ROUNDS rounds had answers of different worth."""
    shares, rewards = _last(history, SPREADLESS, NO_SPREAD_ROUNDS), _last(history, "reward", NO_SPREAD_ROUNDS)
    if not shares or min(shares) < 1.0:
        return None
    happened = f"in the last {NO_SPREAD_ROUNDS} rounds of sampling all answers to each prompt were worth the same"
    if not rewards or max(rewards) - min(rewards) > 1e-6:
        return f"{happened}, so nothing is learned. A grader with partial credit, or a higher temperature, gives spread"
    if rewards[-1] <= 0:
        return f"{happened}: 0. Warm up with an sft stage, take easier rows, or check the grader: samples.jsonl"
    if rewards[-1] >= 1:
        return f"{happened}: 1. The rows are too easy: stop here, or take harder ones"
    return f"{happened}: {rewards[-1]:.2f}, always. The reward is constant; run `grade audit` on its grader"


def little_spread(history: History) -> str | None:
    """Most groups teach nothing."""
    shares = _last(history, SPREADLESS, NO_SPREAD_ROUNDS)
    if not shares or _mean(shares) <= LITTLE_SPREAD or min(shares) == 1.0:
        return None
    if _nearly_all_right(history):
        fix = "nearly all answers are right: stop here, or take harder rows"
    else:
        fix = "raise group_size, take rows that the model solves now and then, or give partial credit"
    return f"{_mean(shares):.0%} of the groups of the last {len(shares)} rounds had no spread and taught nothing; {fix}"


def _nearly_all_right(history: History) -> bool:
    """By the metric, which lies within [0, 1]; a reward model's number need not."""
    measured = [entry[METRIC] for entry in history if METRIC in entry]
    return bool(measured) and measured[-1] >= TOO_GOOD


def truncation(history: History) -> str | None:
    """Many answers are cut before they end."""
    shares = _last(history, "completions/clipped_ratio")
    if not shares or _mean(shares) <= TRUNCATED:
        return None
    many = "almost every answer is" if _mean(shares) >= ALL_TRUNCATED else f"{_mean(shares):.0%} of the answers are"
    fix = "raise max_new_tokens; if they never end at all, put an sft stage first, which teaches the end"
    return f"{many} cut before the end and graded as cut; {fix}"


def length(history: History) -> str | None:
    """Answers grew past what learning explains."""
    now, then = _last(history, "completions/mean_length"), _first(history, "completions/mean_length")
    if not now or _mean(now) < LONGER * _mean(then):
        return None
    fix = "look for padding in samples.jsonl, or set overlong_penalty: true"
    return f"answers grew from {_mean(then):.0f} to {_mean(now):.0f} tokens: does the grader like length? {fix}"


def entropy(history: History) -> str | None:
    """The policy became so sure of itself that its samples are all alike. GRPO's entropy is that of the answers it
    trains on; where those of a group are alike they are worth the same, and `no_spread` tells. Of answers that are
    nearly all right it says nothing: they may be alike."""
    now, then = _last(history, "entropy"), _first(history, "entropy")
    if not now or _mean(now) >= COLLAPSED or _mean(then) < 2 * COLLAPSED or _nearly_all_right(history):
        return None
    fix = "a lower learning_rate, kl: 0.01 or loss: dapo (which leaves room for rare tokens) keep it open"
    return f"entropy fell from {_mean(then):.2g} to {_mean(now):.2g} nats a token: samples are all alike; {fix}"


def kl(history: History) -> str | None:
    """The policy is far from where the stage began; measured only where `kl` is not 0."""
    now = _last(history, "kl")
    if not now or _mean(now) <= RUNAWAY:
        return None
    fix = "lower learning_rate, or raise kl"
    return f"the policy is {_mean(now):.1f} nats a token from the model that it started from, and diverges; {fix}"


def one_part(history: History) -> str | None:
    """One part of the reward makes all the difference while another is still low."""
    heads = PART_MEAN.split("{}", maxsplit=1)
    names = sorted({key[len(heads[0]) : -len(heads[1])] for key in history[-1] if _is_mean(key)} if history else ())
    spread = {name: _mean(found) for name in names if (found := _last(history, PART_SPREAD.format(name)))}
    if len(spread) < 2 or sum(spread.values()) <= 0:
        return None
    leader = max(spread, key=lambda name: spread[name])
    means = {name: _mean(_last(history, PART_MEAN.format(name))) for name in spread}
    low = [name for name in spread if name != leader and means[name] < LACKING and spread[name] < 0.05 * spread[leader]]
    if spread[leader] / sum(spread.values()) < DOMINANT or not low:
        return None
    lowest = min(low, key=lambda name: means[name])
    fix = f"weigh `{lowest}` more, give it partial credit, or multiply the two"
    return f"only `{leader}` differs between answers, while `{lowest}` stays at {means[lowest]:.2f}; {fix}"


def _is_mean(key: str) -> bool:
    head, tail = PART_MEAN.split("{}")
    return key.startswith(head) and key.endswith(tail)


def unscored(history: History) -> str | None:
    """The grader fails on many answers; they count for nothing."""
    shares = _last(history, UNSCORED)
    if not shares or _mean(shares) < UNSCORED_SHARE:
        return None
    fix = "samples.jsonl shows one with its reason; try the grader with `grade run`"
    return f"the grader could not judge {_mean(shares):.0%} of the answers, which then teach nothing; {fix}"


def still(history: History) -> str | None:
    """There was something to learn from, and yet no weight changed."""
    moved = [entry[WEIGHTS_MOVED] for entry in history if WEIGHTS_MOVED in entry]
    learnable = any(entry.get(SPREADLESS, 1.0) < 1.0 for entry in history)
    if not moved or moved[-1] or not learnable:
        return None
    fix = "raise learning_rate; weights in bf16 swallow small steps (tuning: lora trains in fp32)"
    return f"no weight has moved after {STILL_STEPS} steps; {fix}"


def hacking(history: History) -> str | None:
    """The reward rose while the metric fell by more than chance."""
    measured = [place for place, entry in enumerate(history) if METRIC in entry]
    if len(measured) < 2 or history[measured[-1]].get(METRIC_HIGH, 0.0) >= 0:
        return None
    best = max(measured[:-1], key=lambda place: (history[place][METRIC], place))
    then, now = _rewards_around(history, best), _rewards_around(history, measured[-1])
    if not then or not now or _mean(now) <= _mean(then):
        return None
    scores = f"from {history[best][METRIC]:.2f} to {history[measured[-1]][METRIC]:.2f}"
    fix = "look at samples.jsonl for what the reward's grader likes, and run `grade audit` on it"
    rewards = f"reward rose from {_mean(then):.2f} to {_mean(now):.2f}"
    return f"{rewards} while the metric fell {scores} on validation rows, beyond its interval; {fix}"


def _rewards_around(history: History, place: int) -> list[float]:
    """That of the answers that were measured; else RECENT rewards up to the entry, or at the beginning after it."""
    if HELD_REWARD in history[place]:
        return [float(history[place][HELD_REWARD])]
    before = [entry["reward"] for entry in history[:place] if entry.get("reward") is not None]
    after = [entry["reward"] for entry in history[place:] if entry.get("reward") is not None]
    return before[-RECENT:] or after[:RECENT]


ALARMS: tuple[Alarm, ...] = (
    Alarm("no_spread", no_spread),
    Alarm("little_spread", little_spread),
    Alarm("truncation", truncation),
    Alarm("length", length),
    Alarm("entropy", entropy),
    Alarm("kl", kl),
    Alarm("one_part", one_part),
    Alarm("unscored", unscored),
    Alarm("still", still),
    Alarm("hacking", hacking),
)
