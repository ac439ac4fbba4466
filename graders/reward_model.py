"""reward_model: scores an answer with a trained reward model, one number for the whole conversation.

In: `model`, a folder that AutoModelForSequenceClassification loads with one label, or a hub id; in a plan also the name
of a `reward_model` stage. The prompt's turns and the completion are rendered by the model's own chat template. Out: raw
is the model's number less its centre (reward_model.json beside it; 0 where there is none), which is what training
gets; score is its sigmoid: over 0.5 is better than the pairs it learned from on average. The model knows what it was
taught and no more: an answer far from that may score high. Of an ensemble (member-1, … in the folder) the lowest number
counts: what fools one member rarely fools all (Coste et al. 2023, arXiv 2310.02743: worst-case optimisation). A
conversation longer than its context is unscored.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.errors import UserError
from graders.llm.server import is_folder

FACTS = "reward_model.json"
"""Beside a reward model of ours: {"centre": its mean number over the pairs it learned from}."""
Turns = Sequence[Mapping[str, Any]]
MEMBER = "member-"
"""Folders in a reward model's folder: the other members of an ensemble."""
_TOKENS = {"cpu": 8192, "cuda": 65536}
"""In a batch; a CPU's caches make larger ones no faster."""


class RewardModel(Grader):
    """A trained reward model's number. `raw` has no bounds, `score` is its sigmoid."""

    type: Literal["reward_model"] = "reward_model"
    model: str = Field(min_length=1, description="A folder (./…), a hub id, or a `reward_model` stage of the plan.")
    revision: str | None = Field(None, description="Branch, tag or commit of a hub id.")
    trust_remote_code: bool = Field(False, description="Run code that the model's repository brings.")
    pass_at: float = Field(0.5, gt=0, le=1, description="A row passes when its score is at least this.")

    needs_reference: ClassVar[bool] = False
    _folder: Path = PrivateAttr(Path())

    @model_validator(mode="after")
    def _from_here(self, info: ValidationInfo) -> Self:
        """A folder is looked for from the one that the context names, else from the current one."""
        if is_folder(self.model):
            self._folder = Path((info.context or {}).get("folder", "."))
        return self

    def files(self) -> tuple[str, ...]:
        """The model's folder, whose content decides the grades."""
        return (self.model,) if is_folder(self.model) else ()

    def reward(self, grade: Grade) -> float | None:
        """The model's own number."""
        return grade.raw

    def grade(self, sample: Sample) -> Grade:
        return self.grade_all([sample])[0]

    def grade_all(self, samples: Sequence[Sample]) -> list[Grade]:
        """All samples in batches of like length. Raises UserError where the model cannot be loaded."""
        where = str((self._folder / self.model).resolve()) if is_folder(self.model) else self.model
        scorers = _loaded(where, self.revision, self.trust_remote_code)
        answers = [(_turns(sample), sample.completion) for sample in samples]
        columns = [scorer.numbers(answers) for scorer in scorers]
        return [_grade(numbers, scorers[0].context) for numbers in zip(*columns, strict=True)]


def is_stage(model: str) -> bool:
    """Whether a reward model's name is that of a stage: no folder, and no hub id (owner/name)."""
    return not is_folder(model) and "/" not in model


def stages_of(config: object) -> list[str]:
    """The stages that a grader's config, or a whole plan's, names as reward models; graders may hold others."""
    if isinstance(config, Mapping):
        named = config.get("model")
        own = [named] if config.get("type") == "reward_model" and isinstance(named, str) and is_stage(named) else []
        return own + [name for value in config.values() for name in stages_of(value)]
    return [name for value in config for name in stages_of(value)] if isinstance(config, list | tuple) else []


def with_folders(config: Any, folders: Mapping[str, str]) -> Any:
    """The config with every stage that it names as a reward model replaced by the folder of its model."""
    if isinstance(config, Mapping):
        inner = {key: with_folders(value, folders) for key, value in config.items()}
        own = config.get("type") == "reward_model" and config.get("model") in folders
        return inner | ({"model": folders[config["model"]]} if own else {})
    return [with_folders(value, folders) for value in config] if isinstance(config, list) else config


def _turns(sample: Sample) -> Turns:
    return sample.messages or ({"role": "user", "content": sample.prompt},)


def _grade(numbers: Sequence[float | None], context: int) -> Grade:
    """Of several members the lowest number counts."""
    number, known = lowest(numbers), [number for number in numbers if number is not None]
    if number is None:
        return unscored(f"the conversation is longer than the reward model's {context} tokens")
    if not all(map(math.isfinite, known)):
        return unscored(f"the reward model gave {known}")
    score = 1 / (1 + math.exp(-max(-60.0, min(60.0, number))))
    told = f"the reward model gives {number:+.3f}"
    if len(known) > 1:
        told = f"the lowest of {len(known)} reward models gives {number:+.3f}, the highest {max(known):+.3f}"
    return Grade(score, told, raw=number)


