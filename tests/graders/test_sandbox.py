"""The sandbox does its work: calls return, tests mean what they mean in one process, limits and threads."""

import contextlib
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from graders.errors import UserError
from graders.sandbox import Call, Limits, Outcome, Trial, layers, run, servers

USUAL = Limits()


def call(body: str, *arguments: object, limits: Limits = USUAL) -> Outcome:
    return run([Call("def f(*a):\n" + textwrap.indent(textwrap.dedent(body), "    "), "f", arguments, limits)])[0]


def trial(program: str, *tests: str, entry_point: str = "", **limits: float) -> Outcome:
    texts = tuple(textwrap.dedent(test) for test in tests)
    return run([Trial(textwrap.dedent(program), texts, entry_point, Limits(**limits))])[0]  # type: ignore[arg-type]


def results(outcome: Outcome) -> list[bool]:
    return [test.passed for test in outcome.tests]


def test_a_call_returns_what_json_holds() -> None:
    value = {"a": [1, 2.5, None, True], "b": "é\ud800"}
    assert call("return a[0]", value).value == value
    assert call("import numpy as np; return np.float32(0.5)").value == 0.5
    assert call("return a[0] + a[1]", 10**30, 1).value == 10**30 + 1
    assert call("return object()").value == "an object of object"


def test_a_call_that_raises_says_what() -> None:
    assert call("return 1 / 0").error == "ZeroDivisionError: division by zero"
    assert call("raise ValueError('first\\nsecond')").error == "ValueError: first"
    assert run([Call("x = 1", "f")])[0].error == "the source defines no function 'f'"
    assert run([Call("def f(:", "f")])[0].error.startswith("SyntaxError")


def test_runs_are_deterministic() -> None:
    body = "import random; return [random.random(), hash('abc'), list({'a', 'b', 'c'})]"
    assert call(body) == run([Call("def f():\n    " + body, "f")])[0] or call(body).value == call(body).value


def test_libraries_of_a_scientist_can_be_imported() -> None:
    body = """
        import asyncio, concurrent.futures, numpy as np, scipy.stats, sklearn.metrics
        async def two(): await asyncio.sleep(0); return 2
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            three = sum(threads.map(int, "12"))
        return [asyncio.run(two()), three, sklearn.metrics.f1_score([1, 0], [1, 0]), float(np.linalg.det(np.eye(3)))]
    """
    assert call(body, limits=Limits(seconds=60, memory_mib=2048)).value == [2, 3, 1.0, 1.0]


def test_the_scratch_folder_can_be_used() -> None:
    body = """
        import os, tempfile
        with open('a.txt', 'w') as file: file.write('text')
        os.mkdir('d'); os.rename('a.txt', 'd/b.txt')
        with tempfile.TemporaryDirectory() as folder: open(folder + '/x', 'w').close()
        return [open('d/b.txt').read(), os.listdir('.')]
    """
    assert call(body).value == ["text", ["d"]]


