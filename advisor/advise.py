"""The whole of `init` but for printing: data → profile → interview → facts → decision → plan.

In: a Request. Out: an Advice. Answers are saved beside the plan as soon as there are any, on Ctrl-C too.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from advisor.answers import Answer, read_answers, write_answers
from advisor.checks import NONE, Value
from advisor.cost import Costed, costs
from advisor.decide import Decision, decide
from advisor.defaults import Context
from advisor.gather import gather
from advisor.hardware import gpu_memory_gib
from advisor.interview import Ask, Interrupted, Voices, check_all, interview, move_paths
from advisor.plan_text import plan_text, write_plan
from advisor.planner import make_plan, named_grader
from advisor.probing import plan_to_probe
from advisor.profile import DataProfile
from advisor.questions import DATA, PROBE, QUESTIONS
from advisor.reading import measure
from graders.errors import UserError
from pipelines.data.rows import Rows
from pipelines.data.spec import DataSpec
from pipelines.evals.audit import audit
from pipelines.evals.audit_record import Audit
from pipelines.evals.trials import one_by_one
from pipelines.launcher import Watcher
from pipelines.plan import Plan
from pipelines.probe_result import Probed
from pipelines.probing import Silent, probe

_AUDITED = 200


@dataclass(frozen=True, slots=True)
class Request:
    """What the user named. given: answers, their paths relative to the working folder. spec: how to read the data, its
    paths relative to the plan's folder; its `train` is replaced by the answer `data`. busy: shown while this works.
    tell: says a line at once. watcher: shows how far the probe is."""

    out: Path
    spec: DataSpec
    given: Mapping[str, object] = field(default_factory=dict)
    answers_file: Path | None = None
    ask: Ask | None = None
    force: bool = False
    busy: Callable[[str], AbstractContextManager[object]] = nullcontext
    tell: Callable[[str], None] = lambda _: None
    watcher: Callable[[], AbstractContextManager[Watcher]] = lambda: nullcontext(Silent())


@dataclass(frozen=True, slots=True)
class Advice:
    """What came out. profile and rows are None without data, plan where there is nothing to train on yet; written:
    plan.yaml is new or changed. audit: of the plan's metric on at most 200 rows; None where no fast grader is it.
    probed: what the model did on the rows; None where it was not tried. costs: of the advice, then of the runner-up;
    empty where there is no plan."""

    rows: Rows | None
    profile: DataProfile | None
    answers: Mapping[str, Answer]
    decision: Decision
    plan: Plan | None
    written: bool
    notes: tuple[str, ...]
    audit: Audit | None = None
    probed: Probed | None = None
    costs: tuple[Costed, ...] = ()


def answers_path(plan: Path) -> Path:
    """answers.yaml beside plan.yaml; other.answers.yaml beside other.yaml."""
    return plan.with_name("answers.yaml" if plan.stem == "plan" else f"{plan.stem}.answers.yaml")


def advise(request: Request) -> Advice:
    """Asks, measures, decides and writes. Raises UserError for everything that the user can mend."""
    make_folder(request.out.parent)
    voices, notes = _voices(request)
    known = _answered(request, voices)
    try:
        return _advised(request, notes, known)
    except UserError:  # a flag that led to it is not kept, or the next call without it would end here too
        flags = {key: value for key, value in voices.given.items() if voices.earlier.get(key) != value}
        kept = {key: value for key, value in _told(known.answers).items() if key not in flags}
        write_answers(answers_path(request.out), {**voices.earlier, **kept})
        raise


@dataclass(frozen=True, slots=True)
class _Known:
    """All that the decision goes by. untried: why nothing was probed, where nobody asked for it and it failed."""

    rows: Rows | None
    data: DataProfile | None
    answers: dict[str, Answer]
    probed: Probed | None
    untried: str = ""


def _advised(request: Request, notes: tuple[str, ...], known: _Known) -> Advice:
    """Decides and writes, once everything is answered and measured."""
    rows, data, answers, probed = known.rows, known.data, known.answers, known.probed
    notes = (*notes, known.untried) if known.untried else notes
    _require_consistent(answers)
    labelled = int(answers["labelled"].value)
    if data is not None and labelled > data.num_rows:
        told = f"labelled says {labelled:,}, but the file has {data.num_rows:,} rows: the advice is for that number."
        notes = (*notes, told)
    if answers[PROBE] == Answer(True, "told") and probed is None:
        notes = (*notes, "Nothing was probed: it takes rows, and a grader that can score answers to them.")
    decision = decide(gather(data, answers, probed, shared=request.spec.test is None))
    plan, written = None, False
    taken: tuple[Costed, ...] = ()
    if data is not None and decision.outcome != "collect":
        taken = costs(decision, data, labelled, request.out.parent)
        plan = make_plan(decision, data, answers, _spec(request.spec, answers), taken)
        written = write_plan(plan_text(plan, decision, data, answers), request.out, request.force)
    audited = _audited(plan, rows, request) if plan is not None and rows is not None else None
    return Advice(rows, data, answers, decision, plan, written, notes, audited, probed, taken)


def _require_consistent(answers: Mapping[str, Answer]) -> None:
    """Raises UserError where two answers that were told cannot both be true."""
    verifiable, grader = answers["verifiable"], answers["grader"]
    if verifiable.origin == grader.origin == "told" and verifiable.value is False and grader.value != NONE:
        raise UserError(
            f"verifiable says no, and grader says {grader.value}: these cannot both be so",
            "a grader where a program can tell right from wrong, or grader none",
            "--set verifiable=yes, or --set grader=none",
        )


def _audited(plan: Plan, rows: Rows, request: Request) -> Audit | None:
    """How often the metric is wrong on these rows, said before hours of training depend on it.

    Not of a judge or a sandbox: their time and money are spent when `grade audit` is called.
    """
    grader = plan.graders.get(plan.metric)
    if grader is None or not one_by_one(grader):
        return None
    with request.busy(f"Trying {grader.type} on right answers and on hacks"):
        return audit(grader, rows.rows, _AUDITED)


def make_folder(folder: Path) -> None:
    """The plan's folder must be there before paths can start from it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        expected, fix = "a folder that you may write to", "name another place with --out"
        raise UserError(f"cannot make the folder: {error.strerror}", expected, fix, str(folder)) from error


