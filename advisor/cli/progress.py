"""Shows a run on stderr: one line a stage; while it works, a bar with rate and time left, and the training's curves."""

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from advisor.cli.curves import Curves
from pipelines.language import shown_sentences
from pipelines.stage_course import course
from pipelines.state import Record, Step


class _Rate(ProgressColumn):
    """Units a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        unit = str(task.fields.get("unit", ""))
        if not speed or unit == "seconds":
            return Text("")
        return Text(f"{speed:.1f} {unit}/s" if speed >= 1 else f"{1 / speed:.1f} s/{unit.rstrip('s')}")


class Terminal:
    """A Watcher that writes to stderr; without a terminal it writes plain lines and no bars."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[unit]}"),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[shown]}"),
            console=self._console,
        )
        self._bar: Any = None
        self._curves = Curves()
        self._live = Live(Group(self._bars, self._curves), console=self._console, transient=True)
        self.waiting = False  # whether the run ended because people's answers are missing

    def __enter__(self) -> "Terminal":
        if sys.stderr.isatty():
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def skipped(self, step: Step, record: Record) -> None:
        self._line("·", step, "already done", _result(record))

    def started(self, step: Step, why: str) -> None:
        self._line("→", step, why)

    def event(self, step: Step, event: Mapping[str, Any]) -> None:
        if "say" in event:
            self._line(" ", step, event["say"])
            return
        shown = "  ".join(f"{name} {value:.3g}" for name, value in event["shown"].items())
        self._curves.tell(event["done"], event["shown"])
        if self._bar is None:
            self._bar = self._bars.add_task(step.stage.name, total=event["total"], unit=event["unit"], shown=shown)
        self._bars.update(
            self._bar,
            description=step.stage.name,
            completed=event["done"],
            total=event["total"],
            unit=event["unit"],
            shown=shown,
        )
        if event["done"] >= event["total"]:
            self._remove_bar()

    def finished(self, step: Step, record: Record) -> None:
        self._remove_bar()
        self._line("✓", step, f"{record.seconds:.0f} s", _result(record))

    def gate_closed(self, step: Step, why: str) -> None:
        self._line("✗", step, f"gate: {why}")

    def gate_allowed(self, step: Step, why: str) -> None:
        self._line("!", step, f"gate shut, allowed by --allow-gate: {why}")

    def waits(self, step: Step, why: str) -> None:
        self.waiting = True
        self._line("…", step, f"waits for people: {why}")

    def _remove_bar(self) -> None:
        if self._bar is not None:
            self._bars.remove_task(self._bar)
            self._bar = None
        self._curves.forget()

    def _line(self, mark: str, step: Step, *said: str) -> None:
        kind = "" if step.stage.type == step.stage.name else f" [dim]{step.stage.type}[/]"
        text = "  ".join(map(shown_sentences, filter(None, said)))
        self._console.print(f"{mark} [bold]{step.stage.name}[/]{kind} {escape(text)}")


def _result(record: Record) -> str:
    """The one or two numbers of a record that a person waits for."""
    numbers = record.numbers
    if "advice" in numbers:
        return str(numbers["advice"])
    if isinstance(numbers.get("pass_rate"), float):
        low, high = numbers["interval"]
        scored = f"{numbers['n'] - numbers['unscored']}"
        counted = f"{scored}, {numbers['unscored']} unscored" if numbers["unscored"] else scored
        return f"pass rate {numbers['pass_rate']:.1%} ({low:.1%} to {high:.1%}, n={counted})"
    if numbers.get("held_out_pairs"):
        low, high = numbers["accuracy_interval"]
        return f"{numbers['accuracy']:.1%} of {numbers['held_out_pairs']} held-out pairs ({low:.1%} to {high:.1%})"
    return ", ".join(filter(None, (_trained(numbers), course(numbers))))


def _trained(numbers: Mapping[str, Any]) -> str:
    if "kl" in numbers:
        return f"{numbers['steps']} steps, margin {numbers['last_margin']:.2f}, KL {numbers['kl']:.2f} nats an answer"
    if "examples" in numbers:
        return f"{numbers['steps']} steps on {numbers['examples']} examples"
    return f"{numbers['steps']} steps" if "last_reward" in numbers else ""
