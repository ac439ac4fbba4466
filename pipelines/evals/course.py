"""Reward and metric against the KL to the start: where the one goes on rising while the other falls, is the peak.

In: what pipelines/proxy.py measured of a stage. Out: a plot, and its table for the report.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLOT = "course.png"
"""In the stage's folder."""
_COLOURS = {"reward": "#b0572a", "drawn": "#2a6fb0", "greedy": "#6ba36f"}
_MARKS = {"reward": "o-", "drawn": "o-", "greedy": "s--"}


def draw_course(course: Mapping[str, Any], path: Path) -> None:
    """Writes a PNG.

    course: reward and metric (names of graders), kept (the step whose weights were), and points, a mapping for each
    measurement: step, kl, reward, and the metric of drawn and of greedy answers.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (above, below) = plt.subplots(2, figsize=(5.6, 5.6), layout="constrained", sharex=True)
    kls = [point["kl"] for point in course["points"]]
    kept = [point for point in course["points"] if point["step"] == course["kept"]]
    for axes, key in ((above, "reward"), (below, "drawn"), (below, "greedy")):
        values = [point[key] for point in course["points"]]
        axes.plot(kls, values, _MARKS[key], color=_COLOURS[key], markersize=4, linewidth=1.2, label=f"{key} answers")
        ring = {"s": 120, "facecolors": "none", "edgecolors": "black", "zorder": 3}
        axes.scatter([point["kl"] for point in kept], [point[key] for point in kept], **ring)
    for axes, key in ((above, "reward"), (below, "drawn")):
        for point in course["points"]:
            place = (point["kl"], point[key])
            axes.annotate(f"{point['step']:.0f}", place, (4, 4), textcoords="offset points", fontsize=7, color="0.35")
        axes.margins(0.08, 0.14)
    above.set_ylabel(f"reward: {course['reward']}")
    below.set(ylabel=f"metric: {course['metric']}", xlabel="KL to the start, nats an answer")
    below.legend(loc="best", frameon=False, fontsize=8)
    above.set_title("On validation prompts; numbers are steps, the ring is what was kept", fontsize=9)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def course_section(stage: str, course: Mapping[str, Any]) -> list[str]:
    """For report.md. course: with `plot` too, the PNG's place from there."""
    asked = f"{course['rows']} validation prompts, a greedy answer and {course['answers']} drawn ones to each"
    told = "KL and reward are of the drawn ones. The weights that were best by the mean of both metrics were kept."
    metric = course["metric"]
    head = ["step", "KL, nats an answer", f"reward: {course['reward']}", f"{metric}, drawn", f"{metric}, greedy", ""]
    lines = [head, ["---:"] * 5 + ["---"], *(_cells(point, course["kept"]) for point in course["points"])]
    return [
        f"## Reward and metric against KL: {stage}",
        f"{asked}. {told}",
        f"![Reward and metric against the KL to the start]({course['plot']})",
        "\n".join("| " + " | ".join(cells) + " |" for cells in lines),
    ]


def _cells(point: Mapping[str, float], kept: int) -> list[str]:
    kl = round(point["kl"], 2) + 0.0  # no minus before a zero
    numbers = [f"{point['reward']:.3f}", f"{point['drawn']:.3f}", f"{point['greedy']:.3f}"]
    return [f"{point['step']:.0f}", f"{kl:.2f}", *numbers, "kept" if point["step"] == kept else ""]
