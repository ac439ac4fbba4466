"""How often the answers of each model were chosen, where columns name who wrote the two answers of a pair."""

from collections import defaultdict

from pipelines.data import names
from pipelines.data.rows import Row, Rows
from pipelines.preferences.answers import prompt_id
from pipelines.preferences.audit_record import Generator
from pipelines.preferences.shares import share

OF_SIDES = (
    ("chosen_model", "rejected_model"), ("chosen_generator", "rejected_generator"),
    ("chosen_source", "rejected_source"),
)  # fmt: skip
OF_ANSWERS = (
    ("model_a", "model_b"), ("model_1", "model_2"), ("model1", "model2"), ("generator_1", "generator_2"),
    ("generator_a", "generator_b"), ("model_0", "model_1"),
)  # fmt: skip


def generators(pairs: Rows) -> tuple[Generator, ...]:
    """One for each model that wrote answers, the most successful first; pairs of one model's own answers are left out.

    Empty where no columns name the models.
    """
    won: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for row in pairs.rows:
        named = _named(row, pairs)
        if named and named[0] != named[1]:
            prompt = prompt_id(row.messages)
            won[named[0]].append((1.0, prompt))
            won[named[1]].append((0.0, prompt))
    found = [
        Generator(name=name, won=share([hit for hit, _ in hits], [prompt for _, prompt in hits]))
        for name, hits in won.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.won.value, one.name)))


def _named(row: Row, pairs: Rows) -> tuple[str, str] | None:
    """Who wrote the chosen and who the rejected answer."""
    if row.chosen is None or row.rejected is None:
        return None
    columns = names.find_pair(OF_ANSWERS if pairs.comparison else OF_SIDES, row.columns)
    values = [row.columns[column] for column in columns] if columns else []
    if len(values) != 2 or None in values:
        return None
    swapped = pairs.comparison is not None and pairs.comparison.winner(row.columns) == 2
    chosen, rejected = reversed(values) if swapped else values
    return str(chosen), str(rejected)
