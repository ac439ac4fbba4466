"""The tests' text, made ready: each `assert` notes its result and lets the next one run, and what is needed is named.

An assert inside a TestCase, which has its own way to fail, stays as it is. `assert a == b` notes both values.
In a forked process code that runs for the first time is slow, as it copies the memory that it touches: so this reads
statements only, and leaves expressions to the compiler.
"""

import ast
import builtins
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import CodeType

RECORDER = "__recorder__"
_ALIASES = {"np": "numpy", "pd": "pandas"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Unit:
    """One text of tests. asserts: the source of each, by its number. owners: the top-level function it stands in, or
    "". functions: the top-level functions that are tests. classes: code of the classes to be made with the program.
    sure: an assert is reached by every program whose loops go round at all.
    """

    tree: ast.Module
    asserts: dict[int, str] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    functions: list[str] = field(default_factory=list)
    classes: str = ""
    sure: bool = False
    code: CodeType | None = None

    def first_line(self) -> str:
        """Of the text, as the compiler sees it."""
        return next((ast.unparse(node).split("\n", 1)[0] for node in self.tree.body), "")


def units(texts: list[str], entry_point: str) -> list[Unit]:
    """Raises SyntaxError, and ValueError, RecursionError or MemoryError where a text cannot be parsed."""
    found = []
    number = 0
    for text in texts:
        unit = Unit(ast.parse(text))
        _split_classes(unit)
        unit.functions = _functions(unit.tree, entry_point)
        unit.sure = _has_sure_assert(unit.tree.body, unit.functions)
        rewriter = _Rewriter(unit, text, number)
        rewriter.statements(unit.tree.body)
        number = rewriter.number
        unit.code = compile(unit.tree, "tests", "exec", dont_inherit=True)
        found.append(unit)
    return found


def _functions(tree: ast.Module, entry_point: str) -> list[str]:
    """The top-level functions that are tests and are not called by the text itself; `check`, called or not."""
    named = {statement.name: statement.args for statement in tree.body if isinstance(statement, ast.FunctionDef)}
    if not named:
        return []
    calls = [statement.value for statement in tree.body if isinstance(statement, ast.Expr)]
    called = {node.func.id for node in calls if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    tests = [
        name
        for name, given in named.items()
        if name.startswith("test") and name not in called and len(given.args) == len(given.defaults)
    ]
    return [*tests, "check"] if "check" in named and (entry_point or "check" in called) else tests


def _split_classes(unit: Unit) -> None:
    """Takes out the classes that are no TestCase, with copies of the imports."""
    classes = [node for node in unit.tree.body if isinstance(node, ast.ClassDef) and not _is_test_case(node)]
    if classes:
        imports = [node for node in unit.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        unit.classes = "\n".join(map(ast.unparse, [*imports, *classes]))
        unit.tree.body = [node for node in unit.tree.body if node not in classes]


def _is_test_case(node: ast.ClassDef) -> bool:
    return any("TestCase" in ast.unparse(base) for base in node.bases)


def _has_sure_assert(body: list[ast.stmt], functions: list[str]) -> bool:
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.For | ast.While) and _has_sure_assert(node.body, []))
        or (isinstance(node, ast.FunctionDef) and node.name in functions and _has_sure_assert(node.body, []))
        for node in body
    )


class _Rewriter:
    """assert a == b  →  try: recorder.equal(n, a, b)  except Exception as error: recorder.failed(n, error)

    Inside `try` and `with`, which may wait for what it raises, it goes on raising: recorder.strict(n, a == b). In a
    function that is no test it stays: it fails its caller, as it would anywhere.
    """

    def __init__(self, unit: Unit, text: str, number: int) -> None:
        self.number = number
        self._unit = unit
        self._lines = text.encode("utf-8", "replace").split(b"\n")

    def statements(self, body: list[ast.stmt], owner: str = "", awaited: bool = False) -> None:
        """Rewrites a list of statements where it stands."""
        for place, node in enumerate(body):
            if isinstance(node, ast.Assert):
                body[place] = self._noted(node, owner, awaited)
            elif isinstance(node, _Function):
                if owner or node.name in self._unit.functions:
                    self.statements(node.body, owner or node.name, awaited)
            elif not isinstance(node, ast.ClassDef):
                inside = awaited or isinstance(node, ast.Try | ast.With)
                for inner in _bodies(node):
                    self.statements(inner, owner, inside)

    def _noted(self, node: ast.Assert, owner: str, awaited: bool) -> ast.stmt:
        number = ast.Constant(self.number)
        self._unit.asserts[self.number] = self._source(node)
        self._unit.owners[self.number] = owner
        self.number += 1
        test = node.test
        if awaited:
            replaced: ast.stmt = _call("strict", number, test)
        else:
            equal = isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)
            sides = (test.left, test.comparators[0]) if equal and isinstance(test, ast.Compare) else (test,)
            error = ast.Name("__error__", ast.Load())
            caught = ast.ExceptHandler(ast.Name("Exception", ast.Load()), error.id, [_call("failed", number, error)])
            replaced = ast.Try([_call("equal" if equal else "true", number, *sides)], [caught], [], [])
        return ast.fix_missing_locations(ast.copy_location(replaced, node))

    def _source(self, node: ast.Assert) -> str:
        """Its first line; ast.unparse would take a good part of a run's time."""
        end = node.end_col_offset if node.end_lineno == node.lineno else None
        return self._lines[node.lineno - 1][node.col_offset : end].strip().decode("utf-8", "replace")


