"""What rejection sampling kept in a run, as rows for SFT: the rows' own completions, then the sampled answers."""

import json
from dataclasses import replace

from pipelines.data.rows import Rows
from pipelines.kept_files import KEPT
from pipelines.plan import RejectionSampling
from pipelines.state import Step


def with_kept(step: Step, rows: Rows) -> Rows | None:
    """The rows that the stage trained on in its best round; None where the stage is not done."""
    path = step.folder / KEPT
    if step.record() is None or not path.exists():
        return None
    by_number = {row.number: row for row in rows.rows}
    with path.open(encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    sampled = [replace(by_number[line["row"]], completion=line["completion"], desirable=None) for line in lines]
    own = step.stage.imitated(rows.rows) if isinstance(step.stage, RejectionSampling) else []
    return rows.only([*own, *sampled])
