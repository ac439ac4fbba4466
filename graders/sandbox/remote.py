"""The program under test as its tests see it, from their own process: functions, classes and objects by handle.

Plain data arrives by value and is compared here, by trusted types. What is no plain data is an object of the program,
and is not asked what it thinks of a value of the test: it equals plain data only where it is a list, text or number at
heart and holds that very data, and does no arithmetic with it else. So an answer whose `__eq__` or `__sub__` says yes
to everything gains nothing. Two objects of the program are compared by the program.
One exception, as a test of a class tests its operators: an object that the test made by calling a name which the tests
use as a class (`m = Money(3)`, `m.amount`, `m + 2 == 5`) is asked all it can be asked. What its methods return is not.
Arguments that the program changes in place (lists, dicts, sets) change here too.
"""

import builtins
import operator
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from graders.sandbox import wire
from graders.sandbox.link import Link, Unreadable

_ADDRESSES = ("__array_interface__", "__array_struct__")


class CannotHandOver(BaseException):
    """The tests hand the program an object that exists in their own process only. Their fault, not the program's."""


class ProgramError(Exception):
    """What the program raised when it was run. The message is one line."""


class Remote:
    """An object of the program. role: "class" for a name used as one, "made" for what a call of one gave, else ""."""

    __slots__ = ("_handle", "_role", "_session")

    def __init__(self, session: "Session", handle: int, role: str = "") -> None:
        for name, value in (("_session", session), ("_handle", handle), ("_role", role)):
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name in _ADDRESSES:  # numpy would read this process's memory at any address that the program names
            raise AttributeError(name)
        return self._session.do("getattr", self, name)

    def __setattr__(self, name: str, value: object) -> None:
        self._session.do("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        self._session.do("delattr", self, name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        result = self._session.call(self, arguments, named)
        return _made(result) if self._role == "class" else result

    def __iter__(self) -> Iterator[Any]:
        iterator = self._session.do("iter", self)
        return iterator if isinstance(iterator, Remote) else iter(iterator)

    def __contains__(self, item: object) -> bool:
        if self._role == "made":
            return bool(self._session.do("contains", self, item))
        return any(item is other or item == other for other in self)

    def __hash__(self) -> int:
        return int(self._session.do("hash", self))

    def __enter__(self) -> Any:
        return self._session.do("enter", self)

    def __exit__(self, *raised: object) -> None:
        self._session.do("exit", self)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, Remote) and bool(self._session.do("isinstance", value, self))

    def __subclasscheck__(self, kind: type) -> bool:
        return isinstance(kind, Remote) and bool(self._session.do("issubclass", kind, self))


def _made(value: Any) -> Any:
    return Remote(value._session, value._handle, "made") if isinstance(value, Remote) else value


def _unary(name: str) -> Callable[..., Any]:
    return lambda self, *rest: self._session.do(name, self, *rest)


def _binary(name: str, swapped: bool = False) -> Callable[[Remote, Any], Any]:
    def operation(self: Remote, other: Any) -> Any:
        ask = self._role == "made" or isinstance(other, Remote)
        try:
            mine = self if ask else self._session.do("base_value", self)
        except TypeError:
            if name in ("eq", "ne"):
                return name == "ne"
            raise
        operands = (other, mine) if swapped else (mine, other)
        if not ask:
            return NotImplemented if isinstance(mine, Remote) else getattr(operator, name)(*operands)
        return _made(self._session.do(name, *operands)) if self._role == "made" else self._session.do(name, *operands)

    return operation


for _name in ("len", "str", "repr", "bool", "int", "float", "complex", "bytes", "reversed", "round", "format", "dir"):
    setattr(Remote, f"__{_name}__", _unary(_name))
for _name in ("neg", "pos", "invert", "abs", "index", "next", "getitem", "setitem", "delitem"):
    setattr(Remote, f"__{_name}__", _unary(_name))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Remote, f"__{_name}__", _binary(_name))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor"):
    setattr(Remote, f"__{_name.rstrip('_')}__", _binary(_name))
    setattr(Remote, f"__r{_name.rstrip('_')}__", _binary(_name, swapped=True))


