"""json_schema: the completion is JSON that is valid under a schema, with credit for the properties that are.

In: a completion. No reference is needed. The schema stands in the plan, `json_schema: {…}`, or in a file; also as
OpenAI's `response_format`: `type: json_schema` with `json_schema: {name, strict, schema}` is this grader as it is.
Out: 1 when it is valid. Else the share of the properties of the object that are there and valid, of those that are
required, not allowed, or there and wrong; an object inside counts by its own share, a list by the mean of its items,
and every other rule that is broken as one more property that is wrong. Text that is no JSON scores 0.
Limits: `anyOf`, `oneOf` and the like count as a whole; references to other documents are refused; text longer than
200,000 characters, or nested deeper than 40 levels, scores 0. The values need not be right: see `json_fields`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.json_schemas import SlowPattern, checked_text, errors, plain_schema
from graders.json_shares import Faults, share
from graders.json_values import json_part, parsed
from graders.texts import short

_MAX_CHARS = 200_000
_MAX_ERRORS = 2000


class JsonSchema(Grader):
    """Credit for the properties of a JSON answer that a schema asks for."""

    type: Literal["json_schema"] = "json_schema"
    needs_reference: ClassVar[bool] = False
    json_schema: dict[str, Any] | None = Field(None, description="The schema, or OpenAI's response_format around it.")
    schema_file: str | None = Field(None, description="A JSON file that holds it instead.")
    allow_fences: bool = Field(True, description="The last ``` block of the completion is read when there is one.")
    _text: str = PrivateAttr("{}")

    @field_validator("json_schema", mode="before")
    @classmethod
    def _unwrapped(cls, given: object) -> object:
        return plain_schema(given) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> Self:
        """Checks the schema; a file is looked for in the folder that the context names, else in the current one."""
        if (self.json_schema is None) == (self.schema_file is None):
            raise ValueError("give json_schema or schema_file, one of them")
        folder = Path((info.context or {}).get("folder", "."))
        schema = self.json_schema if self.schema_file is None else _from_file(folder / self.schema_file)
        self._text = checked_text(schema or {})
        return self

    def files(self) -> tuple[str, ...]:
        return () if self.schema_file is None else (self.schema_file,)

    def grade(self, sample: Sample) -> Grade:
        text = json_part(sample.completion) if self.allow_fences else sample.completion
        if len(text) > _MAX_CHARS:
            return Grade(0.0, f"the completion is longer than {_MAX_CHARS} characters", extracted=text[:1000])
        try:
            value = parsed(text)
            found = errors(self._text, value, _MAX_ERRORS)
        except SlowPattern as slow:
            return unscored(str(slow))
        except (ValueError, OverflowError) as error:
            return Grade(0.0, f"the completion is no JSON to validate: {error}")
        if not found:
            return Grade(1.0, "valid under the schema", extracted=text[:1000])
        said = "; ".join(_said(error) for error in found[:5])
        if len(found) == _MAX_ERRORS:
            return Grade(0.0, f"{_MAX_ERRORS} faults or more: {said}", extracted=text[:1000])
        score, parts = share(value, self._text, Faults(found))
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        return Grade(score, f"{score:.2f} of it is valid: {said}{more}", extracted=text[:1000], parts=parts)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return dict(plain_schema(json.loads(path.read_text(encoding="utf-8-sig"))))
    except OSError as error:
        raise ValueError(f"the schema file {path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError, AttributeError) as error:
        raise ValueError(f"the schema file {path} holds no JSON schema: {error}") from None


def _said(error: Any) -> str:
    at = ".".join(map(str, error.absolute_path))
    return (f"{short(at, 60)[1:-1]}: " if at else "") + short(error.message, 90)[1:-1]
