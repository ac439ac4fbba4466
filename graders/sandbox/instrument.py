"""The tests' text, made ready: each `assert` notes its result and lets the next one run, and what is needed is named.

An assert inside a TestCase, which has its own way to fail, stays as it is. `assert a == b` notes both values.
"""

import ast
import builtins
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

RECORDER = "__recorder__"
_ALIASES = {"np": "numpy", "pd": "pandas"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Unit:
    """One text of tests. asserts: the source of each, by its number. owners: the top-level function it stands in, or
    "". functions: the top-level functions that are tests. classes: code of the classes to be made with the program.
    """

    tree: ast.Module
    asserts: dict[int, str] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    functions: list[str] = field(default_factory=list)
    classes: str = ""


def units(texts: list[str], entry_point: str) -> list[Unit]:
    """Raises SyntaxError, and ValueError or RecursionError where a text cannot be parsed."""
    found = []
    number = 0
    for text in texts:
        unit = Unit(ast.parse(text))
        lines = text.encode("utf-8", "replace").split(b"\n")
        _split_classes(unit)
        unit.functions = _functions(unit.tree, entry_point)
        for statement in unit.tree.body:
            owner = statement.name if isinstance(statement, _Function) else ""
            if owner and owner not in unit.functions:
                continue  # a helper's assert fails its caller, as it would anywhere
            for place in _asserts(statement, inside=bool(owner)):
                unit.asserts[number] = _source(place, lines)
                unit.owners[number] = owner
                number += 1
        _Rewriter(iter(unit.asserts), unit.functions).visit(unit.tree)
        ast.fix_missing_locations(unit.tree)
        found.append(unit)
    return found


def _source(node: ast.Assert, lines: list[bytes]) -> str:
    """Its first line; ast.unparse would take a good part of a run's time."""
    end = node.end_col_offset if node.end_lineno == node.lineno else None
    return lines[node.lineno - 1][node.col_offset : end].strip().decode("utf-8", "replace")


def _functions(tree: ast.Module, entry_point: str) -> list[str]:
    called = {
        node.func.id
        for statement in tree.body
        if isinstance(statement, ast.Expr)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    named = [statement for statement in tree.body if isinstance(statement, ast.FunctionDef)]
    required = {function.name: len(function.args.args) - len(function.args.defaults) for function in named}
    tests = [name for name, count in required.items() if name.startswith("test") and count == 0]
    if "check" in required and (entry_point or "check" in called):
        tests.append("check")
    return [name for name in dict.fromkeys(tests) if name == "check" or name not in called]


def _split_classes(unit: Unit) -> None:
    """Takes out the classes that are no TestCase, with copies of the imports."""
    classes = [node for node in unit.tree.body if isinstance(node, ast.ClassDef) and not _is_test_case(node)]
    if classes:
        imports = [node for node in unit.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        unit.classes = "\n".join(map(ast.unparse, [*imports, *classes]))
        unit.tree.body = [node for node in unit.tree.body if node not in classes]


def _is_test_case(node: ast.ClassDef) -> bool:
    return any("TestCase" in ast.unparse(base) for base in node.bases)


def _asserts(node: ast.AST, inside: bool) -> Iterator[ast.Assert]:
    """Those that are noted, in the order in which the rewriter meets them. inside: of a function that is a test."""
    if isinstance(node, ast.ClassDef) or (isinstance(node, _Function) and not inside):
        return
    if isinstance(node, ast.Assert):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _asserts(child, inside)


class _Rewriter(ast.NodeTransformer):
    """assert a == b  →  try: recorder.equal(n, a, b)  except Exception as error: recorder.failed(n, error)

    Inside `try` and `with`, which may wait for what it raises, it goes on raising: recorder.strict(n, a == b).
    """

    def __init__(self, numbers: Iterator[int], functions: list[str]) -> None:
        self._numbers = numbers
        self._functions = functions
        self._depth = 0
        self._awaited = 0

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_Try(self, node: ast.Try) -> ast.AST:
        return self._waits(node)

    def visit_With(self, node: ast.With) -> ast.AST:
        return self._waits(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        number = ast.Constant(next(self._numbers))
        test = node.test
        if self._awaited:
            return ast.copy_location(_call("strict", number, test), node)
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
            noted = _call("equal", number, test.left, test.comparators[0])
        else:
            noted = _call("true", number, test)
        error = ast.Name("__error__", ast.Load())
        caught = ast.ExceptHandler(ast.Name("Exception", ast.Load()), error.id, [_call("failed", number, error)])
        replaced = ast.Try(body=[noted], handlers=[caught], orelse=[], finalbody=[])
        return ast.copy_location(replaced, node)

    def _function(self, node: _Function) -> ast.AST:
        if self._depth == 0 and node.name not in self._functions:
            return node
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        return node

    def _waits(self, node: ast.AST) -> ast.AST:
        self._awaited += 1
        self.generic_visit(node)
        self._awaited -= 1
        return node


def _call(method: str, *arguments: ast.expr) -> ast.Expr:
    function = ast.Attribute(ast.Name(RECORDER, ast.Load()), method, ast.Load())
    return ast.Expr(ast.Call(function, list(arguments), []))


def borrowed(found: list[Unit], entry_point: str, exports: list[str]) -> tuple[list[str], list[str]]:
    """The names that the tests take from the program, and the modules (by alias) that they take for themselves.

    A name of Python's own (abs, sum, …) is the program's only where it is what is tested: `entry_point`, or the only
    name that the tests share with the program. A module is imported here, whatever the program calls by its name.
    """
    trees: list[ast.AST] = [*(unit.tree for unit in found), ast.parse(entry_point)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    loaded = {node.id for node in nodes if isinstance(node, ast.Name)}
    attributes = {node.value.id for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)}
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    shared = [name for name in exports if name in loaded]
    modules = [name for name in shared if name in attributes - called and module_named(name)]
    names = [name for name in shared if name not in modules]
    own = [name for name in names if not hasattr(builtins, name)]
    return own + [name for name in names if name not in own and (name == entry_point or not own)], modules


def module_named(alias: str) -> str:
    """The module of the library that tests mean by a name; empty when there is none."""
    name = _ALIASES.get(alias, alias)
    known = name in sys.stdlib_module_names or name in _ALIASES.values()
    return name if known and importlib.util.find_spec(name) else ""