def _bodies(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The lists of statements in a statement, in order."""
    for part in ("body", "handlers", "cases", "orelse", "finalbody"):
        inner = getattr(node, part, None)
        if not isinstance(inner, list):
            continue
        if part in ("handlers", "cases"):
            yield from (one.body for one in inner)
        else:
            yield inner


def _call(method: str, *arguments: ast.expr) -> ast.Expr:
    function = ast.Attribute(ast.Name(RECORDER, ast.Load()), method, ast.Load())
    return ast.Expr(ast.Call(function, list(arguments), []))


def borrowed(found: list[Unit], entry_point: str, exports: list[str]) -> tuple[list[str], list[str]]:
    """The names that the tests take from the program, and the modules (by alias) that they take for themselves.

    A name of Python's own (abs, sum, …) is the program's only where it is what is tested: `entry_point`, or the only
    name that the tests share with the program. A module is imported here, whatever the program calls by its name.
    """
    codes = [unit.code for unit in found if unit.code]
    if entry_point:
        codes.append(compile(entry_point, "entry point", "eval", dont_inherit=True))
    used = set(_names(codes))
    shared = [name for name in exports if name in used]
    may_be_modules = [name for name in shared if name in sys.stdlib_module_names or name in _ALIASES]
    modules = _only_looked_into(found, may_be_modules) if may_be_modules else []
    names = [name for name in shared if name not in modules]
    own = [name for name in names if not hasattr(builtins, name)]
    return own + [name for name in names if name not in own and (name == entry_point or not own)], modules


def used_as_classes(found: list[Unit], names: Iterable[str], entry_point: str) -> set[str]:
    """Those of the names that the tests use as classes: objects made by calling one have their attributes looked at,
    or are added up among themselves, or the name is asked for by isinstance. A capital letter alone makes no class.
    """
    capitalised = {name for name in names if name[:1].isupper()}
    if not capitalised:
        return set()
    nodes = [node for unit in found for node in ast.walk(unit.tree)]
    makers = _Makers(nodes, capitalised, entry_point)
    used: set[str | None] = set()
    for node in nodes:
        match node:
            case ast.Attribute(value=value):
                used |= {makers.of(value), makers.named(value)}
            case ast.withitem(context_expr=value):
                used.add(makers.of(value))
            case ast.BinOp(left=left, right=right) if makers.of(left) == makers.of(right):
                used.add(makers.of(left))
            case ast.Call(func=function, args=[_, kinds]) if _dotted(function).casefold().endswith("isinstance"):
                used |= {makers.named(inner) for inner in ast.walk(kinds) if isinstance(inner, ast.expr)}
    return {name for name in used if name}


class _Makers:
    """Which of some names made an object that an expression of the tests gives."""

    def __init__(self, nodes: list[ast.AST], names: set[str], entry_point: str) -> None:
        self._names = {name: name for name in names}
        checks = [node.args.args[:1] for node in nodes if isinstance(node, ast.FunctionDef) and node.name == "check"]
        if entry_point in names:
            self._names |= {argument.arg: entry_point for first in checks for argument in first}
        self._made: dict[str, str | None] = {}
        for node in nodes:
            if isinstance(node, ast.Assign) and (name := self.of(node.value)):
                self._made |= {_dotted(target): name for target in node.targets}

    def named(self, node: ast.expr) -> str | None:
        """The name that this is."""
        return self._names.get(_dotted(node))

    def of(self, node: ast.expr) -> str | None:
        """The name whose call this is, or a variable of, or a sum with."""
        if isinstance(node, ast.BinOp):
            return self.of(node.left) or self.of(node.right)
        called = self.named(node.func) if isinstance(node, ast.Call) else None
        return called or self._made.get(_dotted(node))


def _dotted(node: ast.expr) -> str:
    """`m` and `self.m`; "" for what is no name."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _names(codes: Iterable[CodeType]) -> Iterator[str]:
    for code in codes:
        yield from code.co_names
        yield from _names(constant for constant in code.co_consts if isinstance(constant, CodeType))


def _only_looked_into(found: list[Unit], names: list[str]) -> list[str]:
    """Those that the tests use as modules: `math.pi`, never `math()`, of a module that is here."""
    nodes = [node for unit in found for node in ast.walk(unit.tree)]
    looked_into = {
        node.value.id for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return [name for name in names if name in looked_into - called and importlib.util.find_spec(module_named(name))]


def module_named(alias: str) -> str:
    """The module that tests mean by a name."""
    return _ALIASES.get(alias, alias)
