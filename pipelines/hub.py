"""What a hub id stands for: the commit that its revision names now, and what the hub says of it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from graders.errors import UserError


@dataclass(frozen=True, slots=True)
class Card:
    """gated: whether its files need the owner's leave. licence: as its card names it."""

    gated: bool
    licence: str | None


def card(name: str, kind: Literal["model", "dataset"], revision: str | None = None) -> Card | None:
    """None where the hub is out of reach. Raises UserError where it knows no such thing, or refuses its files."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        found = HfApi().repo_info(name, revision=revision, repo_type=kind, timeout=20)
        if found.gated:
            HfApi().auth_check(name, repo_type=kind)
    except HfHubHTTPError as error:
        raise _refused(name, kind, error) from None
    except Exception:  # noqa: BLE001, RUF100 - offline, no route, a proxy: each HTTP library has its own error
        return None
    named = found.card_data.get("license") if found.card_data else None
    return Card(bool(found.gated), str(named) if named else None)


def _refused(name: str, kind: str, error: Exception) -> UserError:
    return UserError(
        f"the hub has no {kind} `{name}`: {str(error).splitlines()[0]}",
        f"a public {kind}, or HF_TOKEN in the environment for a gated one",
    )


def commit(name: str, kind: Literal["model", "dataset"], revision: str | None = None) -> str:
    """The commit, asked of the hub, or of the local cache when offline. Raises UserError when neither knows `name`."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return str(HfApi().repo_info(name, revision=revision, repo_type=kind, timeout=20).sha)
    except HfHubHTTPError as error:
        raise _refused(name, kind, error) from None
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
