"""No answer is lost, doubled or brought back against somebody's will, whatever happens to store and file."""

import json
import threading
from itertools import count
from pathlib import Path

import pytest

from graders.errors import UserError
from pipelines.data.rows import Row
from pipelines.data.split import prompt_hash
from pipelines.preferences.answers import Turn, answer_lines, read_answers
from pipelines.preferences.answers_file import AnswersFile, Met
from pipelines.preferences.desk import Desk, Given
from pipelines.preferences.questions import Question, add_candidates, read_candidates
from pipelines.preferences.store import Store

CLICKS = count()


def question(number: int, *completions: str) -> Question:
    turn = Turn(role="user", content=f"Question {number}?")
    return Question(messages=(turn,), completions=completions or (f"good {number}", f"bad {number}"))


class Office:
    """A desk with its files, that can be left and entered again."""

    def __init__(self, folder: Path, questions: int = 6) -> None:
        self.folder = folder
        self.path = folder / "preferences.jsonl"
        self.questions = [question(number) for number in range(questions)]
        if not (folder / "candidates.jsonl").exists():
            add_candidates(folder / "candidates.jsonl", self.questions)
        self.enter()

    def enter(self) -> Met:
        """As a new process does."""
        self.store = Store(self.folder / "labels" / "ask.sqlite")
        self.file = AnswersFile(self.path, self.folder / "labels" / "ask.lock")
        met = self.file.bring_together(self.store)
        rows = [Row(0, tuple(turn.model_dump() for turn in question.messages)) for question in self.questions]
        prompts = frozenset(map(prompt_hash, rows))
        self.desk = Desk(self.folder / "candidates.jsonl", self.store, self.file, prompts, wanted=4)
        return met

    def give(self, annotator: str = "ann", key: str = "", first: int = 0) -> Question:
        """Answers the next question: the place `first`, as shown, is the better."""
        asked = self.desk.before(annotator).question
        assert asked is not None
        ranking = ((first,), (1 - first,))
        self.desk.give(Given(key or f"click {next(CLICKS)}", asked.id, annotator, ranking))
        return asked

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_an_answer_stands_in_store_and_file_as_it_was_meant(office: Office) -> None:
    shown = office.desk.before("ann").completions
    office.give(first=1)
    (answer,) = read_answers(office.path)
    assert [answer.completions[group[0]] for group in answer.ranking] == [shown[1], shown[0]]
    assert [row.answer for row in office.store.live()] == [answer]
    after = office.desk.before("ann")
    assert (after.answered, after.total, after.pairs, after.wanted) == (1, 6, 1, 4)


def test_the_order_shown_differs_between_annotators_and_stays_for_each() -> None:
    asked = question(0, "a", "b", "c", "d")
    orders = {tuple(asked.order(f"person {number}")) for number in range(100)}
    assert len(orders) > 15
    assert asked.order("ann") == asked.order("ann")
    firsts = [question(number).order("ann")[0] for number in range(200)]
    assert 70 < sum(firsts) < 130


def test_the_same_click_twice_is_one_answer(office: Office) -> None:
    asked = office.give(key="click-1")
    for key in ("click-1", "another tab"):
        office.desk.give(Given(key, asked.id, "ann", ((1,), (0,))))
    assert len(office.lines()) == 1
    assert office.desk.before("ann").answered == 1


def test_each_annotator_sees_every_question_and_pairs_count_once(office: Office) -> None:
    for name in ("ann", "ben"):
        for _ in range(6):
            office.give(name)
    assert office.desk.before("ann").question is None
    assert office.desk.before("cem").total == 6
    assert office.desk.before("cem").pairs == 6
    assert len(office.lines()) == 12


def test_what_is_taken_back_leaves_the_file_and_stays_in_the_store(office: Office) -> None:
    office.give()
    asked = office.give()
    number = office.desk.before("ann").undo
    assert number is not None
    taken = office.desk.undo("ann", number)
    assert taken is not None and taken.question == asked.id
    assert office.desk.undo("ann", number) is None, "asked twice, as after a lost reply"
    assert office.desk.undo("ben", 1) is None, "nobody takes back what another said"
    assert len(office.lines()) == 1
    assert office.desk.before("ann").pairs == 1
    assert office.enter() == Met(0, 0, 0)
    assert len(office.lines()) == 1


def test_a_process_killed_between_store_and_file_loses_nothing(office: Office) -> None:
    office.give()
    given = read_answers(office.path)[0].model_copy(update={"annotator": "ben"})
    office.store.give("click-2", office.questions[0].id, answer_lines([given]).strip(), "ben")
    number = office.desk.before("ann").undo
    assert number is not None
    office.store.undo(number, "ann")
    assert office.enter() == Met(added=1, new=0, removed=0)
    assert [answer.annotator for answer in read_answers(office.path)] == ["ben"]


