"""The sandbox holds: each test is an attempt to get out, to stay, to take too much, or to forge a result."""

import os
import platform
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from graders.sandbox import Call, Limits, Outcome, TestResult, Trial, layers, run

QUICK = Limits(seconds=5.0, memory_mib=256)
LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
NAMES = """
def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
"""
X86 = platform.machine() == "x86_64"
SYSCALLS = {  # x86_64, aarch64
    **{"ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_open": (434, 434)},
    **{"chroot": (161, 51), "mount": (165, 40), "unshare": (272, 97), "setns": (308, 268), "pivot_root": (155, 41)},
    **{"keyctl": (250, 219), "add_key": (248, 217), "bpf": (321, 280), "perf_event_open": (298, 241)},
    **{"io_uring_setup": (425, 425), "userfaultfd": (323, 282), "memfd_create": (319, 279), "shmget": (29, 194)},
    **{"semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180), "clock_settime": (227, 112)},
    **{"sethostname": (170, 161), "reboot": (169, 142), "init_module": (175, 105), "personality": (135, 92)},
    **{"open_by_handle_at": (304, 265), "setpriority": (141, 140), "sched_setscheduler": (144, 119)},
    **{"rt_sigqueueinfo": (129, 138), "tkill": (200, 130), "seccomp": (317, 277), "setuid": (105, 146)},
    **{"fsopen": (430, 430), "landlock_create_ruleset": (444, 444), "socket": (41, 198), "execveat": (322, 281)},
}


def attempt(body: str, limits: Limits = QUICK, before: str = "") -> Outcome:
    """Runs the body of a function that returns what it got hold of."""
    source = before + "\ndef attempt():\n" + textwrap.indent(textwrap.dedent(body), "    ")
    return run([Call(source, "attempt", (), limits)])[0]


def trial(program: str, *tests: str, seconds: float = 5.0) -> Outcome:
    return run([Trial(textwrap.dedent(program), tests, limits=Limits(seconds=seconds))])[0]


def passed(outcome: Outcome) -> list[bool]:
    return [test.passed for test in outcome.tests]


def test_landlock_seccomp_and_limits_hold_here() -> None:
    held = layers()
    assert held[0].startswith("landlock v")
    assert {"seccomp", "rlimits"} <= set(held)


DENIED = {
    "a TCP connection": "import socket; return socket.create_connection(('127.0.0.1', 1), 1)",
    "a UDP socket": "import socket; return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).fileno()",
    "a unix socket": "import socket; return socket.socket(socket.AF_UNIX).fileno()",
    "an abstract unix socket": "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind('\\0x')",
    "a netlink socket": "import socket; return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).fileno()",
    "a raw socket": "import socket; return socket.socket(socket.AF_PACKET, socket.SOCK_RAW).fileno()",
    "a pair of datagram sockets, which can send to any path": (
        "import socket; return socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].fileno()"
    ),
    "a web page": "import urllib.request; return urllib.request.urlopen('http://127.0.0.1:1').read()",
    "a name's address": "import socket; return socket.getaddrinfo('localhost', 80)",
    "/etc/passwd": "return open('/etc/passwd').read()",
    "/etc/shadow": "return open('/etc/shadow').read()",
    "its own environment in /proc": "return open('/proc/self/environ').read()",
    "its parent's environment": "import os; return open(f'/proc/{os.getppid()}/environ').read()",
    "its parent's memory": "import os; return open(f'/proc/{os.getppid()}/mem', 'r+b').fileno()",
    "its own memory, past all protection": "return open('/proc/self/mem', 'r+b').fileno()",
    "the list of processes": "import os; return os.listdir('/proc')",
    "the home folders": "import os; return os.listdir('/home')",
    "the root folder": "import os; return os.listdir('/')",
    "the kernel's settings": "import os; return os.listdir('/sys')",
    "a file in /tmp": "open('/tmp/escaped', 'w').write('x')",
    "a file in /dev/shm": "open('/dev/shm/escaped', 'w').write('x')",
    "a file above its scratch folder": "open('../escaped', 'w').write('x')",
    "a file above, by going there": "import os; os.chdir('..'); open('escaped', 'w').write('x')",
    "the other scratch folder": "import os; os.chdir('../1'); open('escaped', 'w').write('x')",
    "the standard library": "import json; open(json.__file__, 'a').write('#')",
    "a new library": "import json, os; open(os.path.join(os.path.dirname(json.__file__), 'x.py'), 'w').write('')",
    "a disk": "open('/dev/sda', 'rb').read(1)",
    "the terminal": "open('/dev/tty', 'w').write('x')",
    "a symlink out": "import os; os.symlink('/etc/passwd', 'link'); return open('link').read()",
    "a symlink to a folder outside": "import os; os.symlink('/etc', 'link'); return os.listdir('link')",
    "a hard link to a file outside": "import json, os; os.link(json.__file__, 'link'); open('link', 'a').write('#')",
    "moving a file outside": "import json, os; os.rename(json.__file__, 'moved')",
    "removing a file outside": "import json, os; os.unlink(json.__file__)",
    "a FIFO": "import os; os.mkfifo('fifo')",
    "a device": "import os; os.mknod('device', 0o20666, os.makedev(1, 1))",
    "the mode of a file": "import json, os; os.chmod(json.__file__, 0o777)",
    "the owner of a file": "import json, os; os.chown(json.__file__, 1, 1)",
    "the times of a file": "import json, os; os.utime(json.__file__, (0, 0))",
    "an attribute of a file": "import json, os; os.setxattr(json.__file__, 'user.x', b'x')",
    "truncating by path": "import json, os; os.truncate(json.__file__, 0)",
    "a shell": "import subprocess; return subprocess.run(['/bin/sh', '-c', 'id'], capture_output=True).stdout",
    "bash's network device": "import subprocess; subprocess.check_call(['bash', '-c', '</dev/tcp/127.0.0.1/1'])",
    "another program in its place": "import os; os.execv('/bin/true', ['true'])",
    "a program by posix_spawn": "import os; return os.posix_spawn('/bin/true', ['true'], {})",
    "a fork": "import os; return os.fork()",
    "a fork with a terminal": "import os; return os.forkpty()",
    "another process": "import multiprocessing as m; p = m.Process(target=print); p.start()",
    "a daemon by two forks": "import os\nif os.fork() == 0:\n    os.setsid()\n    os.fork()",
    "a session of its own": "import os; os.setsid()",
    "a signal to its parent": "import os; os.kill(os.getppid(), 9)",
    "a signal to everyone": "import os; os.kill(-1, 9)",
    "a signal to its group": "import os; os.kill(0, 9)",
    "a signal to the first process": "import os; os.kill(1, 9)",
    "a signal by way of a descriptor": "import os, signal; signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9)",
    "a descriptor that signals another": "import fcntl, os; r, w = os.pipe(); fcntl.fcntl(r, 8, os.getppid())",
    "its parent's limits": "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
    "limits of its own": "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))",
    "another user": "import os; os.setuid(1)",
    "another group": "import os; os.setgroups([0])",
    "another priority": "import os; os.nice(-5)",
    "shared memory": "from multiprocessing import shared_memory as s; s.SharedMemory(create=True, size=64)",
    "typing into a terminal": "import fcntl, os; fcntl.ioctl(0, 0x5412, b'x')",
}


@pytest.mark.parametrize("name", DENIED)
def test_it_gets_no(name: str) -> None:
    outcome = attempt(DENIED[name])
    assert outcome.ended == "raised", outcome
    kinds = (
        "PermissionError",
        "ValueError: not allowed to raise",
        "OSError: out of pty devices",
        "OSError: [Errno 18]",
        "gaierror",
        "URLError",
        "FileNotFoundError",
        "NotADirectoryError",
    )
    assert outcome.error.startswith(kinds), outcome.error


def test_files_outside_are_neither_read_nor_written(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the key")
    assert attempt(f"return open({str(secret)!r}).read()").error.startswith("PermissionError")
    assert attempt(f"open({str(secret)!r}, 'w').write('x')").error.startswith("PermissionError")
    assert attempt(f"open({str(tmp_path / 'new.txt')!r}, 'w')").error.startswith("PermissionError")
    assert secret.read_text() == "the key"
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]


@pytest.mark.parametrize("name", SYSCALLS)
def test_the_kernel_refuses(name: str) -> None:
    number = SYSCALLS[name][not X86]
    outcome = attempt(f"return call({number}, 0, 0, 0, 0, 0, 0)", before=LIBC + NAMES)
    assert outcome.error == "PermissionError: [Errno 1] Operation not permitted", outcome


@pytest.mark.skipif(not X86, reason="x86-64 has these other conventions")
def test_the_x32_calling_convention_kills() -> None:
    outcome = attempt("return libc.syscall(0x40000000 + 39)", before=LIBC)
    assert (outcome.ended, outcome.error) == ("died", "process was killed by SIGSYS")


def test_the_filter_cannot_be_taken_off() -> None:
    body = "libc.prctl(22, 0, 0, 0, 0); libc.prctl(38, 0, 0, 0, 0)\nimport socket; return socket.socket().fileno()"
    assert attempt(body, before=LIBC).error.startswith("PermissionError")


def test_no_secret_of_the_environment_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    body = """
        environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
        place, found = 0, []
        while environ[place]:
            found.append(environ[place].decode())
            place += 1
        return [*found, *map(str, os.environ.items())]
    """
    outcome = attempt(body, before=LIBC)
    assert outcome.ended == "done"
    assert not [
        entry for entry in outcome.value if "secret" in entry or "API_KEY" in entry or str(Path.home()) in entry
    ]


def test_no_descriptor_of_the_parents_is_open(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        body = """
            import os, stat
            kinds = []
            for descriptor in range(4096):
                try:
                    mode = os.fstat(descriptor).st_mode
                except OSError:
                    continue
                kinds.append("device" if stat.S_ISCHR(mode) else "socket" if stat.S_ISSOCK(mode) else "other")
            return kinds
        """
        assert attempt(body).value == ["device", "device", "device", "socket"]


# --- taking too much


def test_a_fork_bomb_makes_no_process() -> None:
    body = """
        import os
        made = 0
        for _ in range(1000):
            try:
                made += os.fork() > 0
            except OSError:
                pass
        return made
    """
    assert attempt(body).value == 0


def test_a_thread_bomb_is_stopped_at_its_limit() -> None:
    body = """
        import threading, time
        threading.stack_size(32768)
        started = 0
        try:
            for _ in range(5000):
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                started += 1
        except RuntimeError:
            pass
        return started
    """
    value = attempt(body).value
    assert 8 <= value <= 64 * (os.cpu_count() or 1)


@pytest.mark.parametrize(
    "body",
    [
        "return len(bytearray(1 << 32))",
        "import mmap; return len(mmap.mmap(-1, 1 << 32))",
        "x = []\nwhile True: x.append(' ' * 1000000)",
        "return len([0] * (1 << 30))",
    ],
)
def test_a_memory_bomb_is_an_error(body: str) -> None:
    outcome = attempt(body)
    assert outcome.error.startswith(("MemoryError", "OSError: [Errno 12]")), outcome


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True: pass",
        "import signal\nfor s in (14, 15, 24): signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
        "import threading\nspin = lambda: [None for _ in iter(int, 1)]\n"
        "for t in [threading.Thread(target=spin) for _ in range(4)]: t.start()\nt.join()",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "import re; return re.match('(a+)+$', 'a' * 40 + 'b')",
        "import sys; return sys.stdin.read(1) or input()",
    ],
    ids=["loop", "sleep", "blocked signals", "ignored signals", "spinning threads", "catches all", "regex", "input"],
)
def test_what_takes_too_long_is_ended(body: str) -> None:
    started = time.monotonic()
    outcome = attempt(body, Limits(seconds=0.4))
    assert time.monotonic() - started < 3
    assert outcome.ended == "timed_out" or outcome.error.startswith("EOFError"), outcome


