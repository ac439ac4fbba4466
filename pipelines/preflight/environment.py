"""The machine: installed versions, what it computes with, and whether the hub gives what the plan names."""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from graders.errors import UserError
from pipelines import hub
from pipelines.engines import require_engines
from pipelines.plan import Training
from pipelines.preflight.record import Line, amber, green, of_error, red
from pipelines.preflight.subject import Subject, gib
from pipelines.sources import locate

PACKAGE = "finetune-advisor"
CPU_PARAMETERS = 100_000_000
"""Of a model above which training on a CPU takes hours or days. Ours."""


def lines(subject: Subject) -> Iterator[Line]:
    """Versions, engines, device, hub."""
    yield _versions()
    try:
        require_engines(subject.plan)
    except UserError as error:
        yield of_error("engine", error)
    yield from _device(subject)
    yield from _hub(subject)


def _versions() -> Line:
    try:
        needed = [one for one in metadata.requires(PACKAGE) or [] if "extra ==" not in one]
    except metadata.PackageNotFoundError:
        return amber("versions", f"{PACKAGE} is not installed as a package, so none are compared", "pip install .")
    wrong = [said for requirement in needed if (said := unmet(requirement))]
    if wrong:
        return red(
            "versions", "; ".join(wrong), "the versions that this one was tested with", f"pip install -U {PACKAGE}"
        )
    return green("versions", f"all {len(needed)} packages are as required", len(needed), "packages")


def unmet(requirement: str) -> str | None:
    """What is wrong with the installed version of "trl>=1.16,<1.17"; None where it fits."""
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    try:
        found = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return f"{wanted.name} is not installed"
    fits = wanted.specifier.contains(re.sub(r"\+.*", "", found), prereleases=True)
    return None if fits else f"{wanted.name} is {found}, not {wanted.specifier}"


def _device(subject: Subject) -> Iterator[Line]:
    look = subject.look
    if look is None:
        return
    trains = any(isinstance(stage, Training) for stage in subject.plan.stages)
    precision = "bf16" if look.bf16 else "fp32"
    memory = look.device_bytes / 2**30
    if look.gpu is None and trains and look.parameters > CPU_PARAMETERS:
        said = f"there is no GPU: {look.parameters / 1e9:.2g} billion parameters train on the CPU, in {precision}"
        yield amber("device", said, "a machine with a GPU, or a smaller model", memory)
    elif look.gpu is None:
        yield green("device", f"CPU with {gib(look.device_bytes)}, in {precision}", memory, "GiB")
    elif subject.plan.processes > look.gpus:
        said = f"{subject.plan.processes} processes, but {look.gpus} GPUs"
        yield red("device", said, "a GPU for each process", "lower `processes`")
    elif look.imitated and trains:
        said = f"{look.gpu} with {gib(look.device_bytes)} only imitates {precision}: several times slower"
        yield amber("device", said, "a GPU from Ampere on, such as A10, L4 or A100", memory)
    else:
        yield green("device", f"{look.gpu} with {gib(look.device_bytes)}, in {precision}", memory, "GiB")


def _hub(subject: Subject) -> Iterator[Line]:
    """Nothing where the model is a folder."""
    try:
        where = locate(subject.plan.model, subject.loaded.folder)
        if Path(where).is_dir():
            return
        found = hub.card(where, "model", subject.plan.model.revision)
    except UserError as error:
        yield of_error("hub", error)
        return
    if found is None:
        fix = "run where the hub can be reached, or name a folder"
        yield amber("hub", f"the hub is out of reach: whether {where} can be fetched is not known", fix)
    else:
        yield green("hub", f"{where} can be fetched{'; gated: you have access' if found.gated else ''}")
