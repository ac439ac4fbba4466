"""What a run remembers: steps with their fingerprints, and records of what is done.

A stage is done when its done.json exists, written last and atomically. Its folder's name carries the first 8 digits
of its fingerprint, so that a checkpoint of another config is never resumed.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from graders.errors import UserError
from graders.reward_model import stages_of
from pipelines.data.source import source_identity
from pipelines.data.spec import DataSpec
from pipelines.files import digest_path, digest_text
from pipelines.plan import (
    DPO,
    GRPO,
    KTO,
    PPO,
    SFT,
    Evaluate,
    Label,
    Plan,
    Stage,
    Training,
    is_control,
    reads_preferences,
    served_by,
)
from pipelines.plan_file import LoadedPlan
from pipelines.sources import identity
from pipelines.stages import STAGES, Kind, graders_of

_JUDGED_ANEW = {"gate", "control", "answers", "at_least"}
"""Fields that change no result: they decide on each run whether, and with which model, the plan goes on."""
_LEFT = {"policy": "model", "rows": "completions", "reward_model": "reward model"}


class Record(BaseModel):
    """done.json: what a stage was made from, what it measured, how long it took.

    guards: what confined the code that its graders ran, if they ran any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    type: str
    fingerprint: str
    parts: dict[str, str]
    numbers: dict[str, Any]
    seconds: float
    finished: str
    versions: dict[str, str]
    guards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of the plan with all that decides its result.

    parts: name → digest or value, the things whose change makes it run again; fingerprint: the digest of them all.
    sources: kind → the earlier step that this one reads it from; no policy: the plan's own model.
    judges: the earlier steps whose reward models its graders score with.
    """

    stage: Stage
    parts: Mapping[str, str]
    fingerprint: str
    folder: Path
    sources: Mapping[Kind, str]
    judges: tuple[str, ...]

    @property
    def record_path(self) -> Path:
        return self.folder / "done.json"

    def record(self) -> Record | None:
        """The record, when the stage is done."""
        try:
            return Record.model_validate_json(self.record_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:
            fix = "delete it and run again: the stage is run anew"
            raise UserError(
                "this record is damaged", "JSON that a finished stage wrote", fix, str(self.record_path)
            ) from None


def steps(loaded: LoadedPlan, run_folder: Path) -> list[Step]:
    """The plan's stages as steps, in order. Reads (hashes) the files that the plan names."""
    plan, base = loaded.plan, loaded.folder
    model = identity(plan.model, base)
    data = _data_identity(plan.data, base)
    found: dict[str, Step] = {}
    for stage in plan.stages:
        sources = _sources(stage, found.values())
        own = "" if served_by(stage) else model
        parts = _parts(plan, stage, base) | {"model": own, "data": data} | _read(sources, found, base)
        judges = judging_stages(plan, stage)
        parts |= {f"reward model {name}": found[name].fingerprint for name in judges}
        if isinstance(stage, Training) and stage.same_time_as:
            parts["same_time_as"] = found[stage.same_time_as].fingerprint
        fingerprint = digest_text(json.dumps(parts, sort_keys=True))
        folder = run_folder / "stages" / f"{stage.name}-{fingerprint[:8]}"
        found[stage.name] = Step(stage, parts, fingerprint, folder, sources, judges)
    return list(found.values())


def judging_stages(plan: Plan, stage: Stage) -> tuple[str, ...]:
    """The reward_model stages that the stage's graders name."""
    used = [plan.graders[name].model_dump() for name in graders_of(plan, stage) if name in plan.graders]
    return tuple(dict.fromkeys(stages_of(used)))


def _sources(stage: Stage, earlier: Iterable[Step]) -> dict[Kind, str]:
    """For each kind that the stage reads, the step it names, else the newest that leaves it and is no control."""
    before = list(earlier)
    names = {step.stage.name for step in before}
    newest = {STAGES[step.stage.type].leaves: step.stage.name for step in before if not is_control(step.stage)}
    reads = () if served_by(stage) else STAGES[stage.type].reads
    chosen = {kind: getattr(stage, kind, None) or newest.get(kind) for kind in reads}
    return {kind: name for kind, name in chosen.items() if name in names}


def _read(sources: Mapping[Kind, str], found: Mapping[str, Step], base: Path) -> dict[str, str]:
    """The parts that follow from what is read of earlier steps."""
    parts = {"model" if kind == "policy" else kind: found[name].fingerprint for kind, name in sources.items()}
    if "rows" in sources:
        parts["answers"] = answers_identity(answers_path(found[sources["rows"]], base))
    return parts


