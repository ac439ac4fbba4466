"""Completions from a policy: what evaluation, probe and rejection sampling share.

Prompts are sorted by length and answered in batches that memory bears, by `pipelines/decoding.py`, or by transformers'
`generate` where the model's cache is of another kind. Same call, same answers, whatever ran before it; what was
answered before a stop is kept where the caller says, and an interrupted call goes on to the same end.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import decoding
from pipelines.answer_log import AnswerLog
from pipelines.data.render import encode_prompt
from pipelines.data.rows import Message
from pipelines.files import digest_text
from pipelines.job import Progress
from pipelines.models import Policy, cache_bytes_per_token
from pipelines.sizing import CPU_TOKENS, Room, rows_at_once

_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")
_Job = tuple[int, int]
"""A prompt's place and the number of its sample."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """temperature 0 is greedy. num_samples: completions per prompt. max_new_tokens: where an answer is cut.

    first, every: the prompts are every so-many-th of a longer list, from `first` on: a process's share of them. What an
    answer draws hangs on its prompt's place in the whole list.
    """

    max_new_tokens: int
    temperature: float = 0.0
    num_samples: int = 1
    seed: int = 0
    first: int = 0
    every: int = 1

    def place(self, own: int) -> int:
        """A prompt's place in the whole list."""
        return self.first + own * self.every


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
    kept: Path | None = None,
) -> list[list[Completion]]:
    """Answers every prompt `num_samples` times; the result is in the prompts' order.

    kept and Stopped: as for `sample_tokens`.
    """
    answers = sample_tokens(policy, prompts, settings, template_args, progress, kept)
    return [[completion(policy, tokens) for tokens in one] for one in answers]


def sample_tokens(
    policy: Policy,
    prompts: Sequence[Sequence[Message]],
    settings: Sampling,
    template_args: Mapping[str, object],
    progress: Progress,
    kept: Path | None = None,
) -> list[list[list[int]]]:
    """The ids of every answer, up to a stop token or the limit; what comes after a stop token means nothing.

    kept: a file that finished answers are appended to, and read from when the same call is made again. Raises Stopped
    within a token's time when a signal came.
    """
    encoded = [encode_prompt(policy.tokenizer, prompt, template_args) for prompt in prompts]
    log = AnswerLog(kept, digest_text(repr((policy.where, settings, encoded))))
    jobs = [(place, number) for place in range(len(prompts)) for number in range(settings.num_samples)]
    jobs.sort(key=lambda job: -len(encoded[job[0]]))
    answer = _decode if decoding.fits(policy.model) else _generate
    if answer is _generate:
        progress.say("this model's cache is of a kind that is sampled by transformers' own generate")
    done = 0
    for number, batch in enumerate(_batches(jobs, encoded, settings, policy)):
        if not all(job in log.answers for job in batch):
            tokens = answer(policy, encoded, batch, settings, number, progress)
            progress.check()
            log.add(dict(zip(batch, tokens, strict=True)))
        done += len(batch)
        progress.step(done, len(jobs), "answers")
    numbers = range(settings.num_samples)
    return [[log.answers[place, n] for n in numbers] for place in range(len(prompts))]


def _batches(jobs: list[_Job], encoded: list[list[int]], settings: Sampling, policy: Policy) -> Iterator[list[_Job]]:
    """Consecutive jobs, as many as memory bears with the batch's longest prompt; whole prompts where one fits."""
    start, free, vocab_size = 0, room(), policy.model.config.get_text_config().vocab_size
    while start < len(jobs):
        tokens = len(encoded[jobs[start][0]]) + settings.max_new_tokens
        size = rows_at_once(tokens, cache_bytes_per_token(policy.model), vocab_size, free)
        if size > settings.num_samples:
            size -= size % settings.num_samples
        yield jobs[start : start + size]
        start += size


def room() -> Room:
    """What sampling may fill. On a GPU what is free, down to a power of two: some megabytes must change no batch."""
    import torch

    if not torch.cuda.is_available():
        return Room(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4, CPU_TOKENS)
    free = torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return Room(1 << free.bit_length() - 1)


def _decode(
    policy: Policy, encoded: list[list[int]], batch: list[_Job], settings: Sampling, _number: int, progress: Progress
) -> list[list[int]]:
    places = list(dict.fromkeys(place for place, _ in batch))
    drawn = [(settings.seed, settings.place(place), number) for place, number in batch]
    rows = [decoding.Row(places.index(place), seed) for (place, _), seed in zip(batch, drawn, strict=True)]
    prompts = [encoded[place] for place in places]
    limit, temperature = settings.max_new_tokens, settings.temperature
    return decoding.decode(policy, prompts, rows, limit, temperature, lambda: progress.stop_requested)


def _generate(
    policy: Policy, encoded: list[list[int]], batch: list[_Job], settings: Sampling, number: int, progress: Progress
) -> list[list[int]]:
    """With transformers' `generate`; a batch has its own seed. What the model's own config would change is undone."""
    import torch
    from transformers import GenerationConfig

    model, pad = policy.model, policy.tokenizer.pad_token_id
    prompts = [encoded[place] for place, _ in batch]
    longest = max(map(len, prompts))
    ids = torch.tensor([[pad] * (longest - len(p)) + p for p in prompts], device=model.device)
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=model.device)
    greedy = settings.temperature == 0
    drawing = {} if greedy else {"temperature": settings.temperature, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
    config = GenerationConfig(
        max_new_tokens=settings.max_new_tokens,
        do_sample=not greedy,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        eos_token_id=list(policy.stop_ids),
        pad_token_id=pad,
        **drawing,
    )
    torch.manual_seed(settings.seed + number)
    model.eval()
    asked = [_Asked(progress)]
    with torch.inference_mode():
        output = model.generate(input_ids=ids, attention_mask=mask, generation_config=config, stopping_criteria=asked)
    written: list[list[int]] = output[:, longest:].tolist()
    return written


class _Asked:
    """Ends a generation when a signal came; what it wrote until then is thrown away."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(self, input_ids: Any, _scores: Any, **_: Any) -> Any:
        return input_ids.new_full((len(input_ids),), self._progress.stop_requested, dtype=bool)


def completion(policy: Policy, ids: list[int]) -> Completion:
    """An answer's ids as text."""
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
