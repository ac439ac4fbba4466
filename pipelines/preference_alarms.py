"""Alarms of training on preferences (DPO, KTO), as pipelines/alarms.py has them for RL: what is wrong, and the fix.

In: one mapping a log entry, oldest first: TRL's names, and what pipelines/preference_trainers.py and
pipelines/keep_best.py add.
"""

from pipelines.alarms import METRIC, METRIC_HIGH, RECENT, Alarm, History

CHOSEN_CHANGE = "chosen_change"
"""Log-probability of the chosen answers less their reference's, in nats a token; 0 before the first step."""
MARGIN = "rewards/margins"
"""TRL's name for beta × (change of the chosen answers' log-probability less the rejected ones')."""
FALLEN = 0.3
"""Nats a token: each token of a chosen answer is a quarter less likely. Ours: on the starter it rings one step before
the metric collapses. A smaller fall is common (Rafailov et al. 2024, arXiv 2404.12358)."""


def chosen_falls(history: History) -> str | None:
    """Chosen answers became unlikely too: likelihood displacement (Razin et al. 2024, arXiv 2410.08847; Pal et al.
    2024, arXiv 2402.13228). What takes their place is in no row."""
    changes = [float(entry[CHOSEN_CHANGE]) for entry in history if entry.get(CHOSEN_CHANGE) is not None]
    now = sum(changes[-RECENT:]) / RECENT
    if len(changes) < RECENT or now > -FALLEN:
        return None
    fix = "sft_weight: 1, a lower learning_rate, a higher beta, or an sft stage on the chosen answers first"
    return (
        f"the chosen answers became less likely too, by {-now:.2f} nats a token: the policy moves to answers that "
        f"nobody chose; {fix}"
    )


def overfit(history: History) -> str | None:
    """The metric fell by more than chance while training went on."""
    measured = [entry for entry in history if METRIC in entry]
    if len(measured) < 2 or measured[-1].get(METRIC_HIGH, 0.0) >= 0:
        return None
    best = max(entry[METRIC] for entry in measured[:-1])
    margins = [entry[MARGIN] for entry in history if entry.get(MARGIN) is not None]
    rose = f" while the margin between the pairs' sides went to {margins[-1]:.2f}" if margins else ""
    fix = "fewer epochs, a lower learning_rate or a higher beta"
    fell = f"the metric fell from {best:.2f} to {measured[-1][METRIC]:.2f} on validation rows"
    return f"{fell}, beyond its interval{rose}; {fix}"


PREFERENCE_ALARMS: tuple[Alarm, ...] = (Alarm("chosen_falls", chosen_falls), Alarm("overfit", overfit))
