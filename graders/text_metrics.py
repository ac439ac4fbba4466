"""How alike two texts are: one pure function a metric, candidate and reference → [0, 1], by OpenAI's names.

fuzzy_match: rapidfuzz's WRatio with its default processor, as OpenAI's guide "Graders" (2026-08) calls it; it forgives
order and padding. bleu: sacrebleu's sentence BLEU (13a tokens, case counts). gleu: nltk's Google BLEU over the same
tokens. meteor: nltk's METEOR with exact words and stems but without synonyms, so no WordNet data is needed; of a text
with itself it is a little under 1 (0.5 for one word). rouge_1 … rouge_5 and rouge_l: the F-measure of rouge-score, over
runs of letters and digits in lower case.
Text of scripts that put no spaces between words (Chinese, Japanese, Thai, …) is compared per character.
Limits: no more than the first `max_chars(metric)` characters are compared. A candidate that is longer than that and
than the reference keeps only the share of the score that was read, so that what was not read never pays.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Literal

Metric = Literal[
    "fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l"
]
_MAX_CHARS = 20_000
_MAX_CHARS_FUZZY = 4000  # WRatio slides the shorter text along the longer one: cubic at worst, 0.2 s at this length
# Thai, Lao, Myanmar, Khmer; kana, Bopomofo and CJK; their compatibility forms; half-width kana; the CJK extensions
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u312f\u31a0-\u31ff"
    "\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
_KEPT = re.compile(r"[^a-z0-9]+")


def max_chars(metric: str) -> int:
    """How many characters of a text the metric reads."""
    return _MAX_CHARS_FUZZY if metric == "fuzzy_match" else _MAX_CHARS


def cut_note(metric: str, candidate: str, reference: str) -> str:
    """What a reason says of text that was not read; empty when all was."""
    limit = max_chars(metric)
    longer = [name for name, text in (("answer", candidate), ("reference", reference)) if len(text) > limit]
    return f"of the {' and the '.join(longer)} only the first {limit} characters were compared" if longer else ""


def words(text: str) -> list[str]:
    """Runs of letters, digits and the marks on them, in lower case; one token a character in spaceless scripts."""
    text = text.lower()
    if text.isascii():
        return _KEPT.sub(" ", text).split()
    text = _SPACELESS.sub(r" \g<0> ", unicodedata.normalize("NFC", text))
    return "".join(char if char.isalnum() or unicodedata.category(char)[0] == "M" else " " for char in text).split()


def _fuzzy_match(candidate: str, reference: str) -> float:
    from rapidfuzz import fuzz, utils

    return fuzz.WRatio(candidate, reference, processor=utils.default_process) / 100


def _bleu(candidate: str, reference: str) -> float:
    from sacrebleu.metrics.bleu import BLEU

    left, right = (" ".join(_translation_tokens(text)) for text in (candidate, reference))
    return float(BLEU(tokenize="none", effective_order=True).sentence_score(left, [right]).score) / 100


def _gleu(candidate: str, reference: str) -> float:
    from nltk.translate.gleu_score import sentence_gleu

    left, right = _translation_tokens(candidate), _translation_tokens(reference)
    return float(sentence_gleu([right], left)) if left and right else 0.0


def _meteor(candidate: str, reference: str) -> float:
    from nltk.translate.meteor_score import single_meteor_score

    return float(single_meteor_score(words(reference), words(candidate), wordnet=_NoSynonyms()))


class _NoSynonyms:
    """Stands where nltk expects WordNet: no word has a synonym, so METEOR's third stage finds nothing."""

    def synsets(self, word: str) -> list[object]:  # noqa: ARG002 - nltk's signature
        return []


class _Words:
    """Our words as rouge-score's tokenizer: its own drops every letter that is not ASCII."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def _rouge_n(candidate: str, reference: str, order: int) -> float:
    return float(_rouge_scorer(order).score(reference, candidate)[f"rouge{order}"].fmeasure)


@lru_cache
def _rouge_scorer(order: int) -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer([f"rouge{order}"], tokenizer=_Words())


def _rouge_l(candidate: str, reference: str) -> float:
    """rouge-score's own table is plain Python and takes seconds on long texts; rapidfuzz finds the same length."""
    from rapidfuzz.distance import LCSseq

    left, right = words(candidate), words(reference)
    return 2 * LCSseq.similarity(left, right) / (len(left) + len(right)) if left and right else 0.0


def _translation_tokens(text: str) -> list[str]:
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
    from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp

    tokens: list[str] = Tokenizer13a()(_SPACELESS.sub(r" \g<0> ", text)).split()
    for tokenizer in (Tokenizer13a, TokenizerRegexp):  # each would keep 65,536 completions in memory
        tokenizer.__call__.cache_clear()
    return tokens


def _compared(compare: Callable[[str, str], float], limit: int, candidate: str, reference: str) -> float:
    read = min(1.0, max(limit, len(reference)) / max(1, len(candidate)))
    return read * min(1.0, max(0.0, compare(candidate[:limit], reference[:limit])))


_COMPARE: dict[str, Callable[[str, str], float]] = {
    "fuzzy_match": _fuzzy_match,
    "bleu": _bleu,
    "gleu": _gleu,
    "meteor": _meteor,
    **{f"rouge_{order}": partial(_rouge_n, order=order) for order in (1, 2, 3, 4, 5)},
    "rouge_l": _rouge_l,
}
METRICS: dict[str, Callable[[str, str], float]] = {
    name: partial(_compared, compare, max_chars(name)) for name, compare in _COMPARE.items()
}
"""Metric → (candidate, reference) → [0, 1]. `cosine` is not here: see NO_COSINE."""

NO_COSINE = (
    "cosine compares embeddings, and there is no embedder here; OpenAI has it for evals only, not for training; "
    f"use one of {', '.join(METRICS)}"
)