def test_half_a_line_that_a_power_cut_left_is_made_whole(office: Office) -> None:
    office.give()
    office.give()
    whole = office.path.read_bytes()
    for cut in (5, 1, len(office.lines()[1])):
        office.path.write_bytes(whole[:-cut])
        office.enter()
        assert read_answers(office.path) == [row.answer for row in office.store.live()]
        assert len(read_answers(office.path)) == 2


def test_half_a_line_that_the_store_does_not_know_is_told_with_its_number(office: Office) -> None:
    office.give()
    with office.path.open("a") as file:
        file.write('{"messages": [')
    with pytest.raises(UserError, match=r"preferences\.jsonl:2"):
        office.enter()
    assert office.path.read_text().endswith('{"messages": ['), "it is for a person to mend"


def test_answers_of_others_are_taken_in_and_not_asked_again(office: Office, tmp_path: Path) -> None:
    office.give()
    theirs = read_answers(office.path)[0].model_copy(update={"annotator": "ben"})
    with office.path.open("a") as file:
        file.write(json.dumps(json.loads(answer_lines([theirs])), indent=None) + "\n\n")
    assert office.enter() == Met(0, 1, 0)
    assert office.desk.before("ben").answered == 1
    assert office.desk.before("ben").undo is None, "it was not given here"
    office.give("ben")
    assert [answer.annotator for answer in read_answers(office.path)] == ["ann", "ben", "ben"]
    assert office.enter() == Met(0, 0, 0)


def test_a_line_that_somebody_took_out_stays_out_and_is_asked_again(office: Office) -> None:
    for _ in range(3):
        office.give()
    office.path.write_text("\n".join(office.lines()[1:]))
    assert office.enter() == Met(0, 0, 1)
    assert office.desk.before("ann").answered == 2
    assert len(office.lines()) == 2
    office.give()
    assert len(office.lines()) == 3, "although the file's last line had no end"


def test_a_file_that_is_gone_is_written_again(office: Office) -> None:
    office.give()
    before = office.path.read_text()
    office.path.unlink()
    assert office.enter() == Met(1, 0, 0)
    assert office.path.read_text() == before


def test_a_file_that_cannot_be_written_costs_no_answer(office: Office) -> None:
    office.path.mkdir()
    with pytest.raises(UserError, match="the answer itself is kept"):
        office.give()
    office.path.rmdir()
    office.give()
    assert len(office.lines()) == 2


def test_an_answer_with_gaps_is_refused(office: Office) -> None:
    asked = office.desk.before("ann").question
    assert asked is not None
    for ranking in (((0,),), ((0,), (0,)), ((0,), (2,)), ((-1,), (0,))):
        with pytest.raises(UserError, match="does not name each of 2 completions once"):
            office.desk.give(Given("click", asked.id, "ann", ranking))
    with pytest.raises(UserError, match="there is no question"):
        office.desk.give(Given("click", "0" * 16, "ann", ((0,), (1,))))
    assert not office.path.exists()


def test_threads_and_processes_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    offices = [Office(tmp_path, 20), Office(tmp_path, 20)]

    def work(number: int) -> None:
        for _ in range(20):
            offices[number % 2].give(f"person {number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = read_answers(offices[0].path)
    assert len(answers) == len({(answer.annotator, answer.prompt_id) for answer in answers}) == 120


def test_questions_appear_while_they_are_written(office: Office) -> None:
    path = office.folder / "candidates.jsonl"
    with path.open("a") as file:
        file.write(question(6).model_dump_json()[:20])
    assert office.desk.before("ann").total == 6
    add_candidates(path, [question(7), question(8, "all alike")])
    assert [found.completions[0] for found in read_candidates(path)][-2:] == ["good 7", "all alike"]
    assert office.desk.before("ann").total == 7, "a single completion is nothing to compare"


def test_what_is_skipped_comes_at_the_end(office: Office) -> None:
    first = office.desk.before("ann").question
    assert first is not None
    seen = []
    for _ in range(6):
        asked = office.desk.before("ann", skipped=[first.id]).question
        assert asked is not None
        seen.append(asked.id)
        office.desk.give(Given(asked.id, asked.id, "ann", ((0, 1),)))
    assert seen[-1] == first.id


def test_what_others_dispute_is_asked_first(office: Office) -> None:
    for name in ("ann", "ben"):
        for asked in office.questions:
            good = asked.order(name).index(0)
            disputed = name == "ben" and asked is office.questions[3]
            best = 1 - good if disputed else good
            office.desk.give(Given(f"{name} {asked.id}", asked.id, name, ((best,), (1 - best,))))
    first = office.desk.before("cem").question
    assert first is not None and first.id == office.questions[3].id
    office.enter()
    again = office.desk.before("cem").question
    assert again is not None and again.id == office.questions[3].id, "also in the next process"
    number = office.desk.before("ben").undo
    while number is not None:
        office.desk.undo("ben", number)
        number = office.desk.before("ben").undo
    settled = office.desk.before("cem").question
    assert settled is not None and settled.id == office.questions[0].id
