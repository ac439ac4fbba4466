"""A ranking gives the pairs it decides; a file with a fault names its line."""

from pathlib import Path

import pytest

from graders.errors import UserError
from pipelines.preferences.answers import Answer, answer_lines, preferences, read_answers, ties

ASKED = ({"role": "user", "content": "May I come?"},)


def answer(ranking: list[list[int]], completions: tuple[str, ...] = ("a", "b", "c", "d")) -> Answer:
    return Answer.model_validate(
        {"messages": ASKED, "completions": completions, "ranking": ranking, "annotator": "Ann"}
    )


def test_a_ranking_gives_every_pair_it_decides_with_its_margin() -> None:
    found = [(one.chosen, one.rejected, one.margin) for one in preferences(answer([[2], [0, 3], [1]]))]
    assert found == [("c", "a", 1), ("c", "d", 1), ("c", "b", 2), ("a", "b", 1), ("d", "b", 1)]


def test_ties_and_what_was_left_out_give_no_pair() -> None:
    assert preferences(answer([[0, 1]])) == []
    assert [(one.chosen, one.rejected) for one in preferences(answer([[3], [1]]))] == [("d", "b")]


def test_ties_are_pairs_of_their_own() -> None:
    assert ties(answer([[2], [0, 3], [1]])) == [("a", "d")]
    assert ties(answer([[0, 1]], completions=("same", "same"))) == []


def test_answers_are_read_as_written(tmp_path: Path) -> None:
    some = [answer([[0], [1]]), answer([[0, 1]])]
    (tmp_path / "answers.jsonl").write_text(answer_lines(some))
    assert read_answers(tmp_path / "answers.jsonl") == some


@pytest.mark.parametrize(
    ("ranking", "said"), [("[[0],[4]]", "completion 4"), ("[[0],[0]]", "twice"), ("[[]]", "empty")]
)
def test_a_ranking_with_a_fault_is_told_with_its_line(tmp_path: Path, ranking: str, said: str) -> None:
    good = answer_lines([answer([[0], [1]])])
    (tmp_path / "answers.jsonl").write_text(good + good.replace("[[0],[1]]", ranking))
    with pytest.raises(UserError, match=rf"answers.jsonl:2: [\s\S]*{said}"):
        read_answers(tmp_path / "answers.jsonl")