PASSING: dict[str, tuple[str, str]] = {
    "containers of everything": (
        "def f(x): return x",
        """
        import decimal, datetime, fractions, collections
        for x in (1, -2.5, None, 'é', b'a', (1, (2,)), {1: {2}}, {(1, 2): 'x'}, [[]], frozenset({1}), 1 + 2j, 10**40,
                  float('inf'), decimal.Decimal('1.10'), fractions.Fraction(1, 3), datetime.date(2024, 2, 29), range(3),
                  datetime.datetime(2024, 1, 1, 12), datetime.timedelta(1), collections.deque([1]), bytearray(b'x'),
                  collections.Counter('aab'), collections.OrderedDict(a=1), slice(1, 2), int, ValueError):
            assert f(x) == x and type(f(x)) is type(x), x
        """,
    ),
    "arrays": (
        "import numpy as np\ndef f(x): return np.array(x) * 2",
        "import numpy as np\nassert f([1, 2]).tolist() == [2, 4] and f([1]).sum() == 2\n"
        "assert np.allclose(f(np.ones(2)), 2)",
    ),
    "a list changed in place": ("def f(x): x.sort(); x.append(9)", "x = [3, 1]\nf(x)\nassert x == [1, 3, 9]"),
    "a list inside a list changed in place": (
        "def f(x): x[0].append(1); x.append([])",
        "row = []\nx = [row]\nf(x)\nassert row == [1] and x == [[1], []] and x[0] is row",
    ),
    "a dict changed in place": ("def f(x): x['b'] = 1", "x = {}\nf(x)\nassert x == {'b': 1}"),
    "named arguments": ("def f(a, *, b=2): return a - b", "assert f(5, b=1) == 4 and f(a=1) == -1"),
    "a function as argument": ("def f(g, x): return g(g(x))", "y = 3\nassert f(lambda x: x + y, 1) == 7"),
    "a function of Python's as argument": (
        "def f(g, x): return g(x)",
        "import math\nassert f(len, [1]) == 1 == f(math.sqrt, 1)",
    ),
    "an error in an argument": (
        "def f(g):\n    try: g()\n    except KeyError: return 'caught'",
        "def g(): raise KeyError('x')\nassert f(g) == 'caught'",
    ),
    "an iterator as argument": (
        "def f(x): return next(x) + sum(x)",
        "assert f(iter([1, 2])) == 3 == f(y for y in (1, 2))",
    ),
    "a generator": (
        "def f(n):\n    for i in range(n): yield i",
        "assert list(f(3)) == [0, 1, 2]\nassert next(f(1)) == 0",
    ),
    "an endless generator": (
        "def f():\n    while True: yield 1",
        "import itertools\nassert list(itertools.islice(f(), 2)) == [1, 1]",
    ),
    "a function as answer": ("def f(n): return lambda x: x + n", "assert f(1)(2) == 3"),
    "a named tuple": (
        "import collections\nP = collections.namedtuple('P', 'x y')\ndef f(): return P(1, 2)",
        "assert f().x == 1 and f() == (1, 2)",
    ),
    "a class": (
        """
        class Stack:
            size = 0
            def __init__(self, items=()): self.items = list(items)
            def push(self, x): self.items.append(x); return self
            def __len__(self): return len(self.items)
            def __iter__(self): return iter(self.items)
            def __eq__(self, other): return self.items == other.items
            def __contains__(self, x): return x in self.items
            def __getitem__(self, i): return self.items[i]
            def __repr__(self): return f"Stack({self.items})"
            def __enter__(self): return self
            def __exit__(self, *a): self.items = []
            @property
            def top(self): return self.items[-1]
            @classmethod
            def of(cls, *items): return cls(items)
        """,
        """
        s = Stack([1])
        s.push(2).push(3)
        assert len(s) == 3 and s.top == 3 and list(s) == [1, 2, 3] and s[0] == 1 and s[0:2] == [1, 2]
        assert s == Stack.of(1, 2, 3) and 2 in s and 9 not in s and repr(s) == "Stack([1, 2, 3])"
        assert isinstance(s, Stack) and s and not Stack() and Stack.size == 0
        s.items = [7]
        assert s.top == 7
        with s as same: pass
        assert len(s) == 0
        """,
    ),
    "operators of a class": (
        """
        class Money:
            def __init__(self, n): self.n = n
            def __add__(self, o): return Money(self.n + getattr(o, 'n', o))
            __radd__ = __add__
            def __eq__(self, o): return self.n == getattr(o, 'n', o)
            def __lt__(self, o): return self.n < getattr(o, 'n', o)
            def __hash__(self): return hash(self.n)
            def __neg__(self): return Money(-self.n)
        """,
        "m = Money(3)\nassert m + 2 == 5 and 2 + m == Money(5) and m < 4 and -m == Money(-3)\n"
        "assert len({m, Money(3)}) == 1 and sum([m, m]) == 6 and (m + 1).n == 4\n"
        "assert sorted([Money(2), Money(1)])[0] == Money(1)",
    ),
    "operators of a class that is only added up": (
        "class Money:\n    def __init__(self, n): self.n = n\n    def __add__(self, o): return Money(self.n + o.n)\n"
        "    def __eq__(self, o): return self.n == getattr(o, 'n', o)",
        "m = Money(3)\nassert m + Money(2) == 5",
    ),
    "a class that is only asked for": (
        "class Odd:\n    def __init__(self, n): self.n = n\n    def __eq__(self, o): return o % 2 == 1",
        "assert isinstance(Odd(3), Odd)\nassert Odd(3) == 7",
    ),
    "an assert that a right program never reaches": (
        "def f(x): raise ValueError",
        "try:\n    f(3)\n    assert False\nexcept ValueError:\n    pass",
    ),
    "an object handed back": (
        "class Node:\n    def __init__(self, v): self.v, self.next = v, None\n"
        "def f(n): return n.v + f(n.next) if n else 0",
        "a = Node(1)\na.next = Node(2)\nassert f(a) == 3\nassert f(None) == 0",
    ),
    "a class of the tests": (
        "def f(n): return n.v if isinstance(n, Node) else None",
        "class Node:\n    def __init__(self, v): self.v = v\nassert f(Node(4)) == 4",
    ),
    "an error": (
        "def f(x):\n    if x < 0: raise ValueError('negative')\n    return x",
        """
        try:
            f(-1)
            assert False
        except ValueError as error:
            assert str(error) == 'negative'
        """,
    ),
    "an error of its own": (
        "class TooSmall(ValueError): pass\ndef f(x): raise TooSmall('small')",
        """
        import pytest
        with pytest.raises(TooSmall, match='small'):
            f(1)
        with pytest.raises(ValueError):
            f(1)
        """,
    ),
    "an enum": (
        "import enum\nclass Color(enum.Enum):\n    RED = 1\ndef f(): return Color.RED",
        "assert f() == Color.RED and f().value == 1 and Color['RED'] is f()",
    ),
    "a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n    y: 'int' = 2\n"
        "def f(p): return P(p.y, p.x)",
        "assert f(P(1)) == P(2, 1) and f(P(1)).x == 2",
    ),
    "a name of Python's own": ("def sum(a, b): return a * b", "assert sum(3, 4) == 12"),
    "modules that the program imports": (
        "import math, numpy as np\ndef f(): return 1",
        "assert f() == math.ceil(0.5) == np.int64(1)",
    ),
    "a global": ("LIMIT = 5\nTABLE = {'a': [1]}\ndef f(): return LIMIT", "assert LIMIT == f() and TABLE == {'a': [1]}"),
    "a list at heart": (
        "class L(list):\n    def first(self): return self[0]\ndef f(): return L([1])",
        "assert f() == [1] and f().first() == 1 and f() + [2] == [1, 2]",
    ),
    "no assert": ("def f(): return 1", "f()"),
    "numpy's own assert": ("def f(): return [1.0]", "import numpy as np\nnp.testing.assert_allclose(f(), [1 + 1e-12])"),
    "a helper that asserts": ("def f(x): return x", "def same(a, b):\n    assert a == b\nsame(f(1), 1)\nsame(f(2), 2)"),
    "print": ("def f(): print('x'); return 1", "print(f())\nassert f() == 1"),
}


