"""What a hub id stands for: the commit that its revision names now."""

import os
from pathlib import Path
from typing import Literal

from graders.errors import UserError


def commit(name: str, kind: Literal["model", "dataset"], revision: str | None = None) -> str:
    """The commit, asked of the hub, or of the local cache when offline. Raises UserError when neither knows `name`."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return str(HfApi().repo_info(name, revision=revision, repo_type=kind, timeout=20).sha)
    except HfHubHTTPError as error:
        raise UserError(
            f"the hub has no {kind} `{name}`: {str(error).splitlines()[0]}",
            f"a public {kind}, or HF_TOKEN in the environment for a gated one",
        ) from None
    except Exception:  # noqa: BLE001, S110, RUF100 - offline, no route, a proxy: each HTTP library has its own error
        pass
    try:
        return Path(snapshot_download(name, revision=revision, repo_type=kind, local_files_only=True)).name
    except (LocalEntryNotFoundError, OSError):
        reason = "HF_HUB_OFFLINE is set" if os.environ.get("HF_HUB_OFFLINE") else "the hub is out of reach"
        raise UserError(
            f"`{name}` is no folder here, and as a hub id it is not in the local cache ({reason})",
            f"a {kind} folder, or a hub id that can be fetched",
        ) from None
