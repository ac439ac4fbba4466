"""A model that is ready to answer, for `evaluate`, `probe` and rejection sampling: loaded here, or behind a server."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pipelines import processes
from pipelines.data.render import encode_prompt
from pipelines.data.rows import Message, Row
from pipelines.job import Job
from pipelines.models import Policy, load_policy
from pipelines.sampling import Completion, Sampling, sample
from pipelines.served import asked_without, sample_served
from pipelines.served_spec import Served
from pipelines.shares import own_path, shared
from pipelines.training import answer_limit, model_facts, require_room

UNKNOWN_ROOM = 1 << 30


@dataclass(frozen=True, slots=True)
class Answerer:
    """limit: tokens after which an answer is cut."""

    job: Job
    model: Policy | Served
    limit: int

    def answers(
        self, prompts: Sequence[Sequence[Message]], settings: Sampling, kept: Path | None = None
    ) -> list[list[Completion]]:
        """Each prompt's answers. kept, and what is raised: as for `sample` and `sample_served`."""
        args = self.job.plan.model.template_args
        if isinstance(self.model, Served):
            return sample_served(self.model, prompts, settings, args, self.job.progress, kept)
        return sample(self.model, prompts, settings, args, self.job.progress, kept)

    def shared_answers(
        self, prompts: Sequence[Sequence[Message]], settings: Sampling, kept: Path
    ) -> list[list[Completion]]:
        """The same; several processes share the prompts, each with a file of its own, and all get all answers."""
        settings = replace(settings, first=processes.rank(), every=processes.count())
        return shared(prompts, lambda own: self.answers(own, settings, own_path(kept)))

    def room(self, prompts: Sequence[Sequence[Message]]) -> int:
        """Tokens that the context leaves beside the longest prompt. A served model's context the server alone knows,
        and it says when a prompt is too long.
        """
        if isinstance(self.model, Served):
            return UNKNOWN_ROOM
        args = self.job.plan.model.template_args
        longest = max(len(encode_prompt(self.model.tokenizer, prompt, args)) for prompt in prompts)
        return model_facts(self.model).context - longest

    def notes(self) -> dict[str, str]:
        """`note` among a stage's numbers: what the answers lack of what was asked for."""
        lacking = asked_without(self.model) if isinstance(self.model, Served) else None
        return {"note": f"{self.job.stage}: {lacking}"} if lacking else {}


def answerer(
    job: Job, served: Served | None, limit: int | None, rows: Sequence[Row], use: Literal["answer", "draw"]
) -> Answerer:
    """served: else the job's policy is loaded. limit: else from the demonstrations among the rows."""
    if served is not None:
        if limit is None:
            raise ValueError("the plan's check lets no served model through without max_new_tokens")
        return Answerer(job, served, limit)
    policy = load_policy(job.policy, job.plan.model, use)
    limit = limit or answer_limit(rows, policy, job.plan.model.template_args)
    require_room(limit, policy)
    return Answerer(job, policy, limit)
