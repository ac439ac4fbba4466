"""Whether the rows, rendered by the model's chat template, teach what is meant: looked at on real rows.

In: the plan, the model's shape with its tokenizer, the split. Out: lines on the stop token, on what carries loss, on
what the tokenizer loses, and on the prompt: the same ids in training and in sampling.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graders.errors import UserError
from pipelines.data.render import DEFAULT_TEMPLATE, NO_LOSS, Encoded, encode, encode_prompt, stop_token_ids
from pipelines.data.rows import Row, Split
from pipelines.data.table import listed
from pipelines.evals.cases import evenly
from pipelines.models import Policy
from pipelines.plan import Plan
from pipelines.preflight.record import Line, amber, green, of_error, red

LOOKED_AT = 200
"""Rows that are rendered, evenly spaced: a fault of the template is in all of them, one of a rare form in some."""
_SAMPLING = ("grpo", "ppo")


@dataclass(frozen=True, slots=True)
class _Rendered:
    row: Row
    encoded: Encoded

    @property
    def answer_ids(self) -> list[int]:
        return self.encoded.input_ids[self.encoded.prompt_len :]


def lines(plan: Plan, policy: Policy, split: Split) -> list[Line]:
    """The first fault of the template itself ends it: nothing after it would be true."""
    try:
        rows = evenly([row for row in split.train.rows if _answer(row)], LOOKED_AT)
        rendered = [_Rendered(row, _encode(plan, policy, row)) for row in rows]
        prompts = evenly(split.train.rows, LOOKED_AT)
        return [
            *_no_template(policy),
            *(_of_answers(plan, policy, rendered) if rendered else ()),
            _prompts(plan, policy, prompts),
        ]
    except UserError as error:
        return [of_error("template", error)]


def _answer(row: Row) -> str | None:
    """What some stage may imitate: a demonstration, also one that people disliked, for its form is the same."""
    return row.demonstration if row.demonstration is not None else row.completion


def _encode(plan: Plan, policy: Policy, row: Row) -> Encoded:
    answer = row.answer if row.demonstration is not None else str(row.completion)
    return encode(policy.tokenizer, row.messages, answer, plan.model.template_args, row.tools)


def _no_template(policy: Policy) -> Iterator[Line]:
    if policy.tokenizer.chat_template == DEFAULT_TEMPLATE:
        said = 'the tokenizer has no chat template; "User: ... Assistant: ..." is used'
        yield amber("template", said, "take an instruct model where there is one; SFT teaches a base model this form")


def _of_answers(plan: Plan, policy: Policy, rendered: Sequence[_Rendered]) -> Iterator[Line]:
    yield _stop_token(plan, policy, rendered)
    yield _mask(rendered)
    yield _round_trip(policy, rendered)


def _stop_token(plan: Plan, policy: Policy, rendered: Sequence[_Rendered]) -> Line:
    """Without it a tuned model never learns to end; with another than sampling stops at, every answer is cut."""
    stops = {*policy.stop_ids, *stop_token_ids(policy.tokenizer, plan.model.template_args)}
    without = [one for one in rendered if one.encoded.labels[-1] not in stops]
    if without:
        last = policy.tokenizer.decode([without[0].encoded.input_ids[-1]])
        said = f"{_rows_of(without, rendered)} end with {last!r}, which sampling does not stop at"
        fix = "name that token as eos_token_id in generation_config.json, or mend the template's end of a turn"
        return red("template", said, "an answer that ends with a stop token", fix)
    token = policy.tokenizer.decode([rendered[0].encoded.labels[-1]])
    return green("template", f"the stop token {token!r} carries loss in {len(rendered):,} of {len(rendered):,} rows")


def _mask(rendered: Sequence[_Rendered]) -> Line:
    """Loss on nothing but the stop token teaches silence; loss on the whole row teaches to write prompts."""
    empty = [one for one in rendered if sum(label != NO_LOSS for label in one.encoded.labels) < 2]
    whole = [one for one in rendered if one.encoded.prompt_len == 0]
    for some, said in (
        (empty, f"{_rows_of(empty, rendered)} have no token of an answer that carries loss"),
        (whole, f"{_rows_of(whole, rendered)} have no prompt: all carries loss"),
    ):
        if some:
            fix = "finetune-advisor data FILE --model NAME shows what carries loss; mend the template or the columns"
            if len(some) > 0.5 * len(rendered):
                return red("template", said, "loss on the answer, and on it alone", fix)
            return amber("template", said, fix, len(some))
    trained = sum(len(one.answer_ids) for one in rendered)
    share = trained / sum(len(one.encoded.input_ids) for one in rendered)
    return green("template", f"{share:.0%} of the tokens carry loss: the answers alone", share, "share")


def _round_trip(policy: Policy, rendered: Sequence[_Rendered]) -> Line:
    """A tokenizer that does not know the rows' letters turns them into something else, without a word."""
    lost = [one for one in rendered if not _survives(policy, one)]
    if not lost:
        return green("template", "decoding the tokens gives the rows back")
    said = f"{_rows_of(lost, rendered)} do not come back when their tokens are decoded: letters or case are lost"
    fix = "take a model whose tokenizer knows these texts"
    if len(lost) > 0.5 * len(rendered):
        return red("template", said, "tokens that hold the text", fix)
    return amber("template", said, fix, len(lost))


def _survives(policy: Policy, one: _Rendered) -> bool:
    text = _squeezed(policy.tokenizer.decode(one.encoded.input_ids))
    wanted = [_squeezed(one.row.prompt), _squeezed((_answer(one.row) or "").rpartition("</think>")[2])]
    return all(part in text for part in wanted)


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _prompts(plan: Plan, policy: Policy, rows: Sequence[Row]) -> Line:
    """What training begins after is what sampling begins after: for SFT by construction, in RL TRL renders itself."""
    args = plan.model.template_args
    other = []
    for row in rows:
        whole = policy.tokenizer.apply_chat_template(
            [dict(message) for message in row.messages],
            tools=list(row.tools) or None,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            **args,
        )
        if list(whole["input_ids"]) != encode_prompt(policy.tokenizer, row.messages, args, row.tools):
            other.append(row.number)
    if other:
        which = f"{len(other):,} of {len(rows):,} prompts ({listed(other, 5)})"
        said = f"{which} have other tokens in sampling than in training"
        fix = "mend the tokenizer's template: it must render the same text alone and in a batch"
        sampled = any(stage.type in _SAMPLING for stage in plan.stages)
        return red("template", said, "the same", fix) if sampled else amber("template", said, fix, len(other))
    return green("template", f"{len(rows):,} prompts have the same tokens in training and in sampling")


def _rows_of(some: Sequence[_Rendered], rendered: Sequence[_Rendered]) -> str:
    numbers = listed([one.row.number for one in some], 5)
    return f"{len(some):,} of {len(rendered):,} rows ({numbers})"
