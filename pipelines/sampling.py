"""Completions from a policy: the one engine that evaluation and rejection sampling share.

Prompts are sorted by length and answered in batches; each batch has its own seed, so that the same call gives the
same answers, whatever ran before it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.data.render import encode_prompt
from pipelines.data.rows import Message
from pipelines.job import Progress
from pipelines.models import Policy

_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")


@dataclass(frozen=True, slots=True)
class Sampling:
    """temperature 0 is greedy. num_samples: completions per prompt. max_new_tokens: where an answer is cut."""

    max_new_tokens: int
    temperature: float = 0.0
    num_samples: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """text: without its reasoning block and special tokens. truncated: cut by max_new_tokens."""

    text: str
    reasoning: str
    num_tokens: int
    truncated: bool


def sample(
    policy: Policy,
    prompts: Sequence[Sequence[Message]],
    settings: Sampling,
    template_args: Mapping[str, object],
    progress: Progress,
) -> list[list[Completion]]:
    """Answers every prompt `num_samples` times; the result is in the prompts' order.

    Raises Stopped within a token's time when a signal came.
    """
    encoded = [encode_prompt(policy.tokenizer, prompt, template_args) for prompt in prompts]
    jobs = [place for place in range(len(prompts)) for _ in range(settings.num_samples)]
    jobs.sort(key=lambda place: -len(encoded[place]))
    results: list[list[Completion]] = [[] for _ in prompts]
    done = 0
    for number, batch in enumerate(_batches(jobs, encoded, settings.max_new_tokens)):
        answers = _generate(policy, [encoded[place] for place in batch], settings, settings.seed + number, progress)
        for place, answer in zip(batch, answers, strict=True):
            results[place].append(answer)
        done += len(batch)
        progress.step(done, len(jobs), "answers")
    return results


def _batches(jobs: list[int], encoded: list[list[int]], max_new_tokens: int) -> Iterator[list[int]]:
    """Consecutive jobs such that rows × (longest prompt + new tokens) stays under the token budget."""
    start = 0
    while start < len(jobs):
        size = max(1, _token_budget() // (len(encoded[jobs[start]]) + max_new_tokens))
        yield jobs[start : start + size]
        start += size


def _token_budget() -> int:
    """Tokens held at once: enough to fill the device, little enough for the cache of a small to middling model."""
    import torch

    return 262_144 if torch.cuda.is_available() else 65_536


def _generate(
    policy: Policy, prompts: list[list[int]], settings: Sampling, seed: int, progress: Progress
) -> list[Completion]:
    import torch
    from transformers import GenerationConfig

    model, tokenizer = policy.model, policy.tokenizer
    longest = max(map(len, prompts))
    pad = tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (longest - len(p)) + p for p in prompts], device=model.device)
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=model.device)
    greedy = settings.temperature == 0
    drawing = {} if greedy else {"temperature": settings.temperature, "top_k": 0, "top_p": 1.0}
    config = GenerationConfig(
        max_new_tokens=settings.max_new_tokens,
        do_sample=not greedy,
        eos_token_id=list(policy.stop_ids),
        pad_token_id=pad,
        **drawing,
    )
    torch.manual_seed(seed)
    model.eval()
    with torch.inference_mode():
        output = model.generate(
            input_ids=ids, attention_mask=mask, generation_config=config, stopping_criteria=[_Asked(progress)]
        )
    progress.check()
    return [_completion(policy, row) for row in output[:, longest:].tolist()]


class _Asked:
    """Ends a generation when a signal came; what it wrote until then is thrown away."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(self, input_ids: Any, _scores: Any, **_: Any) -> Any:
        return input_ids.new_full((len(input_ids),), self._progress.stop_requested, dtype=bool)


def _completion(policy: Policy, ids: list[int]) -> Completion:
    stops = set(policy.stop_ids)
    end = next((place for place, token in enumerate(ids) if token in stops), None)
    text = policy.tokenizer.decode(ids if end is None else ids[:end], skip_special_tokens=True)
    reasoning, answer = split_reasoning(text)
    return Completion(answer, reasoning, len(ids) if end is None else end + 1, truncated=end is None)


def split_reasoning(text: str) -> tuple[str, str]:
    """(reasoning, answer) around a <think> block; a block that never closes is all reasoning and no answer."""
    before, closed, after = text.partition("</think>")
    if closed:
        return before.replace("<think>", "", 1).strip(), _trimmed(after)
    if text.lstrip().startswith("<think>"):
        return text.replace("<think>", "", 1).strip(), ""
    return "", _trimmed(text)


def _trimmed(text: str) -> str:
    """Without white space around it; but indentation of the first line stays, for in code it has a meaning."""
    lines = _BLANK_LINES.sub("", text.rstrip(), count=1)
    return lines if lines.startswith(("  ", "\t")) else lines.strip()
