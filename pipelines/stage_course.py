"""How a stage that trained went, in words, for the terminal and report.html."""

from collections.abc import Mapping
from typing import Any


def course(numbers: Mapping[str, Any]) -> str:
    """The score on validation rows of the input model and of what is left; else the first and last reward; or nothing.

    numbers: of a stage's record. The reward is of the prompts that were drawn, which are ever harder ones.
    """
    if numbers.get("validation_score") is not None and numbers.get("validation_before") is not None:
        first, last = numbers["validation_before"], numbers["validation_score"]
        return f"validation score {first:.2f} → {last:.2f}"
    if "last_reward" in numbers:
        first, last = numbers["first_reward"], numbers["last_reward"]
        return f"reward {first:.2f} → {last:.2f}"
    return ""
