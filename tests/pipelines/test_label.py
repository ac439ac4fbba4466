"""The stage `label`: samples once, waits for people, goes on from the committed file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advisor.cli.main import run_command
from graders.errors import UserError
from pipelines import label
from pipelines.data.checked import load_checked
from pipelines.data.split import prompt_hash
from pipelines.job import Job, Progress
from pipelines.launcher import DONE, STOPPED
from pipelines.plan_file import load_plan
from pipelines.preferences.answers import Answer, Turn, answer_lines
from pipelines.preferences.desk import Given
from pipelines.preferences.enough import pairs_decided, prompts_to_train_on
from pipelines.preferences.place import label_step, open_place
from pipelines.preferences.questions import Question, as_turns, read_candidates
from pipelines.state import steps
from pipelines.work_file import answers_to_read
from tests.pipelines.test_runner import run

Writer = Callable[..., Path]
LABEL = {"type": "label", "name": "ask", "prompts": 10, "at_least": 4, "max_new_tokens": 6}


def job_of(plan: Path, tiny_model: Path, folder: Path) -> Job:
    folder.mkdir(exist_ok=True)
    return Job(
        load_plan(plan).plan, "ask", plan.parent, folder, str(tiny_model), None, Progress(folder / "events.jsonl")
    )


def candidates(plan: Path) -> list[Question]:
    (path,) = plan.parent.glob("run/stages/ask-*/candidates.jsonl")
    return read_candidates(path)


def answers(questions: list[Question], annotator: str = "ann") -> str:
    """The first completion of each is the best."""
    return answer_lines(
        Answer(messages=asked.messages, completions=asked.completions, ranking=((0,), (1,)), annotator=annotator)
        for asked in questions
    )


def test_a_run_samples_waits_for_people_and_goes_on(write_plan: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = write_plan(LABEL)
    monkeypatch.chdir(plan.parent)
    code, lines = run(plan)
    assert code == STOPPED
    command = "finetune-advisor label plan.yaml --out run"
    assert lines[-1] == f"ask waits: 4 of 4 pairs are missing; answers so far: none. To collect them: {command}"
    asked = candidates(plan)
    assert len(asked) == 10
    assert all(len(set(question.completions)) == len(question.completions) == 2 for question in asked)
    split = load_checked(load_plan(plan).plan.data, plan.parent)
    trained = {tuple(Turn.model_validate(turn) for turn in row.messages) for row in split.train.rows}
    assert {question.messages for question in asked} < trained, "no test prompt is shown to anybody"

    path = plan.parent / "preferences.jsonl"
    path.write_text(answers(asked[:2]) + answers(asked[:1], "ben"))
    code, lines = run(plan)
    assert code == STOPPED
    assert lines[0] == "skipped ask", "what was sampled is not sampled again"
    assert "2 of 4 pairs are missing; answers so far: ann 2, ben 1" in lines[1]
    path.write_text(answers(asked[:4]))
    assert run(plan) == (DONE, ["skipped ask"])


def test_a_run_that_waits_for_people_gives_no_verdict_yet(
    write_plan: Writer, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan({"type": "evaluate", "name": "base"}, LABEL)
    assert run_command(["run", str(plan)]) == STOPPED
    said = capsys.readouterr()
    assert "Only the base model" not in said.out
    assert "Report so far: " in said.out
    assert "Waiting for people's answers. When they are there, run the same command again" in said.err
    assert "Stopped" not in said.err


def test_what_the_grader_is_least_sure_of_is_asked_first(write_plan: Writer, tmp_path: Path) -> None:
    """A grader that goes by length: the closer the lengths, the smaller the gap."""
    (tmp_path / "long.py").write_text('def grade(sample, item):\n    return len(sample["output_text"]) / 1000\n')
    graders = {"answer": {"type": "numeric"}, "long": {"type": "python", "function": "long.py:grade"}}
    plan = write_plan({**LABEL, "reward": "long", "completions": 3}, graders=graders)
    assert run(plan)[0] == STOPPED
    loaded = load_plan(plan)
    place = open_place(loaded, plan.parent / "run", label_step(loaded, plan.parent / "run", None))
    asked = []
    while (question := place.desk.before("ann").question) is not None:
        asked.append(question)
        place.desk.give(Given(key=question.id, question=question.id, annotator="ann", ranking=((0,), (1,), (2,))))
    apart = []
    for question in asked:
        lengths = sorted(map(len, question.completions))
        apart.append(lengths[-1] - lengths[-2])
    assert len(asked) == 10
    assert apart == sorted(apart)
    assert apart[0] < apart[-1]


def test_a_reward_model_of_an_earlier_round_may_choose_and_must_exist(write_plan: Writer) -> None:
    graders = {"answer": {"type": "numeric"}, "rm": {"type": "reward_model", "model": "rm"}}
    with pytest.raises(UserError, match="`rm` is no earlier stage that leaves a reward model"):
        load_plan(write_plan({**LABEL, "reward": "rm"}, graders=graders))
    with pytest.raises(UserError, match="no grader is called `rn`"):
        load_plan(write_plan({**LABEL, "reward": "rn"}, graders=graders))
    again = [{"type": "reward_model", "name": "rm"}, {**LABEL, "reward": "rm"}]
    loaded = load_plan(write_plan(*again, graders=graders))
    assert steps(loaded, loaded.folder / "run")[1].judges == ("rm",)


def test_with_enough_answers_committed_nothing_is_sampled_until_more_are_wanted(write_plan: Writer) -> None:
    plan = write_plan(LABEL)
    split = load_checked(load_plan(plan).plan.data, plan.parent)
    asked = [Question(messages=as_turns(row.messages), completions=("a", "b")) for row in split.train.rows[:5]]
    (plan.parent / "preferences.jsonl").write_text(answers(asked))
    code, lines = run(plan)
    assert code == DONE
    assert "ask says preferences.jsonl decides 5 pairs already: nothing is sampled" in lines
    assert not list(plan.parent.glob("run/stages/ask-*/candidates.jsonl"))

    plan = write_plan({**LABEL, "at_least": 6})
    code, lines = run(plan)
    assert code == STOPPED
    assert lines[0].startswith("started ask: 1 of 6 pairs are missing")
    assert len(candidates(plan)) == 10


def test_sampling_goes_on_where_it_was_stopped_and_shows_what_is_there(
    write_plan: Writer, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label, "AT_ONCE", 3)
    job = job_of(write_plan(LABEL), tiny_model, tmp_path / "out")
    assert label.run(job) == {"prompts": 10, "comparable": 10}
    path = tmp_path / "out" / "candidates.jsonl"
    whole = read_candidates(path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4])[:-3])
    assert read_candidates(path) == whole[:3]
    label.run(job)
    assert read_candidates(path) == whole


def test_only_pairs_that_training_may_see_are_counted_and_each_once(write_plan: Writer) -> None:
    plan = write_plan(LABEL)
    split = load_checked(load_plan(plan).plan.data, plan.parent)
    path = plan.parent / "preferences.jsonl"
    assert pairs_decided(path, split) == 0

    def said(row: int, ranking: list[list[int]], part: str = "train", completions: str = "abc") -> dict[str, Any]:
        messages = [dict(turn) for turn in getattr(split, part).rows[row].messages]
        return {"messages": messages, "completions": list(completions), "ranking": ranking, "annotator": "ann"}

    rows = [said(0, [[0], [1, 2]]), said(0, [[1], [0]]), said(1, [[0, 1, 2]]), said(0, [[0], [1]], "test")]
    rows.append(said(2, [[0], [1]], completions="xx"))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert pairs_decided(path, split) == 2
    assert prompt_hash(split.test.rows[0]) not in prompts_to_train_on(split)


def test_more_pairs_than_there_can_be_are_refused(write_plan: Writer) -> None:
    plan = write_plan({**LABEL, "at_least": 11})
    with pytest.raises(UserError, match="10 prompts with 2 completions make 10 pairs at most"):
        load_plan(plan)


def test_completions_too_much_alike_are_told(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    alike = {**LABEL, "temperature": 0.001, "max_new_tokens": 1, "at_least": 10}
    with pytest.raises(UserError, match="of 10 prompts got different completions") as told:
        label.run(job_of(write_plan(alike), tiny_model, tmp_path / "out"))
    assert "temperature" in str(told.value)


def test_fewer_prompts_than_the_pairs_need_are_told(write_plan: Writer, tiny_model: Path, tmp_path: Path) -> None:
    plan = write_plan({**LABEL, "prompts": 200, "at_least": 150})
    with pytest.raises(UserError, match="150 pairs"):
        label.run(job_of(plan, tiny_model, tmp_path / "out"))


def test_answers_given_while_a_run_is_under_way_are_not_trained_on_in_secret(write_plan: Writer) -> None:
    plan = write_plan(LABEL, {"type": "dpo", "name": "dpo"})
    loaded = load_plan(plan)
    path = plan.parent / "preferences.jsonl"
    path.write_text("{}\n")
    todo = steps(loaded, plan.parent / "run")
    assert answers_to_read(loaded, todo[1], todo) == str(path)
    path.write_text("{}\n{}\n")
    with pytest.raises(UserError, match="people gave or took back answers since this run began"):
        answers_to_read(loaded, todo[1], todo)
