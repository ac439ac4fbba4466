"""What the methods that sample while they train share: which prompts fit, what is shown, and how it went."""

import json
from collections.abc import Mapping
from typing import Any

from graders.base import Grader
from graders.errors import UserError
from pipelines.alarms import SPREADLESS
from pipelines.data.render import encode_prompt
from pipelines.data.rows import Rows
from pipelines.job import Job, Numbers
from pipelines.models import Policy
from pipelines.rewards import RewardFunction, reward_function
from pipelines.training import model_facts

SHOWN = {
    "reward": "reward",
    SPREADLESS: "groups without spread",
    "completions/clipped_ratio": "truncated",
    "completions/mean_length": "tokens",
    "kl": "kl",
}


def fitting(rows: Rows, policy: Policy, job: Job, new_tokens: int) -> tuple[Rows, int]:
    """Rows whose prompt leaves room for an answer, and the longest such prompt."""
    context = model_facts(policy).context
    lengths = [len(encode_prompt(policy.tokenizer, row.messages, job.plan.model.template_args)) for row in rows.rows]
    kept = [row for row, length in zip(rows.rows, lengths, strict=True) if length + new_tokens <= context]
    if not kept:
        raise UserError(
            f"no prompt leaves room for {new_tokens} tokens of answer in a context of {context}",
            fix="lower max_new_tokens",
        )
    if len(kept) < len(lengths):
        left = f"{len(lengths) - len(kept)} of {len(lengths)} prompts are left out"
        job.progress.say(f"{left}: with {new_tokens} tokens of answer they exceed the context of {context}")
    return rows.only(kept), max(length for length in lengths if length + new_tokens <= context)


def logged_reward(job: Job, grader: Grader, rows: Rows, overlong_from: int | None = None) -> RewardFunction:
    """The grader as reward over these rows; appends one graded completion a batch to samples.jsonl, to be looked at.

    overlong_from: see rewards.reward_function.
    """

    def seen(sample: Mapping[str, Any]) -> None:
        with (job.folder / "samples.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(sample, ensure_ascii=False) + "\n")

    return reward_function(grader, rows.rows, seen, overlong_from)


def course(log_history: list[dict[str, Any]]) -> Numbers:
    """How the reward went, and the KL to the input policy where it is logged; empty where nothing could be graded."""
    last = [log for log in log_history if log.get("reward") is not None]
    if not last:
        return {}
    kls = [log["kl"] for log in last if log.get("kl") is not None]
    return {
        "first_reward": last[0]["reward"],
        "last_reward": last[-1]["reward"],
        "groups_without_spread": sum(log[SPREADLESS] for log in last) / len(last),
        **({"last_kl_per_token": kls[-1]} if kls else {}),
    }
