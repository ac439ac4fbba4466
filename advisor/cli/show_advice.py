"""An Advice for the terminal, and for machines."""

import dataclasses
import json
import shlex
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from advisor.advise import Advice, answers_path
from advisor.answers import Answer
from advisor.checks import UNKNOWN
from advisor.cli.ask import spoken
from advisor.cli.show_audit import show_verdict
from advisor.cli.show_decision import decision_values, show_costs, show_decision
from advisor.cli.show_probe import facts, show_probed
from advisor.profile import DataProfile
from pipelines.data.describe import describe
from pipelines.language import shown, shown_value

_ORIGIN = {"measured": "green", "told": "cyan", "assumed": "yellow"}


def show_advice(console: Console, advice: Advice, out: Path) -> None:
    """Data, answers, advice with its reasons, and what to do next."""
    for note in advice.notes:
        console.print(shown(note), style="dim")
    if advice.rows is not None and advice.profile is not None:
        console.print(describe(advice.rows, advice.profile.findings))
        console.print(Text(f"  {shown(grader_sentence(advice.profile))}"))
    console.print()
    console.print(_answers(advice))
    console.print()
    if advice.probed is not None:
        show_probed(console, advice.probed)
        console.print()
    show_decision(console, advice.decision)
    show_costs(console, advice.costs)
    console.print()
    console.print(Text(shown(f"answers: {answers_path(out)}"), "dim"))
    if advice.audit is not None:
        show_verdict(console, advice.audit)
    if advice.plan is not None and advice.audit is not None and advice.audit.verdict != "fit to train":
        train = advice.plan.data.train
        local = out.parent / train
        words = ["finetune-advisor", "grade", "audit", str(out), str(local) if local.exists() else train]
        console.print(Text(shown(f"  the examples: {shlex.join(words)}"), "bold"))
    if advice.plan is not None:
        console.print(Text(shown(f"wrote {out}" if advice.written else f"unchanged: {out}")))
        console.print(Text.assemble(shown("next:  "), (f"finetune-advisor run {shlex.quote(str(out))}", "bold")))
    if advice.plan is not None and advice.probed is None and advice.plan.metric in advice.plan.graders:
        how = Text(f"finetune-advisor probe {shlex.quote(str(out))}", "bold")
        said = "not measured yet: what the model does now, and whether a better prompt would do. init --probe, or"
        console.print(Text.assemble((shown(said), "dim"), "  ", how))


def grader_sentence(profile: DataProfile) -> str:
    """Which grader fits these answers, and how that was tried."""
    fit = profile.fit
    kind = shown(profile.answers.kind.replace("_", " "))
    if fit is None:
        return f"answers: {kind}; no grader of this version compares such answers"
    tried = f"{fit.grader.type} accepts {fit.accepted:,} of {fit.tried:,} rows' own answers"
    if not fit.problem:
        return f"answers: {kind}; {tried}"
    rows = ", ".join(map(str, fit.refused[:8]))
    refused = f"{tried} (refused: rows {rows})" if rows else tried
    return f"answers: {kind}; {refused}; not used: {fit.problem}"


def advice_json(advice: Advice, out: Path) -> str:
    """Everything that init found and decided."""
    found: dict[str, Any] = {
        **decision_values(advice.decision),
        "answers": {key: dataclasses.asdict(answer) for key, answer in advice.answers.items()},
        "profile": profile_values(advice.profile) if advice.profile else None,
        "audit": advice.audit.model_dump(mode="json") if advice.audit else None,
        "probe": {**advice.probed.model_dump(mode="json"), "facts": facts(advice.probed)} if advice.probed else None,
        "costs": [{"advice": each.advice, **dataclasses.asdict(each.cost)} for each in advice.costs],
        "plan": str(out) if advice.plan else None,
        "written": advice.written,
    }
    return json.dumps(found, indent=1, ensure_ascii=False)


def profile_values(profile: DataProfile) -> dict[str, Any]:
    """A profile as plain values."""
    values = {field.name: getattr(profile, field.name) for field in dataclasses.fields(profile)}
    fit = profile.fit
    return {
        **values,
        "roles": dict(profile.roles),
        "answers": dataclasses.asdict(profile.answers),
        "fit": {**dataclasses.asdict(fit), "grader": fit.grader.model_dump(mode="json")} if fit else None,
        "prompt_chars": dataclasses.asdict(profile.prompt_chars),
        "answer_chars": dataclasses.asdict(profile.answer_chars),
        "findings": [dataclasses.asdict(finding) for finding in profile.findings],
    }


def _answers(advice: Advice) -> Table:
    table = Table(*map(shown, ("question", "answer", "from")), box=None, header_style="dim", padding=(0, 2))
    for key, answer in advice.answers.items():
        table.add_row(key, _said(answer), Text(shown(answer.origin), _ORIGIN[answer.origin]))
    return table


def _said(answer: Answer) -> str:
    """In the user's language, but for what the user typed."""
    if isinstance(answer.value, bool) or answer.value == UNKNOWN:
        return shown(spoken(answer.value))
    return spoken(answer.value) if answer.origin == "told" else shown_value(spoken(answer.value))