@pytest.mark.parametrize("name", PASSING)
def test_tests_mean_what_they_mean_in_one_process(name: str) -> None:
    program, test = PASSING[name]
    outcome = trial(program, test)
    assert outcome.ended == "done", outcome
    assert results(outcome)
    assert all(results(outcome)), outcome.tests


def test_each_assert_counts_by_itself() -> None:
    outcome = trial("def f(x): return x + 1", "assert f(1) == 2\nassert f(2) == 4\nassert f(3) == 4\nassert f('') == 1")
    assert results(outcome) == [True, False, True, False]
    assert outcome.tests[1].source == "assert f(2) == 4"
    assert outcome.tests[1].said == "got 3, expected 4"
    assert outcome.tests[3].said == 'TypeError: can only concatenate str (not "int") to str (line 1)'


def test_an_assert_that_runs_several_times_passes_when_it_does_each_time() -> None:
    test = "for x in range(3):\n    assert f(x) == x"
    assert results(trial("def f(x): return x", test)) == [True]
    assert results(trial("def f(x): return min(x, 1)", test)) == [False]


def test_what_is_not_reached_does_not_pass() -> None:
    outcome = trial("def f(x): return 1 // x", "assert f(1) == 1\nf(0)\nassert f(1) == 1")
    assert results(outcome) == [True, False]
    assert outcome.tests[1].said.startswith("ZeroDivisionError")
    assert results(trial("def f(x): return 1 // x", "assert f(1) == 1\nf(0)")) == [True, False]


def test_check_is_called_with_the_entry_point() -> None:
    check = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 2\n"
    assert results(trial("def f(x): return x + 1", check, entry_point="f")) == [True, False]
    assert results(trial("def f(x): return x + 1", check + "check(f)")) == [True, False]
    assert results(trial("def f(x): return x + 1", check + "check(f)", entry_point="f")) == [True, False]
    solution = "class Solution:\n    def f(self, x): return x + 1"
    assert results(trial(solution, check, entry_point="Solution().f")) == [True, False]
    missing = trial("def g(x): return x", check, entry_point="f")
    assert results(missing) == [False, False]
    assert "'f' is not defined" in missing.tests[0].said


