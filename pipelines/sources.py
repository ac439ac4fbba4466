"""Where a model comes from: the embedded starter, a folder, or a hub id; and what identifies its content."""

import os
from pathlib import Path

from graders.errors import UserError
from pipelines.files import digest_path
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
    return f"{where}@{_commit(where, spec.revision)}"


def _commit(name: str, revision: str | None) -> str:
    """The commit that a hub id's revision stands for, asked of the hub, or of the local cache when offline."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return str(HfApi().model_info(name, revision=revision, timeout=20).sha)
    except HfHubHTTPError as error:
        raise UserError(
            f"the hub has no `{name}`: {str(error).splitlines()[0]}",
            "a public model, or HF_TOKEN in the environment for a gated one",
        ) from None
    except Exception:  # noqa: BLE001 - offline, no route, a proxy: each HTTP library has its own error for it
        pass
    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True)).name
    except (LocalEntryNotFoundError, OSError):
        reason = "HF_HUB_OFFLINE is set" if os.environ.get("HF_HUB_OFFLINE") else "the hub is out of reach"
        raise UserError(
            f"`{name}` is no folder here, and as a hub id it is not in the local cache ({reason})",
            "a model folder, or a hub id that can be fetched",
        ) from None
