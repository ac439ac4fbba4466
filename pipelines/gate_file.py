"""gate.json: what a gate was held against, what was found, and whether the plan went on (pipelines/gates.py)."""

from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.state import Step

FILE = "gate.json"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(_Strict):
    """One bound. found: the number it is held against; None where it could not be measured, which shuts the gate."""

    name: str
    bound: float | None
    found: float | None
    passed: bool
    said: str


class Judgement(_Strict):
    """gate.json. allowed: it is shut, and `--allow-gate` let the plan go on all the same."""

    stage: str
    checks: tuple[Check, ...]
    instead: str | None = None
    allowed: bool = False

    @property
    def refusal(self) -> str | None:
        """Why it stays shut; None where it opens."""
        said = "; ".join(check.said for check in self.checks if not check.passed)
        return (f"{said}. Instead: {self.instead}" if self.instead else said) if said else None


def kept(step: Step) -> Judgement | None:
    """What was judged last, for reports. None where nothing was, or where the file is damaged: `run` judges anew."""
    path = step.folder / FILE
    try:
        return Judgement.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
