"""A reliability diagram: how often a reward model is right where it is so sure."""

from collections.abc import Mapping, Sequence
from pathlib import Path


def draw_reliability(bins: Sequence[Mapping[str, float]], path: Path) -> None:
    """bins: confidence and accuracy in [0.5, 1], and n, as evals/reward_checks.py gives them. Writes a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
    axes.plot([0.5, 1], [0.5, 1], color="0.6", linestyle="--", linewidth=1, label="as sure as right")
    most = max((one["n"] for one in bins), default=1)
    for one in bins:
        axes.scatter(one["confidence"], one["accuracy"], s=30 + 220 * one["n"] / most, color="#2a6fb0", alpha=0.8)
        place = (one["confidence"], one["accuracy"])
        axes.annotate(f"{one['n']:.0f}", place, (6, -12), textcoords="offset points", fontsize=8)
    axes.set(xlabel="how sure (sigmoid of the difference)", ylabel="share of pairs that are right")
    axes.set(xlim=(0.48, 1.02), ylim=(min([0.45, *(one["accuracy"] - 0.05 for one in bins)]), 1.05))
    axes.legend(loc="lower right", frameon=False)
    axes.set_title("Held-out pairs; numbers are pairs", fontsize=10)
    figure.savefig(path, dpi=120)
    plt.close(figure)
