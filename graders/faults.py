"""What pydantic finds wrong with a value, in a user's words: "takes a whole number", not "unable to parse string".

Plans and graders are checked by the same models, so their faults are said by the same function.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SAID = {
    "int_type": "takes a whole number",
    "int_parsing": "takes a whole number",
    "int_parsing_size": "takes a smaller whole number",
    "int_from_float": "takes a whole number",
    "float_type": "takes a number",
    "float_parsing": "takes a number",
    "finite_number": "takes a finite number",
    "bool_type": "takes true or false",
    "bool_parsing": "takes true or false",
    "string_type": "takes a text (in quotes where it looks like a number or a date)",
    "tuple_type": "takes a list",
    "list_type": "takes a list",
    "dict_type": "takes a mapping (key: value)",
    "model_type": "takes a mapping (key: value)",
    "model_attributes_type": "takes a mapping (key: value)",
    "greater_than": "takes more than {gt}",
    "greater_than_equal": "takes {ge} or more",
    "less_than": "takes less than {lt}",
    "less_than_equal": "takes {le} or less",
    "too_short": "takes {min_length} or more",
    "too_long": "takes {max_length} or fewer",
    "literal_error": "takes {expected}",
    "value_error": "{error}",
}


def said(fault: "ErrorDetails") -> str:
    """A part of a sentence that follows the key's name; pydantic's own words where it is a rare fault."""
    form = _SAID.get(fault["type"])
    return fault["msg"] if form is None else form.format_map(fault.get("ctx", {}))