def _voices(request: Request) -> tuple[Voices, tuple[str, ...]]:
    folder = request.out.parent
    given = move_paths(request.given, Path.cwd(), folder)
    if request.answers_file is not None:
        told = read_answers(request.answers_file)
        given = {**move_paths(told, request.answers_file.parent, folder), **given}
    path = answers_path(request.out)
    earlier = read_answers(path) if path.exists() and request.answers_file is None else {}
    if "data" in given and "data" in earlier and given["data"] != earlier["data"]:
        note = f"{path} is about {earlier['data']}: its answers are not used."
        return Voices(check_all(given, folder), {}, request.ask), (note,)
    notes = (f"answers taken from {path}: {', '.join(earlier)}",) if earlier else ()
    return Voices(check_all(given, folder), check_all(earlier, folder), request.ask), notes


def _answered(request: Request, voices: Voices) -> _Known:
    """Asks and measures; what was told is saved, however this ends."""
    folder, path = request.out.parent, answers_path(request.out)
    answers: dict[str, Answer] = {}
    try:
        answers |= interview([DATA], Context(folder), voices)
        rows, data = None, None
        if answers["data"].value != NONE:
            with request.busy(f"Reading {answers['data'].value}"):
                rows, data = measure(_spec(request.spec, answers), folder)
        first = 1 + [question.key for question in QUESTIONS].index(PROBE)
        context = Context(folder, data, _told(answers), gpu_memory_gib())
        answers |= interview(QUESTIONS[:first], context, voices)
        write_answers(path, {**voices.earlier, **voices.given, **_told(answers)})
        probed, untried = _tried(request, data, answers)
        context = replace(context, told=_told(answers), probed=probed)
        answers |= interview(QUESTIONS[first:], context, voices)
    except Interrupted as interrupted:
        write_answers(path, {**voices.earlier, **voices.given, **_told(answers), **_told(interrupted.answers)})
        raise
    write_answers(path, _told(answers))
    return _Known(rows, data, answers, probed, untried)


def _tried(request: Request, data: DataProfile | None, answers: Mapping[str, Answer]) -> tuple[Probed | None, str]:
    """What the model does now; or why it could not be tried, which only ends `init` where somebody wanted it tried."""
    try:
        return _probed(request, data, answers), ""
    except UserError as error:
        if answers[PROBE].origin == "told":
            raise
        return None, f"The model could not be tried: {error.happened}"


def _probed(request: Request, data: DataProfile | None, answers: Mapping[str, Answer]) -> Probed | None:
    """What the model does now, where that is wanted and something can grade it."""
    grader = named_grader(str(answers["grader"].value), data) if data is not None else None
    if answers[PROBE].value is not True or data is None or grader is None:
        return None
    if answers[PROBE].origin == "assumed":
        request.tell("Trying the model on some of your rows, which takes a moment; --no-probe leaves it out.")
    model, folder = str(answers["model"].value), request.out.parent
    with request.watcher() as watcher:
        outcome = probe(plan_to_probe(_spec(request.spec, answers), data, model, grader, folder), watcher)
    if outcome.found is None:
        raise Interrupted({})
    return outcome.found


def _told(answers: Mapping[str, Answer]) -> dict[str, Value]:
    return {key: answer.value for key, answer in answers.items() if answer.origin == "told"}


def _spec(spec: DataSpec, answers: Mapping[str, Answer]) -> DataSpec:
    return spec.model_copy(update={"train": str(answers["data"].value)})


def require_plan(advice: Advice) -> Plan:
    """The plan, or a UserError that says what is missing."""
    if advice.plan is not None:
        return advice.plan
    if advice.decision.outcome == "collect":
        happened = "there is nothing to train on yet, so no plan was written; your answers are kept"
        fix = "collect one and run init again"
        if advice.rows is not None:
            fix = "collect one and run init again; where the rows hold answers already: --column completion=NAME"
        missing = advice.decision.missing
        others = [f"            or {other}" for other in missing[1:]]
        raise UserError(happened, "\n".join([*missing[:1], *others]), fix)
    raise UserError(
        "there is no data, so no plan was written; your answers are kept",
        "a file with your rows",
        "finetune-advisor init --data FILE",
    )
