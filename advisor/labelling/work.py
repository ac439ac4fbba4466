"""What `label` is asked to do: import, export, let a judge answer, ask in the terminal, or serve the page."""

import getpass
from dataclasses import dataclass
from pathlib import Path

import click

from advisor.cli.console import busy
from graders.errors import UserError
from pipelines.files import write_text
from pipelines.plan_file import LoadedPlan
from pipelines.preferences.answers import answer_lines
from pipelines.preferences.place import Place
from pipelines.run_lock import at_work
from pipelines.runner import command
from pipelines.state import Step


@dataclass(frozen=True, slots=True)
class Wish:
    """The command's options; judge "" is the plan's only one."""

    annotator: str | None
    port: int | None
    terminal: bool
    source: Path | None
    target: Path | None
    judge: str | None

    def __post_init__(self) -> None:
        asked = [self.terminal, self.source is not None, self.target is not None, self.judge is not None]
        if sum(asked) > 1:
            raise UserError("one thing at a time", "one of --terminal, --import, --export and --judge")


def work(place: Place, loaded: LoadedPlan, run_folder: Path, step: Step, wish: Wish) -> None:
    """Does it. Raises UserError for what the user must mend."""
    for line in _met(place):
        click.echo(line, err=True)
    if wish.source is not None:
        _import(place, wish.source, wish.annotator or wish.source.stem)
    elif wish.target is not None:
        _export(place, wish.target)
    else:
        _answer(place, loaded, run_folder, step, wish)


def _answer(place: Place, loaded: LoadedPlan, run_folder: Path, step: Step, wish: Wish) -> None:
    go_on = command("run", loaded, run_folder)
    if not place.desk.questions() and not at_work(run_folder):
        raise _nothing(step, place, go_on)
    name = wish.annotator or _user()
    if wish.judge is not None:
        _judge(place, loaded, wish.judge)
    elif wish.terminal:
        from advisor.labelling.terminal import Terminal

        Terminal(place.desk, name or _named()).ask()
    else:
        from advisor.labelling.serve import serve

        serve(place, loaded, run_folder, step, name, wish.port)
    click.echo(f"{len(place.store.live())} answers are in {place.file.path}. To go on: {go_on}", err=True)


def _nothing(step: Step, place: Place, go_on: str) -> UserError:
    if step.record() is None:
        return UserError("there is nothing to compare yet", "completions that the stage samples", go_on)
    happened = f"{place.file.path.name} held enough answers, so nothing was sampled"
    return UserError(happened, fix=f"raise at_least in the plan, then {go_on}", where=str(place.file.path))


def _met(place: Place) -> list[str]:
    """What was found to differ between the file and what the run keeps."""
    met, name = place.met, place.file.path.name
    said = []
    if met.added:
        said.append(f"{met.added} answers that {name} lacked were written to it.")
    if met.new:
        said.append(f"{met.new} answers of {name} were given elsewhere: they count, and are not asked again.")
    if met.removed:
        said.append(f"{met.removed} answers were taken out of {name}: they no longer count; the run still keeps them.")
    return said


def _user() -> str:
    try:
        return getpass.getuser()
    except OSError:  # a user id without a name, as in containers
        return ""


def _named() -> str:
    raise UserError("who answers?", "a name that tells the annotators apart", "--annotator NAME")


def _import(place: Place, source: Path, annotator: str) -> None:
    from pipelines.preferences.enough import prompt_of
    from pipelines.preferences.imports import read_foreign, take_in, told

    with busy(f"reads {source.name}"):
        found = read_foreign(source, annotator)
        added = take_in(found.answers, place.store, place.file)
        counted = sum(prompt_of(answer) in place.prompts for answer in found.answers)
    click.echo(told(found, added, counted))


def _export(place: Place, target: Path) -> None:
    answers = [row.answer for row in place.store.live()]
    write_text(target, answer_lines(answers))
    click.echo(f"{len(answers)} answers were written to {target}.")


def _judge(place: Place, loaded: LoadedPlan, name: str) -> None:
    from pipelines.preferences.imports import take_in
    from pipelines.preferences.judging import judge_of, judged

    judge = judge_of(loaded.plan, name or None)
    known = place.store.answered(judge.model)
    open_questions = [question for key, question in place.desk.questions().items() if key not in known]
    failures, given = [], 0
    with busy(f"{judge.model} compares {len(open_questions)} questions in both orders"):
        for answers, failed in judged(judge, open_questions):
            given += take_in(answers, place.store, place.file)
            failures += failed
    click.echo(f"{judge.model} answered {given} of {len(open_questions)} questions; they are marked as a judge's.")
    if failures:
        click.echo(f"{len(failures)} it could not answer, such as: {failures[0]}", err=True)
