"""What a pilot concludes from graded answers."""

from advisor.pilot.arms import Arm
from advisor.pilot.verdict import Measured, concluded
from pipelines.evals.grades import GradedRow


def graded(passed: int, of: int = 100) -> list[GradedRow]:
    """The first `passed` of the rows are right."""
    return [
        GradedRow(
            index=number,
            prompt=f"p{number}",
            prompt_key=str(number),
            completion="",
            score=float(number < passed),
            passed=number < passed,
            reason="",
            num_tokens=1,
        )
        for number in range(of)
    ]


def measured(name: str, passed: int) -> Measured:
    return Measured(Arm(name, name, warm=False), 1, 10.0, graded(passed))


def test_the_best_arm_is_chosen_and_what_is_not_told_apart_from_it_is_said() -> None:
    found = concluded("p", graded(40), [measured("sft", 42), measured("grpo", 70), measured("ppo", 69)], 1.0, None)
    assert [arm.name for arm in found.arms] == ["grpo", "ppo", "sft"]
    assert (found.chosen, found.tied) == ("grpo", ("ppo",))
    assert found.evidence[0].startswith("A pilot on 100 validation rows: grpo did best with 70.0%, +30.0 points [")
    assert found.evidence[1] == "Not told apart from grpo on these rows: ppo."


def test_where_no_arm_is_shown_to_beat_the_model_none_is_chosen() -> None:
    found = concluded("p", graded(40), [measured("sft", 41), measured("grpo", 39)], 1.0, None)
    assert found.chosen == ""
    assert "no method is shown to beat the model as it is (40.0%)" in found.evidence[0]


def test_labels_that_still_help_are_asked_for() -> None:
    curve = [(25, graded(30)), (50, graded(40)), (100, graded(60))]
    found = concluded("p", graded(20), [measured("sft", 60)], 1.0, curve)
    assert found.curve is not None
    assert found.curve.last is not None
    assert found.curve.last.points == 20.0
    assert found.evidence[-1].startswith("From 50 to 100 labelled rows SFT changed by +20.0 points")
    assert ": label more, twice as many may bring up to" in found.evidence[-1]


def test_a_flat_curve_beside_a_better_practised_arm_speaks_for_the_grader() -> None:
    curve = [(25, graded(40)), (50, graded(42)), (100, graded(42))]
    found = concluded("p", graded(40), [measured("sft", 42), measured("grpo", 70)], 1.0, curve)
    assert found.evidence[-1].endswith("more labels are not shown to help; the grader is worth more here.")
