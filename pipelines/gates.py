"""Whether the plan may go on after a stage, and why not: each bound of a gate is one check, kept in gate.json.

In: a step that is done, and the steps before it. Out: a Judgement; None where the stage has no gate. A gate is judged
anew on each run, so a changed bound reruns nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graders.errors import UserError
from graders.statistics import Interval, paired_bootstrap
from pipelines.evals.compare import FEWEST_PROMPTS
from pipelines.evals.grades import REGRESSION, GradedRow, read_grades
from pipelines.evals.reward_checks import FEWEST, RULES
from pipelines.evals.summary import Evaluated, previous
from pipelines.files import write_json
from pipelines.gate_file import FILE, Check, Judgement
from pipelines.plan import Evaluate, Gate, Probe, RewardModel
from pipelines.run_report import evaluated
from pipelines.state import Record, Step


def judge(step: Step, todo: Sequence[Step], allow: Sequence[str]) -> Judgement | None:
    """The stage's judgement, kept in its folder. allow: stages whose gate may stay shut."""
    checks = _checks(step, todo)
    if checks is None:
        return None
    gate = step.stage.gate if isinstance(step.stage, Evaluate) else None
    instead = gate.instead if gate else None
    shut = not all(check.passed for check in checks)
    found = Judgement(
        stage=step.stage.name, checks=tuple(checks), instead=instead, allowed=shut and step.stage.name in allow
    )
    write_json(step.folder / FILE, found.model_dump(mode="json"))
    return found


def _checks(step: Step, todo: Sequence[Step]) -> list[Check] | None:
    record, stage = step.record(), step.stage
    if record is None:
        return None
    if isinstance(stage, Probe) and stage.gate:
        ready = record.numbers["verdict"] == "ready"
        return [Check(name="signal", bound=None, found=None, passed=ready, said=str(record.numbers["advice"]))]
    if isinstance(stage, RewardModel) and stage.gate:
        return [_reward_model(record)]
    if isinstance(stage, Evaluate) and stage.gate is not None:
        return _evaluation(stage.gate, _Judged(step, record, todo))
    return None


class _Judged:
    """An evaluation with all that its gate may compare it with."""

    def __init__(self, step: Step, record: Record, todo: Sequence[Step]) -> None:
        self.step, self.numbers, self._todo = step, record.numbers, todo
        self._models = evaluated(todo)

    @property
    def model(self) -> Evaluated:
        return next(model for model in self._models if model.name == self.step.stage.name)

    @property
    def base(self) -> Evaluated:
        return self._models[0]

    @property
    def previous(self) -> Evaluated:
        """The model that it was trained from, as far as it was evaluated; the base where there is none."""
        return previous(self.model, self._models) or self.base

    def regression(self, model: Evaluated) -> Sequence[GradedRow]:
        step = next(step for step in self._todo if step.stage.name == model.name)
        return read_grades(step.folder / REGRESSION)

    @property
    def kl(self) -> float | None:
        """Nats an answer; None where the model's training reported none."""
        name = self.step.sources.get("policy")
        trained = next((step.record() for step in self._todo if step.stage.name == name), None)
        numbers: Mapping[str, Any] = trained.numbers if trained else {}
        if numbers.get("last_kl_per_token") is not None and self.numbers.get("mean_tokens") is not None:
            return float(numbers["last_kl_per_token"]) * float(self.numbers["mean_tokens"])
        return float(numbers["kl"]) if numbers.get("kl") is not None else None


def _evaluation(gate: Gate, judged: _Judged) -> list[Check]:
    return [_CHECKS[name](gate, judged) for name in gate.bounds]


def _rate(name: str, told: Callable[[str], str], key: str) -> Callable[[Gate, _Judged], Check]:
    def check(gate: Gate, judged: _Judged) -> Check:
        bound, found = float(getattr(gate, name)), judged.numbers[key]
        passed = found is not None and found >= bound
        rate = told("unknown" if found is None else f"{found:.1%}")
        said = f"{rate} is not under {bound:.1%}" if passed else f"{rate} is under {bound:.1%}"
        return Check(name=name, bound=bound, found=found, passed=passed, said=said)

    return check


def _gain(gate: Gate, judged: _Judged) -> Check:
    before = judged.base if gate.over == "base" else judged.previous
    bound = float(gate.min_gain or 0.0)
    found = change(before.rows, judged.model.rows, gate.confidence)
    passed = found is not None and found.low > bound
    low = "unknown" if found is None else f"{found.low:+.1f}"
    over = "the base" if gate.over == "base" else f"`{before.name}`"
    end = f"the low end of the gain over {over} is {low} points"
    said = f"{end}, over {bound:+.1f}" if passed else f"{end}, not over {bound:+.1f}"
    return Check(name="min_gain", bound=bound, found=found.low if found else None, passed=passed, said=said)