@pytest.mark.parametrize(
    "body",
    [
        "with open('big', 'wb') as f:\n    for _ in range(200): f.write(bytes(1 << 20))",
        "with open('sparse', 'wb') as f:\n    f.truncate(1 << 40)",
        "import os\nf = os.open('sparse', os.O_RDWR | os.O_CREAT)\nos.posix_fallocate(f, 0, 1 << 32)",
        "for i in range(100):\n    with open(str(i), 'wb') as f: f.write(bytes(1 << 20))",
        "for i in range(100000):\n    open(str(i), 'w').close()",
        "files = [open('x', 'w') for _ in range(1000)]",
    ],
    ids=["a big file", "a sparse file", "space kept", "much in all", "many files", "many open files"],
)
def test_the_disk_is_not_filled(body: str) -> None:
    outcome = attempt(body)
    assert outcome.error.startswith("OSError") or "scratch" in outcome.error, outcome


def test_folders_without_end_are_gone_after_the_run() -> None:
    body = "import os\nfor _ in range(2000):\n    os.mkdir('d'); os.chdir('d')\nreturn 'deep'"
    assert attempt(body).value == "deep"
    assert attempt("import os; return os.listdir('.')").value == []


@pytest.mark.parametrize(
    "body",
    [
        "f = lambda n: f(n + 1)\nreturn f(0)",
        "import sys\nsys.setrecursionlimit(10**9)\nf = lambda n: f(n + 1)\nreturn f(0)",
        "x = []\nfor _ in range(1000000): x = [x]\nreturn x",
        "import ctypes; return ctypes.string_at(0)",
        "import os; os.abort()",
    ],
    ids=["recursion", "recursion without limit", "a deep answer", "a null pointer", "abort"],
)
def test_a_crash_is_its_own(body: str) -> None:
    outcome = attempt(body)
    assert outcome.ended in ("raised", "died", "timed_out"), outcome
    assert attempt("return 1").value == 1


