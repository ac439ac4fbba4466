"""Keys and header values come from the environment: a config holds `${NAME}`, never the value.

A literal is refused, and the message does not repeat it. The values are read at the moment of a call; whatever a server
answers has them replaced by `${NAME}` again before anyone keeps it, for some servers echo what they were sent.
"""

import os
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from graders.errors import UserError

_NAMED = re.compile(r"(?:(?:Bearer|Basic|Token|Api-Key|Key) )?\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.IGNORECASE)
_HARMLESS_HEADERS = {"accept", "content-type", "user-agent"}
_MIN_SECRET_CHARS = 8  # shorter ones, such as the EMPTY that local servers ask for, hide nothing and occur in words


def refused(message: str) -> ValidationError:
    """A validation error that does not hold what was written."""
    fault = PydanticCustomError("secret", "{message}", {"message": message})
    return ValidationError.from_exception_data("secret", [InitErrorDetails(type=fault, loc=(), input="(hidden)")])


def _key(value: object) -> object:
    if value is None or (isinstance(value, str) and _NAMED.fullmatch(value) and value.startswith("$")):
        return value
    raise refused("a key is never written down: put it into an environment variable and write ${OPENAI_API_KEY}")


def _headers(value: object) -> object:
    if not isinstance(value, Mapping):
        raise refused("a mapping of header names to values such as Bearer ${GRADER_TOKEN} is expected")
    for name, text in value.items():
        named = isinstance(text, str) and _NAMED.fullmatch(text)
        if not named and str(name).lower() not in _HARMLESS_HEADERS:
            variable = "GRADER_" + re.sub(r"\W+", "_", str(name)).strip("_").upper()
            scheme = "Bearer " if str(name).lower() == "authorization" else ""
            raise refused(
                f"the value of {name} is never written down: put it into an environment variable and write "
                f"{scheme}${{{variable}}}"
            )
    return value


SecretName = Annotated[str | None, BeforeValidator(_key)]
"""A field's type: `${NAME}` or nothing."""

HeaderValues = Annotated[dict[str, str], BeforeValidator(_headers)]
"""A field's type: header → `${NAME}`, with a scheme such as `Bearer ` before it where one is needed."""


class Secrets:
    """The values of some `${NAME}`s. Raises UserError where one is not set or cannot stand in a header."""

    def __init__(self, *texts: str) -> None:
        names = [match[1] for text in texts for match in _NAMED.finditer(text)]
        self._values = {name: _value(name) for name in names}

    def filled(self, text: str) -> str:
        """The text with the value in place of its `${NAME}`."""
        for name, value in self._values.items():
            text = text.replace(f"${{{name}}}", value)
        return text

    def hidden(self, text: str) -> str:
        """The text with `${NAME}` in place of each value."""
        for name, value in self._values.items():
            if len(value) >= _MIN_SECRET_CHARS:
                text = text.replace(value, f"${{{name}}}")
        return text


def _value(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise UserError(f"the environment variable {name} is not set", "the key of the server", f"export {name}=…")
    if not (value.isascii() and value.isprintable()):
        raise UserError(f"the value of {name} cannot stand in an HTTP header", "printable ASCII characters only")
    return value
