"""text_metrics: each metric's number, text without spaces, and what is not read."""

import random
import time
from typing import get_args

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from graders.contract import hostile_texts
from graders.text_metrics import METRICS, NO_COSINE, Metric, cut_note, max_chars, words

ENGLISH = "The cat sat on the mat, and the dog looked on."
CHINESE = "公司位于北京市海淀区，主营人工智能软件。"
JAPANESE = "会社は東京にあり、ソフトウェアを作っています。"
HINDI = "कंपनी दिल्ली में है और सॉफ्टवेयर बनाती है, उसके कर्मचारी बहुत हैं और उसका काम अच्छा चल रहा है"


def test_the_names_are_openais() -> None:
    assert list(METRICS) == [
        *("fuzzy_match", "bleu", "gleu", "meteor"),
        *("rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l"),
    ]
    assert list(METRICS) == list(get_args(Metric))
    assert "cosine" not in METRICS
    assert "no embedder" in NO_COSINE


@pytest.mark.parametrize(
    ("metric", "candidate", "reference", "expected"),
    [
        ("fuzzy_match", "fuzzy wuzzy was a BEAR!", "wuzzy fuzzy was a bear", 0.95),
        ("rouge_1", "the cat sat", "the cat sat on the mat", 2 * 1 * 0.5 / 1.5),
        ("rouge_2", "the cat sat", "the cat sat on the mat", 2 * 1 * 0.4 / 1.4),
        ("rouge_l", "the mat sat", "the cat sat on the mat", 4 / 9),
        ("gleu", "the cat sat", "the cat sat on the mat", 6 / 18),
        ("meteor", "the cats sat", "the cat sat", 1 - 0.5 * (1 / 3) ** 3),
        ("meteor", "cat", "cat", 0.5),
        ("bleu", "the the the", "the cat", (1 / 3 * 1 / 4 * 1 / 4) ** (1 / 3)),
    ],
)
def test_a_metric_has_its_textbook_value(metric: str, candidate: str, reference: str, expected: float) -> None:
    assert METRICS[metric](candidate, reference) == pytest.approx(expected, abs=1e-9)


def texts(seed: int, count: int) -> list[str]:
    draw = random.Random(seed)
    vocabulary = ["the", "a", "cat", "dogs", "sat", "on", "mat,", "and.", "looked;", "Then", "-", "she's", "3.5"]
    return [" ".join(draw.choices(vocabulary, k=draw.randint(1, 40))) for _ in range(count)]


def test_bleu_and_rouge_are_the_libraries_own_on_english() -> None:
    rouge = RougeScorer(["rouge2", "rougeL"])
    for candidate, reference in zip(texts(1, 50), texts(2, 50), strict=True):
        bleu = sacrebleu.sentence_bleu(candidate, [reference]).score / 100
        own = rouge.score(reference, candidate)
        assert METRICS["bleu"](candidate, reference) == pytest.approx(bleu, abs=1e-12)
        assert METRICS["rouge_2"](candidate, reference) == pytest.approx(own["rouge2"].fmeasure, abs=1e-12)
        assert METRICS["rouge_l"](candidate, reference) == pytest.approx(own["rougeL"].fmeasure, abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("text", [ENGLISH, CHINESE, JAPANESE, HINDI])
def test_a_text_is_like_itself_less_like_a_changed_one_and_unlike_another(metric: str, text: str) -> None:
    measure = METRICS[metric]
    others = [other for other in (ENGLISH, CHINESE, HINDI) if other != text]
    half = text[: len(text) // 2]
    assert measure(text, text) == pytest.approx(1, abs=0.001)
    assert 0.1 < measure(half, text) < 0.95
    assert all(measure(other, text) < measure(half, text) / 2 for other in others)


def test_words_are_characters_where_a_script_puts_no_spaces() -> None:
    assert words("在Paris有3.5万人") == ["在", "paris", "有", "3", "5", "万", "人"]
    assert words("Été à NAÏVE_x") == ["été", "à", "naïve", "x"]
    assert words("दिल्ली में") == ["दिल्ली", "में"]
    assert words("한국어 문장") == ["한국어", "문장"]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("pair", [("", ""), ("", "a"), ("a", ""), ("!!!", "!!!"), ("\ud800", "a")])
def test_nothing_is_like_nothing(metric: str, pair: tuple[str, str]) -> None:
    assert METRICS[metric](*pair) in (0, 1 if metric in ("bleu", "gleu") and pair == ("!!!", "!!!") else 0)


@pytest.mark.parametrize("metric", METRICS)
def test_hostile_megabytes_take_little_time_and_score_little(metric: str) -> None:
    reference = ENGLISH * 80
    for name, text in {**hostile_texts(), "ten copies": reference * 500, "half": reference[:2000]}.items():
        started = time.process_time()
        score = METRICS[metric](text, reference)
        assert time.process_time() - started < 3, name
        assert 0 <= score < 1, name
        assert score < 0.1 or len(text) < 10_000, name


@pytest.mark.parametrize("metric", METRICS)
def test_what_is_not_read_does_not_pay_and_is_named(metric: str) -> None:
    limit = max_chars(metric)
    reference = (ENGLISH + " ") * (limit // 47)
    padded = reference + "padding " * limit
    assert METRICS[metric](padded, reference) < 0.15
    assert cut_note(metric, reference, reference) == ""
    assert cut_note(metric, padded, reference) == f"of the answer only the first {limit} characters were compared"
