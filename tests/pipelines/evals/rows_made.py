"""Graded rows for tests: one a letter, "+" passes, "-" fails, "?" is unscored."""

from pipelines.evals.grades import GradedRow

SCORES = {"+": 1.0, "-": 0.0, "?": None}


def graded(marks: str, prompts: int | None = None, name: str = "model", num_tokens: int = 5) -> list[GradedRow]:
    """One row for each mark; row i asks prompt i modulo `prompts`."""
    return [
        GradedRow(
            index=i + 1,
            prompt=f"Question {i % (prompts or len(marks))}?",
            prompt_key=f"key {i % (prompts or len(marks))}",
            completion=f"{name} says {mark} to {i + 1}",
            reference=i,
            score=SCORES[mark],
            passed=None if mark == "?" else mark == "+",
            reason=f"graded {mark}",
            num_tokens=num_tokens,
        )
        for i, mark in enumerate(marks)
    ]
