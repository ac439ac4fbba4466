"""Where a model comes from: the embedded starter, a folder, or a hub id; and what identifies its content."""

from pathlib import Path

from graders.errors import UserError
from pipelines.files import digest_path
from pipelines.hub import commit
from pipelines.plan import ModelSpec

STARTER = Path(__file__).with_name("starter") / "model"


def locate(spec: ModelSpec, base: Path) -> str:
    """The folder (absolute) or hub id that `from_pretrained` takes. A folder that does not exist is a UserError."""
    if spec.name == "starter":
        return str(STARTER)
    folder = (base / Path(spec.name).expanduser()).resolve()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise UserError("this folder holds no model", "a config.json in it", where=str(folder))
        return str(folder)
    if spec.name.startswith((".", "/", "~")) or spec.name.count("/") != 1:
        raise UserError(
            f"there is no model `{spec.name}`",
            f"`starter`, a model folder (looked for {folder}), or a hub id owner/name",
            "write model.name in the plan",
        )
    return spec.name


def identity(spec: ModelSpec, base: Path) -> str:
    """What the model's content is known by: a digest of a folder's files, or a hub id's commit."""
    where = locate(spec, base)
    if Path(where).is_dir():
        return digest_path(Path(where))
    return f"{where}@{commit(where, 'model', spec.revision)}"
