"""The four tasks that the starter model knows a little of. Rows are made here, never read: no network, no data set.

`generate("arithmetic", 500, seed=1)` gives the same rows on every machine; another seed gives other rows.
"""

from collections.abc import Callable
from random import Random

from pipelines.starter.arithmetic import arithmetic_row
from pipelines.starter.extract import extract_row
from pipelines.starter.intent import intent_row
from pipelines.starter.tone import tone_row

TASKS: dict[str, Callable[[Random, bool], dict[str, str]]] = {
    "arithmetic": arithmetic_row,
    "extract": extract_row,
    "intent": intent_row,
    "tone": tone_row,
}


def generate(task: str, num_rows: int, seed: int, *, familiar: bool = False) -> list[dict[str, str]]:
    """Rows of one task. familiar: as the starter was trained on, with no other words and sentences, and
    of most verbs not what they mean.

    Keys: prompt, completion, reference; for tone: prompt, chosen, rejected. Raises KeyError for an unknown task.
    """
    row = TASKS[task]
    rng = Random(f"{task} {seed}")  # text as seed is hashed with SHA-512: the same on every platform
    return [row(rng, familiar) for _ in range(num_rows)]
