"""A model behind an address, as a plan names it: what `evaluate` and `probe` can ask instead of loading one."""

from pydantic import BaseModel, ConfigDict, Field

from graders.llm.secret_names import SecretName
from graders.llm.server import HttpUrl, Server


class Served(BaseModel):
    """A model that a server answers for, and how hard it is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1, description="The name that the server knows it by.")
    base_url: HttpUrl | None = Field(
        None, description="Address up to /chat/completions. None: the environment variable OPENAI_BASE_URL."
    )
    api_key: SecretName = Field(
        None, description="${NAME} of an environment variable. None: OPENAI_API_KEY, for OPENAI_BASE_URL only."
    )
    concurrency: int = Field(16, ge=1, le=256, description="Calls under way at once.")
    timeout_seconds: float = Field(600.0, gt=0, allow_inf_nan=False, description="For one answer, all tries together.")

    def server(self) -> Server:
        """As the graders' client takes it."""
        seconds = self.timeout_seconds
        return Server(
            base_url=self.base_url,
            api_key=self.api_key,
            concurrency=self.concurrency,
            timeout_seconds=seconds,
            give_up_seconds=seconds,
        )
