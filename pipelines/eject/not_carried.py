"""What no peer has, or has otherwise: one sentence each, for the list in the folder."""

from typing import Any

from pipelines.eject.ready import Ready
from pipelines.plan import RewardModel

_SHOWN = 40


def of_stage(ready: Ready) -> list[str]:
    """Of any stage that trains."""
    stage, told = ready.stage, []
    if ready.stage.type != "reward_model":
        told.append(
            f"the best weights by `{ready.plan.metric}` on validation rows: the peer keeps those of the last step"
        )
    if alarms := getattr(stage, "stop_on", ()):
        told.append(f"alarms that end the training: {', '.join(alarms)}")
    if stage.max_minutes is not None:
        told.append(f"the limit of {stage.max_minutes:g} minutes: the peer does all {ready.size.steps:,} steps")
    if stage.same_time_as is not None:
        told.append(f"the time of `{stage.same_time_as}`, at which it would stop: the peer does all its steps")
    if stage.type == "rejection_sampling":
        told.append("sampling and grading: these are the rows that the run kept")
    return told


def of_reward_model(stage: RewardModel) -> list[str]:
    """Beside what its loss is."""
    told = [
        "the order of the pairs, in which like lengths share a step",
        "its checks on held-out pairs, and their gate",
    ]
    if stage.ensemble > 1:
        told.append(f"{stage.ensemble - 1} of {stage.ensemble} members of the ensemble: the peer trains one")
    return told


def of_online(ready: Ready) -> list[str]:
    """Of RL."""
    told = ["the order of the prompts, which follows what their last answers were worth"]
    if not ready.measured:
        told.append(
            f"the length limit that a run would measure: {ready.new_tokens} tokens an answer follow from the data"
        )
    stop = ready.policy.tokenizer.decode([ready.policy.stop_ids[-1]])
    ends = set(ready.policy.stop_ids) - {ready.policy.tokenizer.eos_token_id}
    if ends:
        told.append(f"where answers end: generation_config.json of the model must name `{stop}` too")
    return told


def difference(tokenizer: Any, mine: tuple[list[int], list[int]], theirs: tuple[list[int], list[int]]) -> str:
    """How a peer's (prompt, answer) begins to differ; "" where it does not."""
    for what, one, other in zip(("prompt", "answer"), mine, theirs, strict=True):
        if one != other:
            place = next(
                (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
            )
            texts = [tokenizer.decode(ids[place:])[:_SHOWN] for ids in (one, other)]
            return f"the {what} goes on {texts[1]!r} and not {texts[0]!r}"
    return ""
