"""python: a Python function grades, given as OpenAI gives it (`source`) or as a file of your own (`function`).

In: `grade(sample, item)`: `sample` has output_text, output_json (where the completion is valid JSON), output_tools and
choices, and `item` is the data row. Out: the number it returns, on `range`. What it raises, what is no number or lies
outside of `range`, and a time-out are the grader's failure: unscored. Only a source that reads `output_json` of a
completion that is no JSON gives 0, as the fault is the model's.
`source` runs in the sandbox, in a fresh process each time, with the libraries that are installed here. It is believed:
where it executes what the model wrote (exec), that code can speak for it; use code_tests for such answers.
Where five in a row do not end in time, the rest of a batch is not run (graders/python_patience.py).
`function: file.py:name` is trusted: it runs in a plain process that stays, beside the run, with your environment. An
edit of the file, or of a module beside it that it imports, makes what it graded stale.
Source: OpenAI's guide "Graders" and its openapi.yaml (2026-08), GraderPython; its limits there are ours, but that a
source writes 64 MiB at most and `image_tag` is not followed.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from graders.base import Grade, Grader, Sample, unscored
from graders.own_imports import with_imports
from graders.python_patience import patience_with
from graders.ranges import UNIT, Range, ranged, threshold_as_pass_at
from graders.sandbox import Call, Limits, Outcome, layers
from graders.sandbox import run as run_jobs
from graders.template import sample_namespace

_MAX_SOURCE_BYTES = 256_000
_FUNCTION = re.compile(r"(?P<file>.+\.py):(?P<name>[^\W\d]\w*)")
_RUNTIME, _SERVER = "python_grader_runtime_error", "python_grader_server_error"


class Python(Grader):
    """What a Python function returns. OpenAI's `python`."""

    type: Literal["python"] = "python"
    name: str | None = Field(None, description="A name of your choice.")
    source: str | None = Field(None, description="Python that defines grade(sample, item); runs in the sandbox.")
    function: str | None = Field(
        None,
        description="file.py:name, a function of yours with the same two arguments; trusted, not in OpenAI's JSON.",
    )
    range: Range = Field(UNIT, description="Lowest and highest number that the function returns.")
    image_tag: str | None = Field(None, description="OpenAI's; not followed.")
    timeout_seconds: float = Field(120.0, gt=0, le=3600, description="For one sample.")
    memory_mib: int = Field(2048, ge=64, le=65536, description="What `source` may use, imports included.")
    sandbox: Literal["required", "none"] = Field(
        "required", description="none runs the source unguarded where this machine cannot confine it."
    )

    @model_validator(mode="before")
    @classmethod
    def _threshold(cls, fields: Any) -> Any:
        return threshold_as_pass_at(fields)

    @field_validator("source")
    @classmethod
    def _defines_grade(cls, source: str | None) -> str | None:
        if source is None:
            return None
        if len(source.encode("utf-8", "replace")) >= _MAX_SOURCE_BYTES:
            raise ValueError("a source of less than 256 kB is expected; a file of your own (function) may be larger")
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"the source is no Python: {error}") from None
        if not any(_binds_grade(statement) for statement in body):
            raise ValueError("the source defines no function grade(sample, item)")
        return source

    @field_validator("function")
    @classmethod
    def _names_a_function(cls, function: str | None) -> str | None:
        if function is not None and not _FUNCTION.fullmatch(function):
            raise ValueError("a file and a function are expected, such as my_grader.py:grade")
        return function

    _folder: Path = PrivateAttr(Path())

    @model_validator(mode="after")
    def _one_of_both(self, info: ValidationInfo) -> Self:
        """A file is looked for from the folder that the context names, else from the current one."""
        self._folder = Path((info.context or {}).get("folder", "."))
        if (self.source is None) == (self.function is None):
            raise ValueError("give either source, Python as a text, or function, such as my_grader.py:grade")
        return self

    def files(self) -> tuple[str, ...]:
        """The file of `function`, then what it imports from its own folder, and those from theirs."""
        if self.function is None:
            return ()
        file = Path(self.function.rpartition(":")[0])
        return tuple(str(file.parent / path) for path in with_imports(self._folder / file))

    def guards(self) -> tuple[str, ...]:
        """What confines `source`; a function of one's own is trusted."""
        return () if self.source is None else layers(self.sandbox == "required")

    def grade(self, sample: Sample) -> Grade:
        return self.grade_all([sample])[0]

    def grade_all(self, samples: Sequence[Sample]) -> list[Grade]:
        """Runs the source side by side, a function one by one. Raises UserError where this machine has no sandbox."""
        given = [(sample_namespace(sample), dict(sample.row)) for sample in samples]
        around = patience_with(str(self.source or self._folder / str(self.function))).outcome
        if self.source is not None:
            limits = Limits(self.timeout_seconds, self.memory_mib, self.sandbox == "required")
            outcomes = run_jobs([Call(self.source, "grade", arguments, limits) for arguments in given], around)
        else:
            from graders.own_function import call

            file, _, name = str(self.function).rpartition(":")
            path = self._folder / file
            outcomes = [around(partial(call, path, name, arguments, self.timeout_seconds)) for arguments in given]
        return [self._graded(sample, outcome) for sample, outcome in zip(samples, outcomes, strict=True)]

    def _graded(self, sample: Sample, outcome: Outcome) -> Grade:
        if outcome.ended == "done":
            grade = ranged(outcome.value, self.range, f"the function returned {outcome.value}")
            return grade if grade.score is not None else replace(grade, errors=(_RUNTIME,))
        if outcome.error.startswith("KeyError: 'output_json'") and "output_json" not in sample_namespace(sample):
            return Grade(
                0.0, "the grader reads output_json, and the completion is no JSON", errors=("sample_parse_error",)
            )
        return unscored(f"the grader's code failed: {outcome.error}", _SERVER if outcome.broken else _RUNTIME)


def _binds_grade(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.FunctionDef) and statement.name == "grade":
        arguments = statement.args
        count = len(arguments.posonlyargs) + len(arguments.args)
        if arguments.vararg is None and not count - len(arguments.defaults) <= 2 <= count:
            raise ValueError(f"grade takes two arguments, sample and item, and here {count}")
        return True
    if isinstance(
        statement, ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom | ast.If | ast.Try | ast.ClassDef
    ):
        return re.search(r"\bgrade\b", ast.unparse(statement)) is not None
    return False
