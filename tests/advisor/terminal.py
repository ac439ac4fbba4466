"""A terminal to drive a command on, and what stands on its screen in the end."""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from pathlib import Path

from rich.cells import cell_len

ROOT = Path(__file__).parents[2]
_SIZE = {"COLUMNS", "LINES"}  # a test runner's own, which would win over the terminal's
_KEPT = {name: value for name, value in os.environ.items() if name not in _SIZE}
ENVIRONMENT = {**_KEPT, "PYTHONPATH": str(ROOT), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
MAIN = "import sys; from advisor.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))"
COLUMNS = 100
_STEPS = re.compile(r"\x1b\[([?>]?)([\d;]*)([@-~])|\x1b[@-Z\\-_=>]|(.)", re.DOTALL)


class Terminal:
    """A child that believes it sits on a terminal."""

    def __init__(self, folder, *arguments):
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
            os.chdir(folder)
            os.execve(sys.executable, [sys.executable, "-c", MAIN, *arguments], ENVIRONMENT)
        self.seen = self.all = ""

    def wait_for(self, text):
        end = time.monotonic() + 60
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.screen], [], [], 0.2)[0]:
                self._read()
        self.seen = self.seen.split(text, 1)[1]

    def type(self, keys):
        time.sleep(0.1)
        os.write(self.screen, keys.encode())

    def exit_code(self):
        try:
            while self._read():
                pass
        except OSError:  # Linux closes the screen so
            pass
        os.close(self.screen)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self):
        data = os.read(self.screen, 65536)
        self.bytes = getattr(self, "bytes", b"") + data
        text = self.bytes.decode(errors="ignore")
        self.seen, self.all = self.seen + text[len(self.all) :], text
        return data


def screen(written: str) -> str:
    """What a screen without an end shows after this was written to it, without spaces at the ends of lines."""
    lines: list[dict[int, str]] = [{}]
    row = column = 0
    for private, numbers, letter, sign in _STEPS.findall(written):
        count = int(numbers.split(";")[0] or 1) if numbers.split(";")[0].isdigit() or not numbers else 1
        if sign == "\n":
            row += 1
        elif sign == "\r":
            column = 0
        elif sign == "\b":
            column -= 1
        elif sign >= " ":
            lines[row] = {place: text for place, text in lines[row].items() if place != column}
            lines[row][column] = sign
            column += cell_len(sign)
        elif not private and letter in "ABCDGJK" and letter:
            row, column = _moved(letter, count, row, column)
            _erase(lines, letter, numbers, row, column)
        lines += [{} for _ in range(row + 1 - len(lines))]
    return "\n".join(map(_line, lines))


def _moved(letter, count, row, column):
    rows = {"A": -count, "B": count}.get(letter, 0)
    columns = {"C": count, "D": -count}.get(letter, 0)
    return max(0, row + rows), count - 1 if letter == "G" else max(0, column + columns)


def _erase(lines, letter, numbers, row, column):
    if letter == "K":
        kept = {"": lambda place: place < column, "1": lambda place: place > column}.get(numbers, lambda place: False)
        lines[row] = {place: text for place, text in lines[row].items() if kept(place)}
    if letter == "J":
        lines[row] = {place: text for place, text in lines[row].items() if place < column}
        lines[row + 1 :] = [{} for _ in lines[row + 1 :]]


def _line(cells: dict[int, str]) -> str:
    text, width = "", 0
    for place in sorted(cells):
        text += " " * (place - width) + cells[place]
        width = place + cell_len(cells[place])
    return text.rstrip()
