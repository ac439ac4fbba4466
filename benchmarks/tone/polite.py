"""The rule that decides on the `tone` task, and that no training sees: short, polite, and not rude."""

import re
from collections.abc import Mapping
from typing import Any

MOST_CHARACTERS = 80
POLITE = ("of course", "gladly", "thank you for asking", "certainly", "with pleasure", "i am sorry", "may i")
RUDE = re.compile(r"^no\.|silly|nobody cares|not my job|again you|leave me alone|waste my time|stop asking")


def grade(sample: Mapping[str, Any], item: Mapping[str, Any]) -> float:  # noqa: ARG001 - the form of a grader's function
    """1 for a whole reply of at most 80 characters with a polite phrase and no rude one, else 0."""
    reply = str(sample["output_text"]).strip().lower()
    whole = len(reply) <= MOST_CHARACTERS and reply.endswith((".", "?", "!"))
    return float(whole and any(word in reply for word in POLITE) and not RUDE.search(reply))
