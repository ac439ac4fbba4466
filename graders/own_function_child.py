"""The process of a user's own grading function: loads the file, then calls what it is asked to call.

Run as a script, with the number of a descriptor and the path of the file. Imports nothing of ours.
"""

import importlib.util
import os
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any


def main(descriptor: int, path: str) -> None:
    """Serves calls until the other side is gone."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    end = Connection(descriptor)
    sys.path.insert(0, os.path.dirname(path))  # noqa: PTH120 - as if the file were run
    module, fault = _loaded(path)
    while True:
        try:
            name, arguments = end.recv()
        except EOFError:
            return
        function = getattr(module, name, None)
        if fault or not callable(function):
            end.send(("broken", fault or f"the file has no function {name!r}"))
            continue
        try:
            answer = ("done", _plain(function(*arguments)))
        except BaseException as error:  # noqa: BLE001 - it is told, not handled
            answer = ("raised", _said(error))
        end.send(answer)


def _loaded(path: str) -> tuple[Any, str]:
    try:
        spec = importlib.util.spec_from_file_location("own_grader", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["own_grader"] = module
        spec.loader.exec_module(module)
    except BaseException as error:  # noqa: BLE001 - it is told, not handled
        return None, f"the file cannot be imported: {_said(error)}"
    return module, ""


def _plain(value: Any) -> Any:
    """A number as one that every process can read; else a text that says what it is."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return f"an object of {type(value).__name__}"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]


def _end_with(parent: int) -> None:
    """A function that hangs must not outlive the run."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