def answers_path(step: Step, base: Path) -> Path:
    """The file of people's answers that a step of type `label` names."""
    if not isinstance(step.stage, Label):
        raise TypeError(f"stage {step.stage.name} is a {step.stage.type}, not a label")
    return base / step.stage.answers


def answers_identity(path: Path) -> str:
    """What the file holds; "" where nobody answered yet."""
    return digest_path(path) if path.exists() else ""


def _parts(plan: Plan, stage: Stage, base: Path) -> dict[str, str]:
    """What of the plan decides this stage's result. A gate is not in it, nor how many answers people shall give: they
    are judged anew on each run. Nor is the number of processes: like the versions of libraries it changes a result by
    rounding, and in RL by other draws from the same distribution; the record has it. What is left open (None) is not in
    it either, so that a field which a later version adds reruns nothing."""
    config = stage.model_dump(mode="json", exclude=_JUDGED_ANEW | {*STAGES[stage.type].reads}, exclude_none=True)
    parts = {key: json.dumps(value, sort_keys=True) for key, value in config.items()}
    parts |= {
        f"model.{key}": json.dumps(value)
        for key, value in plan.model.model_dump(exclude={"name"}, exclude_none=True).items()
    }
    if plan.data.preferences is not None and reads_preferences(plan, stage):
        parts["preferences"] = source_identity(plan.data.preferences, base)
    parts["seed"] = str(plan.seed)
    parts["processes"] = "1" if isinstance(stage, Training) else ""  # what it was before it was left out
    if isinstance(stage, Training) and plan.sharding != "none":  # then no validation row keeps the best weights
        parts["sharding"] = plan.sharding
    for name in graders_of(plan, stage):
        parts[f"grader {name}"] = _grader_identity(plan, name, base, _ignored(stage))
    if isinstance(stage, Evaluate):
        parts["evaluation"] = plan.evaluation.model_dump_json(exclude_none=True)
        if plan.evaluation.regression is not None:
            parts["regression rows"] = source_identity(plan.evaluation.regression, base)
    return parts


def _ignored(stage: Stage) -> set[str]:
    """Training goes by scores; what passes matters where answers are counted or kept."""
    return {"pass_at"} if isinstance(stage, SFT | GRPO | PPO | DPO | KTO) else set()


def _grader_identity(plan: Plan, name: str, base: Path, ignored: set[str]) -> str:
    if name not in plan.graders:
        return name
    grader = plan.graders[name]
    files = [digest_path(base / file) for file in grader.files()]
    return json.dumps([grader.model_dump(mode="json", exclude=ignored, exclude_none=True), files], sort_keys=True)


def _data_identity(spec: DataSpec, base: Path) -> str:
    """The data's config with the content of every file it names, but for preferences, which few stages read."""
    named = [source for source in (spec.train, spec.validation, spec.test) if source]
    digests = [source_identity(source, base) for source in named]
    config = spec.model_dump(mode="json", exclude={"preferences"}, exclude_none=True)
    return digest_text(json.dumps([config, digests], sort_keys=True))


def why_run(step: Step, run_folder: Path) -> str | None:
    """Why a step must run, in words; None when it is done. Compares with its latest other attempt, if any."""
    if step.record() is not None:
        return None
    if any(step.folder.glob("**/checkpoints/checkpoint-*/complete")):
        return "it was stopped; it goes on from its newest checkpoint"
    if step.folder.exists():
        return "it was stopped before it was done"
    earlier = _latest_parts(step, run_folder)
    if earlier is None:
        return "it has not run yet"
    changed = sorted(key for key in {*earlier, *step.parts} if earlier.get(key) != step.parts.get(key))
    told = {
        "model" if kind == "policy" else kind: f"the {_LEFT[kind]} of `{name}`" for kind, name in step.sources.items()
    }
    return f"changed: {', '.join(told.get(key, key) for key in changed)}"


def _latest_parts(step: Step, run_folder: Path) -> Mapping[str, str] | None:
    folders = [path for path in (run_folder / "stages").glob(f"{step.stage.name}-????????/job.json")]
    if not folders:
        return None
    newest = max(folders, key=lambda path: path.stat().st_mtime_ns)
    try:
        parts: dict[str, str] = json.loads(newest.read_text(encoding="utf-8"))["parts"]
    except (ValueError, KeyError):
        return None
    return parts


def versions() -> dict[str, str]:
    """The libraries a result depends on. A change of them alone is shown, and reruns nothing."""
    names = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "finetune-advisor")
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed as a package"