def test_test_functions_and_cases_are_run() -> None:
    functions = "def test_a():\n    assert f(1) == 1\ndef test_b():\n    assert f(1) == 2\ndef helper(): assert False\n"
    assert results(trial("def f(x): return x", functions)) == [True, False]
    cases = """
        import unittest
        class TestF(unittest.TestCase):
            def setUp(self): self.x = 1
            def test_a(self): self.assertEqual(f(self.x), 1)
            def test_b(self): self.assertEqual(f(self.x), 2)
            def test_c(self):
                with self.assertRaises(TypeError): f()
            @unittest.skip("later")
            def test_d(self): pass
        if __name__ == "__main__":
            unittest.main()
    """
    outcome = trial("def f(x): return x", cases)
    assert results(outcome) == [True, False, True]
    assert outcome.tests[1].said == "AssertionError: 1 != 2"


def test_a_program_that_does_not_run_fails_every_test() -> None:
    outcome = trial("def f(x) return x", "assert f(1) == 1", "assert f(2) == 2")
    assert (outcome.ended, results(outcome)) == ("raised", [False, False])
    assert outcome.error == "SyntaxError: expected ':' (solution, line 1) (line 1)"
    assert trial("import nothing_here", "assert f(1)").error.startswith("ModuleNotFoundError")


def test_tests_that_cannot_run_are_not_the_programs_fault() -> None:
    assert trial("def f(): return 1", "assert f( == 1").broken
    assert trial("def f(x): return 1", "import io\nassert f(io.StringIO()) == 1").broken
    assert trial("def f(x): return 1", "import io, pytest\nwith pytest.raises(Exception): f(io.StringIO())").broken
    assert trial("def f(): return 1", "x = 1").tests == ()


def test_the_time_is_for_all_tests_together() -> None:
    outcome = trial(
        "import time\ndef f(x): time.sleep(x)", "assert f(0) is None", "assert f(9)", "assert f(0)", seconds=2.0
    )
    assert results(outcome) == [True, False, False]
    assert outcome.tests[1].said == "not done in time"
    slow_tests = trial("def f(): return 1", "assert f() == 1", "while True: pass", seconds=1.5)
    assert results(slow_tests)[0]
    assert slow_tests.ended == "timed_out"


def test_memory_is_limited() -> None:
    outcome = trial("def f(n): return len(bytearray(n << 20))", "assert f(10)", "assert f(400)", memory_mib=200)
    assert results(outcome) == [True, False]
    assert outcome.tests[1].said.startswith("MemoryError")


def test_many_threads_may_run_jobs() -> None:
    found: list[object] = []

    def work(number: int) -> None:
        jobs = [Call("def f(x): return x", "f", (number * 10 + i,)) for i in range(5)]
        found.extend(outcome.value for outcome in run(jobs))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=str) == sorted((n * 10 + i for n in range(4) for i in range(5)), key=str)


def test_a_forked_process_has_a_server_of_its_own() -> None:
    assert call("return 1").value == 1
    code = """
import os
from graders.sandbox import Call, run, servers
job = Call("def f(): return 1", "f")
print(run([job])[0].value, flush=True)
child = os.fork()
if child == 0:
    print(run([job])[0].value, flush=True)
    servers.close_all()
    os._exit(0)
os.waitpid(child, 0)
print(run([job])[0].value, flush=True)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("1\n1\n1\n", "")


def test_a_server_that_is_killed_is_started_again() -> None:
    assert call("return 1").value == 1
    for server in servers.servers.values():
        os.kill(server._process, 9)
    assert call("return 2").value == 2


def test_a_server_starts_where_many_files_are_open(tmp_path: Path) -> None:
    servers.close_all()
    with contextlib.ExitStack() as files:
        while files.enter_context((tmp_path / "x").open("w")).fileno() < 101:
            pass
        assert call("return 1").value == 1
        files.enter_context((tmp_path / "x").open("w"))
        servers.close_all()
        assert call("return 1").value == 1


def test_a_machine_without_the_layers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "SUPPORTED", False)
    with pytest.raises(UserError, match="Linux only"):
        call("return 1")


def test_without_confinement_only_limits_hold() -> None:
    free = Limits(seconds=5, confined=False)
    assert layers(confined=False) == ("rlimits",)
    assert call("import os; return os.path.exists('/etc/passwd') and open('/etc/passwd').read(4)", limits=free).value
    assert call("import time; time.sleep(9)", limits=Limits(seconds=0.3, confined=False)).ended == "timed_out"
    assert call("return len(bytearray(1 << 33))", limits=free).error.startswith("MemoryError")


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path) -> None:
    code = "from graders.sandbox import Call, run\nprint(run([Call('def f(): return 1', 'f')])[0].value)"
    root = Path(__file__).parents[2]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []
