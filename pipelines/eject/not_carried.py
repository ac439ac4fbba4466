"""What no peer has, or has otherwise: one sentence each, for the list in the folder."""

from collections.abc import Callable, Collection

from pipelines.eject.examples import Example, Ids
from pipelines.eject.ready import Ready
from pipelines.plan import RewardModel, Training

_SHOWN = 40
IMITATION = "how imitation is averaged: there over the tokens of a micro-batch, here over rows"
KL_ANSWERS = "the answers that the KL is measured on: there those of the same micro-batch, here the row before"


def of_stage(ready: Ready) -> list[str]:
    """Of any stage that trains."""
    stage, told = ready.stage, []
    if ready.stage.type != "reward_model" and ready.held.examples:
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
    if not ready.known:
        told.append(
            f"the length limit that a run would measure on the model's own answers: it is {ready.new_tokens} tokens"
        )
    stop = ready.policy.tokenizer.decode([ready.policy.stop_ids[-1]])
    ends = set(ready.policy.stop_ids) - {ready.policy.tokenizer.eos_token_id}
    if ends:
        told.append(f"where answers end: generation_config.json of the model must name `{stop}` too")
    return told


def of_tokens(ready: Ready, read: Callable[[Example], Ids]) -> list[str]:
    """read: what the peer makes of a row."""
    differing = [example for example in ready.train.examples if read(example) != example.ids]
    if not differing:
        return []
    count = f"{len(differing):,} of {len(ready.train.examples):,}"
    return [f"{count} rows become other tokens there: {_difference(ready, differing[0].ids, read(differing[0]))}"]


def of_keys(stage: Training, passed: Collection[str]) -> list[str]:
    """Of `trainer:`, for a peer that is not TRL. passed: the keys that it takes."""
    dropped = sorted({*stage.trainer} - {*passed})
    return [f"`trainer:` keys of TRL: {', '.join(dropped)}"] if dropped else []


def apart(ready: Ready, example: Example) -> Ids:
    """What a peer makes of rendered text that tokenises prompt and answer apart, and adds nothing."""

    def ids(text: str) -> list[int]:
        return list(ready.policy.tokenizer(text, add_special_tokens=False)["input_ids"])

    prompt = ids(example.prompt)
    sides = {side: ids(one.text) for side, one in example.sides.items()}
    if ready.stage.type == "reward_model":
        return {side: ([], prompt + answer) for side, answer in sides.items()}
    return {side: (prompt, answer) for side, answer in sides.items()}


def _difference(ready: Ready, mine: Ids, theirs: Ids) -> str:
    """How the first side that differs begins to."""
    side = next(side for side in mine if mine[side] != theirs[side])
    what, one, other = next(
        (what, one, other)
        for what, one, other in zip(("prompt", "answer"), mine[side], theirs[side], strict=True)
        if one != other
    )
    pairs = zip(one, other, strict=False)
    place = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    here, there = (ready.policy.tokenizer.decode(ids[place:])[:_SHOWN] for ids in (one, other))
    if here != there:
        return f"the {what} goes on {there!r} there and {here!r} here"
    return f"{here!r} of the {what} is split into other tokens"
