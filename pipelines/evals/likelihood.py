"""Metrics that need no grader: how likely the policy finds a reference, or a chosen answer over a rejected one.

The score of a reference is exp(mean log-probability per token), the geometric mean probability of its tokens.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.data.render import Encoded, encode
from pipelines.data.rows import Row
from pipelines.data.split import prompt_hash
from pipelines.evals.grades import GradedRow
from pipelines.job import Progress
from pipelines.memory import tokens_scored_at_once
from pipelines.models import Policy


def likelihood_rows(
    policy: Policy, rows: Sequence[Row], template_args: Mapping[str, Any], progress: Progress
) -> list[GradedRow]:
    """One graded row for each row that has a completion; `passed` stays None, for nothing is right or wrong here."""
    shown = [row for row in rows if row.demonstration is not None]
    encoded = [encode(policy.tokenizer, row.messages, row.answer, template_args, row.tools) for row in shown]
    means = mean_logprobs(policy, encoded, progress)
    return [
        _graded(row, row.demonstration or "", math.exp(mean), None, f"log-probability per token {mean:.4f}", e)
        for row, mean, e in zip(shown, means, encoded, strict=True)
    ]


def preference_rows(
    policy: Policy, rows: Sequence[Row], template_args: Mapping[str, Any], progress: Progress
) -> list[GradedRow]:
    """One graded row for each pair: it passes when the chosen answer is the likelier per token.

    Without pairs, one for each answer marked good; see _marked_rows.
    """
    pairs = [row for row in rows if row.is_pair]
    if not pairs:
        return _marked_rows(policy, [row for row in rows if row.is_marked], template_args, progress)
    chosen = [encode(policy.tokenizer, row.messages, str(row.chosen), template_args) for row in pairs]
    rejected = [encode(policy.tokenizer, row.messages, str(row.rejected), template_args) for row in pairs]
    means = mean_logprobs(policy, chosen + rejected, progress)
    graded = []
    for place, row in enumerate(pairs):
        better, worse = means[place], means[len(pairs) + place]
        passed = better > worse
        reason = f"log-probability per token: chosen {better:.4f}, rejected {worse:.4f}"
        graded.append(_graded(row, str(row.chosen), float(passed), passed, reason, chosen[place]))
    return graded


def _marked_rows(
    policy: Policy, marked: Sequence[Row], template_args: Mapping[str, Any], progress: Progress
) -> list[GradedRow]:
    """The score of a good answer is the share of bad ones that are less likely per token, equal ones half.

    Their mean is the area under the ROC curve (Hanley & McNeil 1982). `passed` stays None: these are no pairs.
    """
    encoded = [encode(policy.tokenizer, row.messages, str(row.completion), template_args) for row in marked]
    means = mean_logprobs(policy, encoded, progress)
    bad = [mean for row, mean in zip(marked, means, strict=True) if not row.desirable]
    if not bad:
        return []
    return [
        _graded(
            row,
            str(row.completion),
            sum((mean > other) + 0.5 * (mean == other) for other in bad) / len(bad),
            None,
            f"log-probability per token {mean:.4f}, beside {len(bad)} answers marked bad",
            one,
        )
        for row, mean, one in zip(marked, means, encoded, strict=True)
        if row.desirable
    ]


def mean_logprobs(policy: Policy, encoded: Sequence[Encoded], progress: Progress) -> list[float]:
    """Mean log-probability of the tokens that carry loss, for each sequence, in order. Shape of result: (B,)."""
    order = sorted(range(len(encoded)), key=lambda place: -len(encoded[place].input_ids))
    most_tokens = tokens_scored_at_once(policy.model.config.get_text_config().vocab_size)
    means = [0.0] * len(encoded)
    start = 0
    while start < len(order):
        progress.check()
        size = max(1, most_tokens // len(encoded[order[start]].input_ids))
        batch = order[start : start + size]
        for place, mean in zip(batch, _batch_means(policy, [encoded[place] for place in batch]), strict=True):
            means[place] = mean
        start += size
        progress.step(min(start, len(order)), len(order), "answers")
    return means


def _batch_means(policy: Policy, encoded: Sequence[Encoded]) -> list[float]:
    import torch

    longest = max(len(e.input_ids) for e in encoded)
    pad = policy.tokenizer.pad_token_id
    rest = [longest - len(e.input_ids) for e in encoded]
    device = policy.model.device
    ids = torch.tensor([[*e.input_ids, *[pad] * n] for e, n in zip(encoded, rest, strict=True)], device=device)
    mask = torch.tensor([[1] * len(e.input_ids) + [0] * n for e, n in zip(encoded, rest, strict=True)], device=device)
    labels = torch.tensor([[*e.labels, *[-100] * n] for e, n in zip(encoded, rest, strict=True)], device=device)[:, 1:]
    policy.model.eval()
    with torch.inference_mode():
        logits = policy.model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none", ignore_index=-100)
    counted = labels != -100
    means: list[float] = (-(losses * counted).sum(1) / counted.sum(1)).tolist()
    return means


def _graded(row: Row, text: str, score: float, passed: bool | None, reason: str, encoded: Encoded) -> GradedRow:
    return GradedRow(
        index=row.number,
        prompt=row.prompt,
        prompt_key=prompt_hash(row),
        completion=text,
        reasoning="",
        reference=None,
        score=score,
        passed=passed,
        reason=reason,
        extracted=None,
        parts={},
        num_tokens=len(encoded.input_ids) - encoded.prompt_len,
        truncated=False,
    )
