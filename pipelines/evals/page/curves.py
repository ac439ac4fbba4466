"""A training stage's log → the charts worth looking at: reward, metric, KL, length, spread, loss; alarms marked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.evals.page.svg import Chart, Line, Mark

Log = Sequence[Mapping[str, Any]]
CHARTS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("reward and metric on validation rows", (("reward", "reward"), ("validation", "metric"))),
    ("KL to the start, nats a token", (("kl", "KL"),)),
    ("length of answers, tokens", (("completions/mean_length", "mean"), ("completions/max_length", "longest"))),
    ("share of groups without spread", (("frac_reward_zero_std", "without spread"),)),
    ("share of answers cut short", (("completions/clipped_ratio", "cut short"),)),
    ("entropy, nats a token", (("entropy", "entropy"),)),
    ("margin of chosen over rejected", (("rewards/margins", "margin"),)),
    ("loss", (("loss", "loss"),)),
)
"""Title → the log's key and the name of each line. What a stage does not log is left out."""
_ONLY_OF_RL = {"entropy, nats a token", "share of answers cut short"}


@dataclass(frozen=True, slots=True)
class Trained:
    """A stage that trained: what it was, its numbers for people, its charts, the alarms that rang."""

    name: str
    method: str
    facts: tuple[tuple[str, str], ...]
    charts: tuple[Chart, ...]
    alarms: tuple[str, ...]


def charts_of(folder: Path, alarms: Sequence[Mapping[str, Any]]) -> tuple[Chart, ...]:
    """From curve.json; () where the stage left none (rejection sampling's stand with its rounds), or it is damaged."""
    try:
        log: Log = json.loads((folder / "curve.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return ()
    marks = tuple(Mark(float(alarm["step"]), f"{alarm['name']}: {alarm['text']}") for alarm in alarms)
    practised = any("reward" in entry for entry in log)
    found = []
    for title, keys in CHARTS:
        if title in _ONLY_OF_RL and not practised:
            continue
        lines = tuple(line for key, name in keys if (line := _line(log, key, name)) is not None)
        if lines:
            found.append(Chart(title, lines, marks))
    return tuple(found)


def _line(log: Log, key: str, name: str) -> Line | None:
    points = tuple((float(entry["step"]), float(entry[key])) for entry in log if entry.get(key) is not None)
    return Line(name, points) if points else None
