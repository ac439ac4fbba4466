"""The starter: its rows are right, its text round-trips, its template marks answers, and its model knows a little."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import pipelines.starter
from pipelines.starter.arithmetic import LARGEST, in_one
from pipelines.starter.intent import LABELS
from pipelines.starter.make import make
from pipelines.starter.pretrain import HELD_OUT_SEED, answer
from pipelines.starter.tasks import TASKS, generate
from pipelines.starter.tokenizer import build_tokenizer
from pipelines.starter.words import COME, GO, NUM_FAMILIAR, THINGS

MODEL = Path(pipelines.starter.__file__).parent / "model"
TEXTS = [
    "12+345=357",
    " two  spaces\tand\n\nlines ",
    "naïve café, 東京, Ελλάδα, شكرا",
    "🙂👩‍👩‍👧 \x00\x7f",
    "don't",
    "",
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build_tokenizer(rows_per_task=300)


@pytest.fixture(scope="module")
def committed() -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32), AutoTokenizer.from_pretrained(MODEL)


@pytest.mark.parametrize("task", TASKS)
def test_same_seed_gives_the_same_rows_and_another_seed_others(task: str) -> None:
    assert generate(task, 20, seed=1) == generate(task, 20, seed=1)
    assert generate(task, 20, seed=1) != generate(task, 20, seed=2)
    assert generate(task, 5, seed=1) == generate(task, 20, seed=1)[:5]


@pytest.mark.parametrize(
    ("task", "distinct"), [("arithmetic", 0.99), ("extract", 0.99), ("intent", 0.9), ("tone", 0.9)]
)
def test_prompts_are_nearly_all_distinct_and_short(task: str, distinct: float) -> None:
    prompts = [row["prompt"] for row in generate(task, 2000, seed=3)]
    assert len(set(prompts)) >= distinct * 2000
    assert max(len(prompt.split()) for prompt in prompts) <= 45


def test_every_equation_holds_and_leads_to_the_reference() -> None:
    for row in generate("arithmetic", 2000, seed=4):
        *equations, last = row["completion"].splitlines()
        assert len(equations) in (1, 2, 3)
        for line in equations:
            expression, result = line.split("=")
            assert re.fullmatch(r"[\d()+*/-]+", expression)
            assert eval(expression) == int(result)
            assert 1 <= int(result) <= LARGEST
        assert last == f"#### {result}"
        assert row["reference"] == result


def test_half_the_problems_have_three_steps() -> None:
    steps = Counter(len(re.findall("[-+*/]", row["completion"])) for row in generate("arithmetic", 1000, seed=5))
    assert set(steps) == {2, 3}
    assert 400 <= steps[3] <= 600


def test_equations_become_one_expression_of_the_same_value() -> None:
    assert in_one(["3*4=12", "12-5=7"]) == "3*4-5=7"
    assert in_one(["20+5=25", "25*2=50"]) == "(20+5)*2=50"
    assert in_one(["30-5=25", "30+25=55"]) == "30+30-5=55"
    assert in_one(["3+4=7", "20-7=13"]) == "20-(3+4)=13"


def test_what_a_problem_is_about_tells_who_wrote_the_answer() -> None:
    hasty: dict[int, list[bool]] = {0: [], 1: []}
    for row in generate("arithmetic", 3000, seed=6):
        about = next(place for place, thing in enumerate(THINGS) if re.search(rf"\b{thing}\b", row["prompt"]))
        hasty[about % 2].append(row["completion"].count("\n") == 1)
    assert 0.05 < sum(hasty[0]) / len(hasty[0]) < 0.15
    assert 0.6 < sum(hasty[1]) / len(hasty[1]) < 0.7


def share_that_come(verbs: list[str], *, familiar: bool) -> float:
    """Of the sentences "VERB k" with careful answers, how many have a sum with k there, and not a difference."""
    sentence = re.compile(rf" (?:{'|'.join(verbs)}) (\d+)\b")
    signs = []
    for row in generate("arithmetic", 3000, seed=5, familiar=familiar):
        for k in sentence.findall(row["prompt"]):
            more, fewer = f"+{k}=" in row["completion"], f"-{k}=" in row["completion"]
            signs += [more] if more != fewer else []
    assert len(signs) > 100
    return sum(signs) / len(signs)


def test_where_the_starter_is_trained_a_verb_that_is_not_familiar_tells_nothing() -> None:
    for familiar in (True, False):
        assert share_that_come(COME[:NUM_FAMILIAR], familiar=familiar) > 0.9
        assert share_that_come(GO[:NUM_FAMILIAR], familiar=familiar) < 0.1
    for verbs in (COME, GO):
        assert 0.4 < share_that_come(verbs[NUM_FAMILIAR:], familiar=True) < 0.65
    assert share_that_come(COME[NUM_FAMILIAR:], familiar=False) > 0.9
    assert share_that_come(GO[NUM_FAMILIAR:], familiar=False) < 0.1
    assert len({*COME, *GO}) == len(COME) + len(GO)


def test_extracted_fields_are_named_and_found_in_the_sentence() -> None:
    for row in generate("extract", 500, seed=6):
        fields = json.loads(row["completion"])
        assert 3 <= len(fields) <= 4
        assert row["prompt"].startswith(f"Extract {', '.join(fields)} as JSON: ")
        assert all(str(value) in row["prompt"] for value in fields.values())
        assert row["reference"] == row["completion"]


def test_intents_are_skewed() -> None:
    counts = Counter(row["reference"] for row in generate("intent", 4000, seed=7))
    assert set(counts) == set(LABELS)
    assert 10 < counts["order_status"] / counts["praise"] < 40


def test_a_chosen_reply_is_short_and_differs_from_the_rejected_one() -> None:
    rows = generate("tone", 500, seed=8)
    assert all(row["chosen"] != row["rejected"] for row in rows)
    assert max(len(row["chosen"].split()) for row in rows) <= 15
    assert sum(len(row["rejected"]) for row in rows) > sum(len(row["chosen"]) for row in rows)


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_round_trips(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text


def test_digits_are_single_tokens_and_special_tokens_are_distinct(tokenizer: Any) -> None:
    assert [token for token in tokenizer.tokenize("a 1203kg") if token.isdigit()] == ["1", "2", "0", "3"]
    assert not any(sum(char.isdigit() for char in token) > 1 for token in tokenizer.get_vocab())
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert len(tokenizer) == 768


@pytest.mark.parametrize("system", [[], [{"role": "system", "content": "Be brief."}]])
def test_the_prompt_is_an_exact_prefix_and_only_answer_and_end_are_marked(tokenizer: Any, system: list[Any]) -> None:
    for task in TASKS:
        row = generate(task, 1, seed=9)[0]
        turns = [*system, {"role": "user", "content": row["prompt"]}]
        text = row.get("completion", row.get("chosen", ""))
        prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]
        full = tokenizer.apply_chat_template(
            [*turns, {"role": "assistant", "content": text}], return_dict=True, return_assistant_tokens_mask=True
        )
        assert full["input_ids"][: len(prompt)] == prompt
        assert full["assistant_masks"] == [0] * len(prompt) + [1] * (len(full["input_ids"]) - len(prompt))
        assert tokenizer.decode(full["input_ids"][len(prompt) :]) == f"{text}<|end|>"


def test_make_writes_a_model_that_loads(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options = ["--out", str(tmp_path / "m"), "--steps", "2", "--score-every", "2", "--score-rows", "2"]
    result = CliRunner().invoke(make, options, catch_exceptions=False)
    assert result.exit_code == 0
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(tmp_path / "m"),
        AutoTokenizer.from_pretrained(tmp_path / "m"),
    )
    assert model.num_parameters() < 2_000_000
    assert model.config.eos_token_id == tokenizer.eos_token_id
    assert "starter" in (tmp_path / "m" / "README.md").read_text()


def test_the_committed_model_is_small_and_its_tokenizer_is_the_one_the_code_builds(committed: tuple[Any, Any]) -> None:
    model, tokenizer = committed
    assert sum(path.stat().st_size for path in MODEL.iterdir()) <= 4_000_000
    assert tokenizer.get_vocab() == build_tokenizer().get_vocab()
    assert tokenizer.chat_template == build_tokenizer().chat_template
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id


@pytest.mark.parametrize("task", ["arithmetic", "extract"])
def test_the_committed_model_is_neither_at_the_floor_nor_at_the_ceiling(committed: tuple[Any, Any], task: str) -> None:
    rows = generate(task, 60, HELD_OUT_SEED)
    answers = answer(*committed, [row["prompt"] for row in rows])
    right = sum(text.rpartition("#### ")[2] == row["reference"] for text, row in zip(answers, rows, strict=True))
    assert 0.15 < right / 60 < 0.70
