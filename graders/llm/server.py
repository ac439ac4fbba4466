"""Where a model runs: any server with OpenAI's /chat/completions, or here, through transformers."""

import os
from dataclasses import dataclass
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from graders.errors import UserError
from graders.llm.secret_names import SecretName, Secrets, refused

BASE_URL = "OPENAI_BASE_URL"
KEY = "OPENAI_API_KEY"


def http_url(value: object) -> object:
    """Raises ValueError on what is no http(s) address or holds a secret; the message does not repeat it."""
    if value is None:
        return value
    parts = urlsplit(value) if isinstance(value, str) and value.isprintable() and " " not in value else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise refused("an address such as http://127.0.0.1:8000/v1 is expected")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise refused("an address without user, password, `?` and `#` is expected; secrets go into a header or key")
    return str(value).rstrip("/")


HttpUrl = Annotated[str, BeforeValidator(http_url)]


@dataclass(frozen=True, slots=True)
class Connection:
    """An address and its headers, filled in; `secrets` takes them out of what comes back."""

    base_url: str
    headers: dict[str, str]
    secrets: Secrets


class Server(BaseModel):
    """Which server answers for the model, and how hard it is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: HttpUrl | None = Field(
        None, description="Address up to /chat/completions. None: the environment variable OPENAI_BASE_URL."
    )
    api_key: SecretName = Field(
        None, description="${NAME} of an environment variable. None: OPENAI_API_KEY, for OPENAI_BASE_URL only."
    )
    local: bool = Field(
        False,
        description="Run the model here instead: `model` is a folder (./…) or hub id, loaded in a process of its own.",
    )
    concurrency: int = Field(8, ge=1, le=256, description="Calls under way at once.")
    timeout_seconds: float = Field(120.0, gt=0, allow_inf_nan=False, description="For one try of one answer.")
    give_up_seconds: float = Field(
        600.0, gt=0, allow_inf_nan=False, description="For all tries of one answer; then it is unscored."
    )
    cache: bool = Field(
        True, description="Keep answers on disk (FINETUNE_ADVISOR_CACHE), so that a question is asked once."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.local and (self.base_url or self.api_key):
            raise ValueError("a local model has no base_url and no api_key")
        return self

    def connection(self) -> Connection:
        """The address and headers of a call. Raises UserError where an environment variable is missing or wrong.

        The key of OPENAI_API_KEY goes to OPENAI_BASE_URL only: an address in a grader from elsewhere must not get it.
        """
        base_url, key = self.base_url, self.api_key
        if base_url is None:
            base_url = _from_environment()
            key = key or (f"${{{KEY}}}" if os.environ.get(KEY) else None)
        secrets = Secrets(key or "")
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {secrets.filled(key)}"
        return Connection(base_url.removesuffix("/chat/completions"), headers, secrets)


def _from_environment() -> str:
    named = os.environ.get(BASE_URL)
    fix = f"write server: {{base_url: …}} in the grader, or export {BASE_URL}=http://127.0.0.1:8000/v1"
    if not named:
        raise UserError("no server is named for the model that grades", "base_url", fix)
    try:
        return str(http_url(named))
    except ValueError:
        raise UserError(
            f"{BASE_URL} is no address of a server", "http:// or https://, without user, password and `?`", fix
        ) from None
