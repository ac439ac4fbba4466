"""The process of the program under test: runs it, then does what the process of the tests asks for.

The program may do here whatever it likes with this code; all it can give is an answer to a question, as if its
functions had returned it. What is expected of it never comes here.
"""

import builtins
import contextlib
import importlib
import operator
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from graders.sandbox import wire
from graders.sandbox.link import Link, Unreadable

MODULE = "solution"

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(operator, name)
        for name in (
            *("eq", "ne", "lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"),
            *("and_", "or_", "xor", "lshift", "rshift", "neg", "pos", "invert", "abs", "index"),
            *("getitem", "setitem", "delitem", "contains"),
        )
    },
    **{
        function.__name__: function
        for function in (len, str, repr, bool, int, float, complex, bytes, hash, iter, next, reversed, round, format)
    },
    **{function.__name__: function for function in (dir, isinstance, issubclass, getattr, setattr, delattr, divmod)},
    "enter": lambda value: type(value).__enter__(value),
    "exit": lambda value: type(value).__exit__(value, None, None, None),
    "base_value": wire.base_value,
}
"""What may be asked for besides a call, by name."""


class Program:
    """Runs the program and serves its names; `serve` ends with the link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._objects: list[Any] = []
        self._handles: dict[int, int] = {}
        self._module = types.ModuleType(MODULE)
        sys.modules[MODULE] = self._module

    def load(self, texts: list[tuple[str, str]]) -> None:
        """Runs texts, each with the name that its tracebacks show, in one namespace."""
        for name, text in texts:
            exec(compile(text, name, "exec", dont_inherit=True), vars(self._module))

    def serve(self) -> None:
        """Answers until the other side is gone."""
        while True:
            self._answer(self._link.receive())

    def tell(self, do: Callable[[], Any]) -> bool:
        """Sends what `do` gives, or what it raised; whether it raised nothing."""
        try:
            self._link.send(["ok", do()])
        except Unreadable as error:
            self._link.send(["error", "ValueError", "ValueError", str(error), None, None])
        except BaseException as error:  # noqa: BLE001 - SystemExit of a program is an error like another
            self._link.send(["error", *self._described(error)])
            return False
        return True

    def names(self) -> list[str]:
        """The names that the program defines."""
        return [name for name in vars(self._module) if not name.startswith("__")]

    def _answer(self, request: list[Any]) -> None:
        verb, *rest = request
        if verb == "get":
            self.tell(lambda: self._encode(vars(self._module)[rest[0]]))
        elif verb == "call":
            self.tell(lambda: self._called(*rest))
        elif verb == "do":
            self.tell(lambda: self._encode(OPERATIONS[rest[0]](*map(self._decode, rest[1]))))

    def _called(self, function: Any, positional: Any, named: Any) -> list[Any]:
        """The result, and the arguments as they are after the call where it changed one."""
        arguments = self._decode(positional)
        named = self._decode(named)
        result = self._decode(function)(*arguments, **named)
        after = self._encode(arguments)
        return [self._encode(result), None if after == positional else after]

    def _encode(self, value: Any) -> Any:
        return wire.encode(value, self._refer)

    def _decode(self, data: Any) -> Any:
        return wire.decode(data, self._resolve)

    def _refer(self, value: Any) -> list[Any]:
        """A handle; for a class of exceptions also its name and first built-in base."""
        if isinstance(value, _Callback):
            return ["k", value.number]
        handle = self._handles.get(id(value))
        if handle is None:
            handle = self._handles[id(value)] = len(self._objects)
            self._objects.append(value)  # also keeps its id from being used again
        exception = isinstance(value, type) and issubclass(value, BaseException)
        return ["ref", handle, [value.__name__, _builtin_base(value)] if exception else None]

    def _resolve(self, data: list[Any]) -> Any:
        tag, *rest = data
        if tag == "ref":
            return self._objects[rest[0]]
        if tag == "k":
            return _Callback(self, rest[0])
        if tag == "it":
            return iter(self._decode(rest[0]))
        return operator.attrgetter(rest[1])(importlib.import_module(rest[0]))  # "g": a function of the library

    def call_back(self, number: int, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Calls a function of the tests that was handed over."""
        self._link.send(["callback", number, self._encode(arguments), self._encode(named)])
        while (request := self._link.receive())[0] in ("get", "call", "do"):
            self._answer(request)
        if request[0] == "returned":
            return self._decode(request[1])
        raise getattr(builtins, request[1], RuntimeError)(request[2])

    def _described(self, error: BaseException) -> list[Any]:
        """Its first built-in class, its own class, what it says, a handle of its class, the program's line."""
        said = "an error that cannot be told"
        with contextlib.suppress(BaseException):
            said = str(error)[:500]
        line = _line(error)
        kind = type(error)
        own = None if kind is getattr(builtins, kind.__name__, None) else self._refer(kind)
        return [_builtin_base(kind), kind.__name__, said, own, line]


class _Callback:
    """A function of the tests, as the program sees it."""

    def __init__(self, program: Program, number: int) -> None:
        self._program = program
        self.number = number

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._program.call_back(self.number, arguments, named)


def _builtin_base(kind: type) -> str:
    names: Iterator[str] = (base.__name__ for base in kind.__mro__ if getattr(builtins, base.__name__, None) is base)
    return next(names)


def _line(error: BaseException) -> int | None:
    """The last line of the program's own text that the traceback names."""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == MODULE else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == MODULE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def run(link: Link, program: str) -> None:
    """All of this process's work: takes the classes that the tests define, runs the program, serves."""
    served = Program(link)
    classes = str(link.receive())

    def loaded() -> list[str]:
        served.load([("tests", classes), (MODULE, program)])
        return served.names()

    if served.tell(loaded):
        served.serve()
