"""Reward and metric against the KL to the start: where the one goes on rising while the other falls, is the peak.

In: what pipelines/proxy.py measured of a stage. Out: a plot, and its table for the report.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLOT = "course.png"
"""In the stage's folder."""
REWARD_COLOUR, METRIC_COLOUR = "#b0572a", "#2a6fb0"


def draw_course(course: Mapping[str, Any], path: Path) -> None:
    """course: reward and metric (names of graders), kept (the step whose weights were), and points, a mapping with
    step, kl, reward and metric for each measurement. Writes a PNG."""
    points, kept = course["points"], course["kept"]
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (above, below) = plt.subplots(2, figsize=(5.6, 5.2), layout="constrained", sharex=True)
    kls = [point["kl"] for point in points]
    for axes, key, colour in ((above, "reward", REWARD_COLOUR), (below, "metric", METRIC_COLOUR)):
        axes.plot(kls, [point[key] for point in points], color=colour, marker="o", markersize=4, linewidth=1.2)
        for point in points:
            place = (point["kl"], point[key])
            axes.annotate(f"{point['step']:.0f}", place, (4, 4), textcoords="offset points", fontsize=7, color="0.35")
            if point["step"] == kept:
                axes.scatter(
                    *place, s=120, facecolors="none", edgecolors="black", linewidths=1.4, label="kept", zorder=3
                )
        axes.margins(0.08, 0.14)
    above.set_ylabel(f"reward: {course['reward']}")
    below.set(ylabel=f"metric: {course['metric']}", xlabel="KL to the start, nats an answer")
    if any(point["step"] == kept for point in points):
        below.legend(loc="best", frameon=False)
    above.set_title("On validation prompts, answers drawn as in training; numbers are steps", fontsize=9)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def course_section(stage: str, course: Mapping[str, Any]) -> list[str]:
    """For report.md. course: with `plot` too, the PNG's place from there."""
    asked = f"{course['rows']} validation prompts, {course['answers']} answers to each, drawn as in training"
    head = ["step", "KL, nats an answer", f"reward: {course['reward']}", f"metric: {course['metric']}", ""]
    lines = [head, ["---:"] * 4 + ["---"], *(_cells(point, course["kept"]) for point in course["points"])]
    return [
        f"## Reward and metric against KL: {stage}",
        f"{asked}. The weights that did best by the metric were kept.",
        f"![Reward and metric against the KL to the start]({course['plot']})",
        "\n".join("| " + " | ".join(cells) + " |" for cells in lines),
    ]


def _cells(point: Mapping[str, float], kept: int) -> list[str]:
    numbers = [f"{point['step']:.0f}", f"{point['kl']:.2f}", f"{point['reward']:.3f}", f"{point['metric']:.3f}"]
    return [*numbers, "kept" if point["step"] == kept else ""]
