"""A run's model as a folder that ships: written beside its place, compared, and only then put there.

Source of what a served model needs: transformers' `generation_config.json` (the tokens that end an answer) and
`chat_template.jinja` travel with the weights.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from graders.errors import UserError
from pipelines.export.card import write_card
from pipelines.export.chosen import Chosen
from pipelines.export.gguf import require_converter, write_gguf
from pipelines.export.parity import Parity, parity
from pipelines.export.write import copy_adapter, write_model, write_modelfile
from pipelines.files import digest_path, write_json
from pipelines.job import Progress

RECORD = "export.json"


@dataclass(frozen=True, slots=True)
class Exported:
    """folder: where it lies; None where the parity gate stayed shut. kept: what was written, in that case."""

    folder: Path | None
    kept: Path
    parity: Parity
    adapter: bool


def export(chosen: Chosen, to: Path, dtype: str, gguf: bool, progress: Progress) -> Exported:
    """Writes `to`, which must not exist yet or hold an earlier export. Raises UserError."""
    from transformers.utils import logging

    if to.exists() and not (to / RECORD).exists() and any(to.iterdir() if to.is_dir() else [to]):
        raise UserError("there is something else already", "a new folder", "--to another one", str(to))
    if gguf:
        require_converter()
    logging.disable_progress_bar()
    partial = to.with_name(f"{to.name}.unproven")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    progress.say(f"writes the model of `{chosen.step.stage.name}` in {dtype}")
    write_model(chosen, dtype, partial)
    adapter = copy_adapter(chosen, partial)
    progress.say("compares it with the model that was measured")
    found = parity(chosen, partial, dtype, progress)
    if found.fault is not None:
        return Exported(None, partial, found, adapter)
    weights = write_gguf(partial, dtype).name if gguf else "."
    write_modelfile(partial, chosen.loaded.plan.model, weights if weights == "." else f"./{weights}")
    write_card(partial, chosen, dtype, found)
    files = {str(path.relative_to(partial)): digest_path(path) for path in sorted(partial.rglob("*")) if path.is_file()}
    record = {"plan": chosen.loaded.plan.name, "stage": chosen.step.stage.name, "fingerprint": chosen.step.fingerprint}
    write_json(partial / RECORD, {**record, "dtype": dtype, "parity": found.model_dump(), "files": files})
    shutil.rmtree(to, ignore_errors=True)
    partial.rename(to)
    return Exported(to, to, found, adapter)