def test_a_flood_of_output_is_not_kept() -> None:
    body = (
        "import sys\nfor _ in range(300): sys.stdout.write('x' * 1000000); sys.stderr.write('y' * 1000)\nreturn 'done'"
    )
    assert attempt(body).value == "done"


def test_a_flood_of_result_is_no_result() -> None:
    outcome = attempt("return 'x' * (50 << 20)", Limits(seconds=2.0))
    assert outcome.ended in ("died", "timed_out", "raised")


# --- staying


def descendants() -> set[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
        except OSError:
            continue
        if fields:
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, left = set(), [os.getpid()]
    while left:
        for child in parents.get(left.pop(), []):
            found.add(child)
            left.append(child)
    return found


def test_nothing_stays_after_a_run() -> None:
    attempt("return 1")
    before = descendants()
    lingering = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\nreturn 1"
    assert attempt(lingering).value == 1
    attempt("while True: pass", Limits(seconds=0.2))
    assert descendants() <= before


def test_nothing_of_one_run_reaches_the_next() -> None:
    body = """
        import builtins, json, os, sys
        builtins.len = lambda _: 7
        json.dumps = lambda *a, **k: '{"value": 1}'
        sys.path.insert(0, os.getcwd()); os.environ['LEFT'] = 'x'
        open('random.py', 'w').write('x = 1')
        sys.modules['left'] = sys
        return 0
    """
    attempt(body)
    found = attempt("import os, sys; return [len('abc'), os.listdir('.'), 'LEFT' in os.environ, 'left' in sys.modules]")
    assert found.value == [3, [], False, False]


def test_all_dies_with_the_process_that_asked(tmp_path: Path) -> None:
    code = """
import os, threading
from pathlib import Path
from graders.sandbox import Call, Limits, run
source = "def f():\\n    while True: pass"
threading.Thread(target=run, args=([Call(source, "f", (), Limits(seconds=60))] * 2,), daemon=True).start()
print(run([Call("def f(): return 1", "f")])[0].value, flush=True)
threading.Event().wait()
"""
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == "1\n"
        time.sleep(0.3)
        started = descendants() - {process.pid}
        mine = {pid for pid in started if Path(f"/proc/{pid}/cmdline").read_bytes().count(b"server.py")}
        assert len(mine) >= 4
        process.kill()
    deadline = time.monotonic() + 5
    while (left := {pid for pid in mine if _runs(pid)} - set(_own_servers())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def _runs(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _own_servers() -> set[int]:
    return descendants()


# --- forging what a function returns


@pytest.mark.parametrize(
    "body",
    [
        """print('{"value": 1.0}'); import sys; sys.stdout.flush(); return 0.25""",
        """
        import os
        for descriptor in range(64):
            try: os.write(descriptor, b'{"value": 1.0}')
            except OSError: pass
        return 0.25
        """,
        """
        import os
        for descriptor in range(64):
            try: os.write(descriptor, b'{"value": 1.0}')
            except OSError: pass
        os._exit(0)
        """,
        "import atexit; atexit.register(print, 1.0); return 0.25",
        "import os; os._exit(0)",
        "import sys; sys.exit(0)",
        "import os\nfor descriptor in range(64):\n    try: os.close(descriptor)\n    except OSError: pass\nreturn 1.0",
        "raise BaseException('{\"value\": 1.0}')",
    ],
    ids=["printed", "on every descriptor", "and gone", "at exit", "exit", "sys.exit", "closed", "raised"],
)
def test_what_is_written_is_no_result(body: str) -> None:
    outcome = attempt(body)
    assert outcome.value in (None, 0.25), outcome


def test_the_token_of_a_result_is_nowhere_in_the_process_while_it_runs() -> None:
    body = """
        import gc, re, sys
        frame, texts = sys._getframe(), []
        while frame:
            texts += map(repr, frame.f_locals.values())
            frame = frame.f_back
        texts += [repr(thing) for thing in gc.get_objects() if type(thing) in (dict, tuple, list) and len(thing) < 9]
        return [text for text in texts if re.search("[0-9a-f]{32}", text)]
    """
    assert attempt(body).value == []


# --- forging the result of tests


CHEAT = """
class Yes:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __contains__(self, item): return True
    def __sub__(self, other): return 0
    __add__ = __radd__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __mod__ = __and__ = __sub__
    def __abs__(self): return 0
    def __hash__(self): return hash(41)
    def __instancecheck__(self, kind): return True
"""
FORGERIES: dict[str, tuple[str, str]] = {
    "an answer that equals everything": (CHEAT + "def f(x): return Yes()", "assert f(1) == 41"),
    "seen from the other side": (CHEAT + "def f(x): return Yes()", "assert 41 == f(1)"),
    "not unequal to anything": (CHEAT + "def f(x): return Yes()", "assert not (f(1) != 41)"),
    "less than everything": (CHEAT + "def f(x): return Yes()", "assert f(1) < 41 and f(1) > 40"),
    "as far from everything as you like": (CHEAT + "def f(x): return Yes()", "assert abs(f(1) - 41) < 1e-6"),
    "in a list": (CHEAT + "def f(x): return [Yes()]", "assert f(1) == [41]"),
    "in a dict": (CHEAT + "def f(x): return {'a': Yes()}", "assert f(1) == {'a': 41}"),
    "in any set": (CHEAT + "def f(x): return Yes()", "assert f(1) in {41, 42}"),
    "holding everything": (CHEAT + "def f(x): return Yes()", "assert 41 in f(1)"),
    "that is a list": (CHEAT + "class L(Yes, list): pass\ndef f(x): return L()", "assert f(1) == [41]"),
    "that is a number": (CHEAT + "class N(Yes, int): pass\ndef f(x): return N(3)", "assert f(1) == 41"),
    "that is a text": (
        "class S(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__\ndef f(x): return S('a')",
        "assert f(1) == 'b'",
    ),
    "a number whose difference is none": (
        CHEAT + "class N(Yes, float): pass\ndef f(x): return N(3)",
        "assert abs(f(1) - 41) < 1e-6",
    ),
    "a function that is a class": (
        "class f:\n    def __init__(self, x): pass\n    def __eq__(self, other): return True",
        "assert f(1) == 41",
    ),
    "of a method, the object itself": (
        CHEAT + "class Solution(Yes):\n    def solve(self, x): return self",
        "assert Solution().solve(1) == 41",
    ),
    "a class where a function with a capital letter is tested": (
        CHEAT + "class Find_Max(Yes):\n    def __init__(self, x): pass",
        "assert Find_Max(1) == 41",
    ),
    "an object of a function with a capital letter": (
        CHEAT + "def Sort(x): return Yes()",
        "s = Sort(1)\nassert s == 41",
    ),
    "an end to the loop that asserts": (
        "def f(x): raise StopIteration",
        "for found, right in zip(map(f, [1, 2]), [1, 4]):\n    assert found == right",
    ),
    "nothing for a loop to assert": ("def f(x): return []", "for found in f(3):\n    assert found == 41"),
    "memory of the tests, at an address": (
        "class A:\n    __array_interface__ = {'shape': (1,), 'typestr': '<f8', 'data': (16, False), 'version': 3}\n"
        "def f(x): return A()",
        "import numpy as np\nnp.testing.assert_allclose(f(1), 41)",
    ),
    "a class of everything": (
        "class Meta(type):\n    def __instancecheck__(cls, x): return True\n    def __eq__(cls, x): return True\n"
        "class K(metaclass=Meta): pass\ndef f(x): return K",
        "assert f(1) == 41",
    ),
    "leaving with success": ("import os\ndef f(x): os._exit(0)", "assert f(1) == 41"),
    "leaving before the tests": ("import os\nos._exit(0)", "assert f(1) == 41"),
    "sys.exit at import": ("import sys\nsys.exit(0)", "assert f(1) == 41"),
    "sys.exit in the function": ("import sys\ndef f(x): sys.exit(0)", "assert f(1) == 41"),
    "another abs": ("def abs(x): return 0\ndef f(x): return 3", "assert abs(f(1) - 41) < 1e-6"),
    "another len, in builtins": (
        "import builtins\nbuiltins.len = lambda x: 41\ndef f(x): return [1]",
        "assert len(f(1)) == 41",
    ),
    "another isclose": (
        "import math\nmath.isclose = lambda *a, **k: True\ndef f(x): return 3",
        "import math\nassert math.isclose(f(1), 41)",
    ),
    "a math of its own": (
        "class math:\n    isclose = lambda *a, **k: True\ndef f(x): return 3",
        "assert math.isclose(f(1), 41)",
    ),
    "another AssertionError": (
        "import builtins\nbuiltins.AssertionError = type('E', (BaseException,), {})\ndef f(x): return 3",
        "assert f(1) == 41",
    ),
    "another comparison": (
        "import operator, json\noperator.eq = lambda a, b: True\njson.dumps = lambda *a, **k: '[]'\ndef f(x): return 3",
        "assert f(1) == 41",
    ),
    "the recorder": ("__recorder__ = None\ndef f(x): return 3", "assert f(1) == 41"),
    "the check itself": ("def check(c): pass\ndef f(x): return 3", "def check(c):\n    assert c(1) == 41\ncheck(f)"),
    "an exit hook": ("import atexit, os\natexit.register(os._exit, 0)\ndef f(x): return 3", "assert f(1) == 41"),
    "a thread that leaves": (
        "import os, threading\nthreading.Timer(0.01, os._exit, (0,)).start()\ndef f(x):\n    while True: pass",
        "assert f(1) == 41",
    ),
    "results on every descriptor": (
        """
import os, json
lines = b'{"source": "x", "passed": true, "said": ""}\\n{"done": true}\\n'
for descriptor in range(3, 64):
    try: os.write(descriptor, lines)
    except OSError: pass
def f(x): return 3""",
        "assert f(1) == 41",
    ),
    "what the tests hold, in frames and objects": (
        """
import gc, sys
def f(x):
    found = [o for o in gc.get_objects() if type(o) in (list, tuple, dict) and len(o) < 1000]
    frame = sys._getframe()
    while frame:
        found.append(list(frame.f_locals.values()))
        frame = frame.f_back
    items = [i for o in found for i in (o.values() if type(o) is dict else o) if type(i) is int]
    return next((i for i in items if 48200 < i < 48220), 0)""",
        "assert f(1) == 48200 + 11",
    ),
    "the text of the tests": (
        """
import inspect, linecache, sys
def f(x):
    texts = [''.join(lines) for _, _, lines, _ in linecache.cache.values()]
    try: texts += [inspect.getsource(m) for m in list(sys.modules.values()) if inspect.ismodule(m)]
    except (OSError, TypeError): pass
    return next((int(t.split('forty')[1][:2]) for t in texts if 'forty' in t), 0)""",
        "assert f(1) == 41 # forty41",
    ),
    "a sleep until the time is over": ("import time\ndef f(x): time.sleep(60)", "assert f(1) == 41"),
    "an error that is none": ("def f(x): raise BaseException('passed')", "assert f(1) == 41"),
    "a class that is what it is asked to be": (
        CHEAT + "def f(x): return Yes()",
        "assert isinstance(f(1), int) and f(1) == 41",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_no_test_is_passed_by(name: str) -> None:
    program, test = FORGERIES[name]
    outcome = trial(program, test, seconds=2.0)
    assert passed(outcome) == [False], outcome
    assert not outcome.broken


def test_a_checked_name_with_a_capital_letter_is_no_class_for_that() -> None:
    checks = "def check(candidate):\n    assert candidate(1) == 41"
    program = CHEAT + "class Sort(Yes):\n    def __init__(self, x): pass"
    [outcome] = run([Trial(program, (checks,), "Sort", limits=QUICK)])
    assert passed(outcome) == [False]


def speaking(reply: str) -> str:
    """A program that takes over its end of the link and answers every question in its own way."""
    return f"""
        import json, os, struct
        def say(payload):
            os.write(link, struct.pack('<I', len(payload)) + payload)
        link = next(d for d in range(3, 64) if __import__('stat').S_ISSOCK(os.fstat(d).st_mode))
        say(json.dumps(['ok', ['f']]).encode())
        while True:
            size = os.read(link, 4)
            if not size: os._exit(0)
            os.read(link, 1 << 20)
            {reply}
    """


@pytest.mark.parametrize(
    "reply",
    [
        "say(b'not json')",
        "say(b'[]')",
        "say(b'17')",
        "say(b'[\"ok\"]')",
        """say(b'["ok", ["ref"]]')""",
        """say(b'["ok", ["ref", "x", null]]')""",
        """say(b'["ok", ["g", "os", "system"]]')""",
        """say(b'["ok", ["k", 5]]')""",
        """say(b'["ok", ["i", "' + b'f' * 5000000 + b'"]]')""",
        """say(b'["ok", ' + b'["l", ' * 100000 + b']' * 100001)""",
        """say(b'["ok", ["np", "|O", ["l", 1]]]')""",
        """say(b'["ok", ["nt", "x(): import os #", ["a b"], 1]]')""",
        """say(b'["ok", ["d", ["l"], 1]]')""",
        """say(b'["callback", 0, ["l"], ["d"]]')""",
        """say(b'["error", "SystemExit", "x", "y", null, null]')""",
        """say(b'["error", "exec", "x", "y", ["ref", 1, ["x", "exec"]], 1]')""",
        """say(b'["error"]')""",
        "os.write(link, struct.pack('<I', 1 << 31)); os.write(link, bytes(1 << 16))",
        "os._exit(0)",
        "__import__('time').sleep(60)",
    ],
)
def test_no_answer_breaks_the_tests_process(reply: str) -> None:
    outcome = trial(speaking(reply), "assert f(1) == 41", seconds=1.5)
    assert not outcome.broken, outcome
    assert passed(outcome) == [False]


def test_the_results_of_other_tests_stand_when_one_kills_the_process() -> None:
    outcome = trial(
        "import os\ndef f(x): return x if x < 3 else os._exit(0)", *(f"assert f({n}) == {n}" for n in range(5))
    )
    assert passed(outcome) == [True, True, True, False, False]
    assert isinstance(outcome.tests[-1], TestResult)
    assert "ended" in outcome.tests[-1].said