def lowest(numbers: Iterable[float | None]) -> float | None:
    """What an ensemble gives."""
    return min((number for number in numbers if number is not None), default=None)


class Scorer:
    """A loaded reward model. model: with one label. centre: what is taken off its numbers."""

    def __init__(self, model: Any, tokenizer: Any, centre: float) -> None:
        self.model, self.tokenizer, self.centre = model, tokenizer, centre
        config = model.config.get_text_config()
        self.context = int(getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length)

    def numbers(self, answers: Sequence[tuple[Turns, str]]) -> list[float | None]:
        """(prompt's turns, completion) → the model's number less the centre; None where they exceed the context."""
        found = self._in_batches(answers, lambda ids, mask: self.model(input_ids=ids, attention_mask=mask).logits[:, 0])
        return [None if number is None else float(number) - self.centre for number in found]

    def states(self, answers: Sequence[tuple[Turns, str]]) -> list[Any]:
        """(prompt's turns, completion) → the state (hidden,) that the head reads, fp32 on the CPU; None as above."""
        return self._in_batches(answers, self._read)

    def _read(self, ids: Any, mask: Any) -> Any:
        """As the head does: the last token that is no pad token."""
        import torch

        hidden = self.model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
        places = torch.arange(ids.shape[1], device=ids.device) * (ids != self.tokenizer.pad_token_id)
        return hidden[torch.arange(len(ids), device=ids.device), places.argmax(-1)]

    def _in_batches(self, answers: Sequence[tuple[Turns, str]], run: Callable[[Any, Any], Any]) -> list[Any]:
        """What `run` gives for each, of (ids, mask), both (B, T), padded on the right."""
        ids = [conversation_ids(self.tokenizer, messages, completion) for messages, completion in answers]
        found: list[Any] = [None] * len(ids)
        fitting = [place for place, one in enumerate(ids) if len(one) <= self.context]
        order = sorted(fitting, key=lambda place: len(ids[place]))
        while order:
            size = max(1, _TOKENS[self.model.device.type] // max(1, len(ids[order[-1]])))
            batch, order = order[-size:], order[:-size]
            for place, value in zip(batch, self._batch([ids[place] for place in batch], run), strict=True):
                found[place] = value
        return found

    def _batch(self, ids: Sequence[list[int]], run: Callable[[Any, Any], Any]) -> Any:
        import torch

        pad, longest = self.tokenizer.pad_token_id, max(map(len, ids))
        padded = torch.tensor([[*one, *[pad] * (longest - len(one))] for one in ids], device=self.model.device)
        mask = torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in ids], device=self.model.device)
        with torch.no_grad():
            return run(padded, mask).float().cpu()


def conversation_ids(tokenizer: Any, messages: Turns, completion: str) -> list[int]:
    """The whole conversation as the model's chat template renders it; what it is trained on and scores alike."""
    turns = [*map(dict, messages), {"role": "assistant", "content": completion}]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text to a tokenizer
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


@lru_cache(maxsize=4)
def _loaded(where: str, revision: str | None, trust_remote_code: bool) -> list[Scorer]:
    """The model and the other members of its ensemble."""
    members = sorted(map(str, Path(where).glob(f"{MEMBER}*")))
    return [_load_one(path, revision, trust_remote_code) for path in (where, *members)]


def _load_one(where: str, revision: str | None, trust_remote_code: bool) -> Scorer:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    on_gpu = torch.cuda.is_available()
    options = {"revision": revision, "trust_remote_code": trust_remote_code}
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
        model, found = AutoModelForSequenceClassification.from_pretrained(
            where, dtype=torch.bfloat16 if on_gpu else torch.float32, output_loading_info=True, **options
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        fix = "name a folder with ./, a hub id, or a reward_model stage"
        raise UserError(f"the reward model cannot be loaded: {first}", "a reward model", fix, where) from error
    if found["missing_keys"] or model.config.num_labels != 1:
        lacking = min(found["missing_keys"], default=f"a head of one number (it has {model.config.num_labels})")
        raise UserError(f"this is no reward model: it lacks {lacking}", "a model with a trained head", where=where)
    ready_to_pad(model, tokenizer)
    return Scorer(model.to("cuda" if on_gpu else "cpu").eval(), tokenizer, read_centre(Path(where)))


def ready_to_pad(model: Any, tokenizer: Any) -> None:
    """One pad token for both. The head reads the last token that is no pad token, by the config's id."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    config = model.config.get_text_config()
    if config.pad_token_id is None:
        config.pad_token_id = tokenizer.pad_token_id
    else:
        tokenizer.pad_token_id = config.pad_token_id


def read_centre(folder: Path) -> float:
    """What is taken off a model's numbers: 0 where nobody measured it."""
    path = folder / FACTS
    return float(json.loads(path.read_text(encoding="utf-8"))["centre"]) if path.exists() else 0.0