def _drop(gate: Gate, judged: _Judged) -> Check:
    """Shut only by what is shown: not by a change that may be chance, nor by fewer prompts than claims are made on."""
    before = judged.base if gate.over == "base" else judged.previous
    bound = float(gate.max_drop or 0.0)
    found = change(before.rows, judged.model.rows, gate.confidence)
    enough = len({row.prompt_key for row in judged.model.rows}) >= FEWEST_PROMPTS
    passed = found is None or not enough or found.high >= -bound
    over = "the base" if gate.over == "base" else f"`{before.name}`"
    interval = "unknown" if found is None else f"{found.low:+.1f} to {found.high:+.1f}"
    end = f"the change over {over} is {interval} points"
    said = f"{end}, not surely below {-bound:g}" if passed else f"{end}, surely below {-bound:g}"
    return Check(name="max_drop", bound=bound, found=found.high if found else None, passed=passed, said=said)


def _regression(gate: Gate, judged: _Judged) -> Check:
    bound = float(gate.max_regression or 0.0)
    found = change(judged.regression(judged.base), judged.regression(judged.model), gate.confidence)
    passed = found is not None and found.low >= -bound
    low = "unknown" if found is None else f"{found.low:+.1f}"
    end = f"on the rows that must not get worse the low end of the change is {low} points"
    said = f"{end}, within {bound:g} of none" if passed else f"{end}, not within {bound:g} of none"
    return Check(name="max_regression", bound=bound, found=found.low if found else None, passed=passed, said=said)


def _unscored(gate: Gate, judged: _Judged) -> Check:
    return _share("max_unscored", gate.max_unscored, judged.numbers["unscored"] / judged.numbers["n"], "unscored")


def _truncated(gate: Gate, judged: _Judged) -> Check:
    return _share("max_truncated", gate.max_truncated, judged.numbers["truncated_rate"], "cut by the length limit")


def _share(name: str, bound: float | None, found: float, shown: str) -> Check:
    passed = bound is not None and found <= bound
    many = f"{found:.1%} of the answers are {shown}"
    said = f"{many}, not over {bound:.1%}" if passed else f"{many}, over {bound:.1%}"
    return Check(name=name, bound=bound, found=found, passed=passed, said=said)


def _kl(gate: Gate, judged: _Judged) -> Check:
    found, bound = judged.kl, float(gate.max_kl or 0.0)
    passed = found is not None and found <= bound
    if found is None:
        said = "its training reported no KL"
    else:
        far = f"its KL is {found:.2f} nats an answer"
        said = f"{far}, not over {bound:g}" if passed else f"{far}, over {bound:g}"
    return Check(name="max_kl", bound=bound, found=found, passed=passed, said=said)


_CHECKS: Mapping[str, Callable[[Gate, _Judged], Check]] = {
    "min_pass_rate": _rate("min_pass_rate", lambda share: f"pass rate {share}", "pass_rate"),
    "min_score": _rate("min_score", lambda share: f"mean score {share}", "mean_score"),
    "min_gain": _gain,
    "max_drop": _drop,
    "max_regression": _regression,
    "max_unscored": _unscored,
    "max_truncated": _truncated,
    "max_kl": _kl,
}


def change(before: Sequence[GradedRow], after: Sequence[GradedRow], confidence: float) -> Interval | None:
    """Points of pass rate gained, paired by row, prompts resampled; of the score where nothing is right or wrong.

    None where no row is scored on both sides.
    """
    old = {row.index: row for row in before}
    pairs = [(old[row.index], row) for row in after if row.index in old]
    judged = [
        (a, b, float(b.passed) - float(a.passed)) for a, b in pairs if a.passed is not None and b.passed is not None
    ]
    scored = [(a, b, b.score - a.score) for a, b in pairs if a.score is not None and b.score is not None]
    chosen = judged or scored
    if not chosen:
        return None
    return paired_bootstrap(
        [100 * gain for _, _, gain in chosen], [a.prompt_key for a, _, _ in chosen], confidence=confidence
    )


def _reward_model(record: Record) -> Check:
    """A reward model that only counts letters, or that nothing is known of, must train no policy."""
    found = record.numbers
    passed = bool(found.get("beats_baselines"))
    said = "it beats length alone and the majority" if passed else _why_no_better(found)
    return Check(name="beats_baselines", bound=None, found=found.get("accuracy"), passed=passed, said=said)


def _why_no_better(found: Mapping[str, Any]) -> str:
    if found["held_out_pairs"] < FEWEST:
        return f"{found['held_out_pairs']} held-out pairs are too few to know what it is worth (at least {FEWEST})"
    low, middle, high = found["gain_points"]
    rule = {"length": "going by length alone", "majority": "taking what was chosen more often"}[found["gain_over"]]
    return (
        f"{found['accuracy']:.1%} of {found['held_out_pairs']} held-out pairs are right; {rule} gets "
        f"{found[RULES[found['gain_over']]]:.1%}, so it is {middle:+.1f} points better [{low:+.1f}, {high:+.1f}], "
        "not surely any better"
    )


def require_known(names: Sequence[str], todo: Sequence[Step]) -> None:
    """Raises UserError for a stage of --allow-gate that has no gate."""
    gated = [step.stage.name for step in todo if getattr(step.stage, "gate", None)]
    if unknown := [name for name in names if name not in gated]:
        told = f"one of {', '.join(gated)}" if gated else "a plan with gates"
        raise UserError(f"no stage with a gate is called `{unknown[0]}`", told)
