"""The graders that a plan goes by: whether they grade at all, and how often they are wrong on these rows.

What a server, a model or a child has to answer for is asked once, for it costs money or minutes; `grade audit` asks it
more. Every other grader is audited on a part of the rows.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from graders.base import Grader
from graders.errors import UserError
from graders.llm.server import is_folder
from graders.reward_model import is_stage
from pipelines.data.answer_kind import own_answer
from pipelines.data.rows import Row
from pipelines.evals.audit import audit
from pipelines.evals.audit_record import Audit, Finding
from pipelines.grader_rows import check_items
from pipelines.plan import Plan
from pipelines.preflight.record import Line, amber, green, of_error, red
from pipelines.preflight.subject import Subject
from pipelines.rewards import answer_of, sample_of
from pipelines.stages import graders_of

ROWS = 200
"""Rows that an audit tries: rates of a percent show; `grade audit` takes 2,000."""
_ASKED = {"judge", "rubric", "score_model", "label_model", "endpoint"}


def lines(subject: Subject) -> Iterator[Line]:
    """One line or more for each grader that a stage goes by; one for a grader that none does."""
    plan, rows = subject.plan, [*subject.split.train.rows]
    used = used_graders(plan)
    for name in used:
        about = f"grader {name}"
        try:
            yield from (
                amber(about, note, "mend those rows, or the grader") for note in check_items(plan.graders[name], rows)
            )
            yield from _looked_at(about, plan.graders[name], rows, subject)
        except UserError as error:
            yield of_error(about, error)
    idle = [name for name in plan.graders if name not in used]
    if idle:
        yield amber("graders", f"no stage goes by {', '.join(idle)}", "name it as metric or reward, or take it out")
    yield from _sandbox(plan)


def used_graders(plan: Plan) -> list[str]:
    """The names of those that some stage goes by, the metric first."""
    named = [
        plan.metric,
        plan.evaluation.regression_metric,
        *(name for stage in plan.stages for name in graders_of(plan, stage)),
    ]
    return [name for name in dict.fromkeys(named) if name is not None and name in plan.graders]


def _looked_at(about: str, grader: Grader, rows: list[Row], subject: Subject) -> Iterator[Line]:
    kinds = _types(grader.model_dump(mode="json"))
    if "reward_model" in kinds:
        yield from _reward_models(about, grader, subject)
    elif kinds & _ASKED:
        yield _asked_once(about, grader, rows)
    else:
        yield from _audited(about, audit(grader, rows, ROWS))


def _types(config: object) -> set[str]:
    """Of a grader and of those inside it."""
    if isinstance(config, Mapping):
        own = {str(config["type"])} if "type" in config else set()
        return own.union(*map(_types, config.values()))
    return set().union(*map(_types, config)) if isinstance(config, list | tuple) else set()


def _asked_once(about: str, grader: Grader, rows: list[Row]) -> Line:
    """The first row's own answer, else its prompt: whatever it scores, it must score."""
    row = next((row for row in rows if own_answer(row)), rows[0])
    grade = grader.grade_all([sample_of(row, answer_of(own_answer(row) or row.prompt))])[0]
    if grade.score is None:
        fix = "start its server, or mend the grader; finetune-advisor grade audit tries it on more rows"
        return red(about, f"it did not score row {row.number}: {grade.reason}", "a score", fix)
    fix = "finetune-advisor grade audit PLAN FILE measures how often it is wrong"
    return amber(about, f"it answers (row {row.number}: {grade.score:.2f}); one call says nothing of its errors", fix)


def _reward_models(about: str, grader: Grader, subject: Subject) -> Iterator[Line]:
    for name in _reward_model_names(grader.model_dump(mode="json")):
        if is_stage(name):
            yield green(about, f"the reward model is left by stage `{name}`")
        elif not is_folder(name):
            yield amber(
                about, f"the reward model {name} is fetched from the hub", "fetch it before, where run is offline"
            )
        elif (folder := subject.loaded.folder / name).joinpath("config.json").is_file():
            yield green(about, f"the reward model's folder is there: {_shown(folder)}")
        else:
            yield red(
                about, f"there is no reward model in {_shown(folder)}", "a folder with config.json", "mend `model`"
            )


def _reward_model_names(config: object) -> list[str]:
    if isinstance(config, Mapping):
        own = [str(config["model"])] if config.get("type") == "reward_model" else []
        return own + [name for value in config.values() for name in _reward_model_names(value)]
    return [name for part in config for name in _reward_model_names(part)] if isinstance(config, list | tuple) else []


def _shown(folder: Path) -> str:
    return str(folder)


def _audited(about: str, found: Audit) -> Iterator[Line]:
    yes, no = found.false_positives, found.false_negatives
    accepted = f"false positives {yes.share:.1%} (n={yes.n:,})"
    refused = f"false negatives {no.share:.1%} (n={no.n:,})"
    wrong = [told for told, rate in ((accepted, yes), (refused, no)) if rate.n]
    said = "; ".join([f"{found.verdict} on {found.probe_rows:,} rows", *(wrong or ["nothing could be tried"])])
    share = yes.share
    grave = [finding for finding in found.findings if finding.severity != "note"]
    if not grave:
        yield green(about, said, share, "share of bad answers accepted")
    for finding in grave:
        yield _of_finding(about, said, finding)


def _of_finding(about: str, said: str, finding: Finding) -> Line:
    told, fix = f"{finding.message}; {said}", finding.fix or "finetune-advisor grade audit PLAN FILE shows examples"
    return red(about, told, "", fix) if finding.severity == "unfit" else amber(about, told, fix)


def _sandbox(plan: Plan) -> Iterator[Line]:
    """Raises nothing: where code cannot be confined here, it is refused."""
    try:
        guards = plan.guards()
    except UserError as error:
        yield of_error("sandbox", error)
        return
    if guards:
        yield green("sandbox", f"code of answers runs confined by {', '.join(guards)}", len(guards), "guards")