class Session:
    """The program's process, spoken to. Raises LinkClosed when it is gone, LinkTimeout when the time is over."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._remotes: dict[int, Remote] = {}
        self._exceptions: dict[int, type] = {}
        self._callbacks: list[Callable[..., Any]] = []
        self.calls = 0
        self.fault = ""

    def start(self, classes: str) -> list[str]:
        """Has the program run, after the classes of the tests; the names it defines. Raises ProgramError."""
        self._link.send(classes)
        tag, *rest = self._reply()
        if tag == "ok":
            names: list[str] = self._read(lambda: [name for name in rest[0] if isinstance(name, str)])
            return names
        _, name, said, _, line = self._read(lambda: (*map(str, rest[:3]), *rest[3:5]))
        raise ProgramError(f"{name}: {said}"[:500] + (f" (line {line})" if isinstance(line, int) else ""))

    def get(self, name: str, as_class: bool) -> Any:
        """What the program's name stands for. as_class: the tests use it as a class."""
        value = self._decode(self._asked(["get", name]))
        return Remote(self, value._handle, "class") if as_class and isinstance(value, Remote) else value

    def do(self, name: str, *operands: Any) -> Any:
        """One of `program.OPERATIONS`."""
        return self._decode(self._asked(["do", name, [self._encode(operand) for operand in operands]]))

    def call(self, function: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Calls; then makes the changes that the call made to its positional arguments."""
        self.calls += 1
        positional = list(arguments)
        reply = self._asked(["call", self._encode(function), self._encode(positional), self._encode(named)])
        result, after = self._read(lambda: (reply[0], reply[1]))
        if after is not None:
            changed = self._decode(after)
            for old, new in zip(positional, changed if isinstance(changed, list) else [], strict=False):
                _pour(new, old)
        return self._decode(result)

    def _reply(self) -> list[Any]:
        reply: Any = self._link.receive()
        if not isinstance(reply, list) or len(reply) < 2:
            raise Unreadable("the answer cannot be read")
        return reply

    def _asked(self, request: list[Any]) -> Any:
        self._link.send(request)
        while (reply := self._reply())[0] == "callback":
            self._link.send(self._called_back(reply))
        if reply[0] == "ok":
            return reply[1]
        raise self._raised(reply[1:])

    def _called_back(self, request: list[Any]) -> list[Any]:
        try:
            _, number, arguments, named = request
            result = self._callbacks[number](*self._decode(arguments), **self._decode(named))
            return ["returned", self._encode(result)]
        except Exception as error:  # noqa: BLE001 - the program gets what its argument raised
            return ["raised", type(error).__name__, str(error)[:500]]

    def _raised(self, told: list[Any]) -> Exception:
        base, name, said, own, line = self._read(lambda: (*map(str, told[:3]), *told[3:5]))
        kind = self._decode(own) if own else getattr(builtins, base, None)
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            return RuntimeError(f"{name}: {said}")  # SystemExit and the like end no test
        try:
            error = kind(said)
        except TypeError:  # UnicodeDecodeError wants five arguments
            return RuntimeError(f"{name}: {said}")
        if isinstance(line, int):
            error.add_note(f"line {line}")
        return error

    def _decode(self, data: Any) -> Any:
        return self._read(lambda: wire.decode(data, self._resolve))

    def _read(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, AttributeError) as error:
            raise Unreadable(f"the answer cannot be read: {error}") from None

    def _resolve(self, data: list[Any]) -> Any:
        tag, handle, *rest = data[:3]
        if tag == "k":
            return self._callbacks[handle]
        if tag != "ref" or not isinstance(handle, int):
            raise ValueError(f"there is no kind {tag!r}"[:60])
        exception = rest[0]
        if exception is not None:
            if handle not in self._exceptions:
                base = getattr(builtins, exception[1])
                self._exceptions[handle] = type(str(exception[0]), (base,), {})
            return self._exceptions[handle]
        return self._remotes.setdefault(handle, Remote(self, handle))

    def _encode(self, value: Any) -> Any:
        return wire.encode(value, self._refer)

    def _refer(self, value: Any) -> list[Any]:
        if isinstance(value, Remote):
            return ["ref", value._handle]
        if isinstance(value, types.FunctionType | types.MethodType):
            self._callbacks.append(value)
            return ["k", len(self._callbacks) - 1]
        if isinstance(value, types.BuiltinFunctionType) and value.__module__ in sys.stdlib_module_names:
            return ["g", value.__module__, value.__qualname__]
        if isinstance(value, type) and value in self._exceptions.values():
            return ["ref", next(handle for handle, kind in self._exceptions.items() if kind is value)]
        if hasattr(value, "__next__") and type(value).__module__ in ("builtins", "itertools"):
            return ["it", self._encode(list(value))]
        if isinstance(value, tuple(wire.TAGS)):  # a class of the tests that is a list or a dict at heart
            encoded: list[Any] = self._encode(wire.base_value(value))
            return encoded
        self.fault = f"the tests hand the code an object of {type(value).__name__}, which cannot leave them"
        raise CannotHandOver(self.fault)


def _pour(new: Any, old: Any) -> None:
    """Gives `old` the contents of `new`, keeping the identity of containers that stand in the same place."""
    if type(new) is not type(old):
        return
    if isinstance(old, list):
        for place, (before, after) in enumerate(zip(old, new, strict=False)):
            if isinstance(after, list | dict | set) and type(before) is type(after):
                _pour(after, before)
                new[place] = before
        old[:] = new
    elif isinstance(old, dict | set):
        old.clear()
        old.update(new)
    elif isinstance(old, bytearray):
        old[:] = new
