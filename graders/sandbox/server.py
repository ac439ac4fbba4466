"""The warm parent of all runs: a process that has imported what runs need, and forks one for each.

Three generations: this script enters namespaces and watches over the rest; its child (pid 1 there) warms up and forks a
slot for each client connection; a slot forks the one or two processes of a run, waits, kills them when their time is
over, and says how they ended. Everything dies with the process that started the server: that one's end is watched by
pidfd, each further generation's by PR_SET_PDEATHSIG. Imports nothing heavy: it runs before every first grade.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any

CONTROL = 103
PARENT = 104


def main(settings: dict[str, Any]) -> None:
    """settings: readable (paths), preload (modules), scratch (a folder of ours), confined. Never returns."""
    os.setsid()
    from graders.sandbox import linux, namespaces
    from graders.sandbox.slot import empty_folder

    layers = namespaces.enter() if settings["confined"] else ()
    watcher = os.getpid() if "pidns" not in layers else 0
    server = os.fork()
    if server == 0:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == watcher:
            os.close(PARENT)
            _serve(settings, layers)
        os._exit(1)
    os.close(CONTROL)
    _watch(server)
    with contextlib.suppress(OSError):
        linux.unmount(settings["scratch"])
    empty_folder(settings["scratch"])
    os.rmdir(settings["scratch"])  # noqa: PTH106 - pathlib is not imported here
    os._exit(0)


def _watch(server: int) -> None:
    """Until the server or the process that uses it ends."""
    poll = select.poll()
    poll.register(PARENT, select.POLLIN)
    poll.register(os.pidfd_open(server), select.POLLIN)
    poll.poll()
    with contextlib.suppress(ProcessLookupError):
        os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)


def _serve(settings: dict[str, Any], layers: tuple[str, ...]) -> None:
    from graders.sandbox import confine, linux
    from graders.sandbox.slot import Slot

    sys.path.pop(0)  # ours, and not for runs
    control = socket.socket(fileno=CONTROL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in settings["preload"]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    tmpfs = False
    if "mountns" in layers:
        with contextlib.suppress(OSError):
            linux.mount("tmpfs", settings["scratch"], "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=1m,mode=711")
            tmpfs = True
    walls = confine.build_walls(settings["readable"])
    confine.prepare()
    gc.collect()
    gc.freeze()
    slot = Slot(walls, settings["scratch"], tmpfs, settings["confined"], "userns" in layers)
    missing = slot.probe() if settings["confined"] else ""
    held = [f"landlock v{walls.landlock_abi}", "seccomp", "rlimits", *layers] if settings["confined"] else ["rlimits"]
    control.send(json.dumps({"missing": missing, "layers": held}).encode())
    for descriptor in (1, 2):
        os.dup2(0, descriptor)  # /dev/null
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # slots end when their client does
    me = os.getpid()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 64, 1)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            with contextlib.suppress(BaseException):
                control.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() == me:
                    slot.serve(socket.socket(fileno=descriptors[0]))
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[2])
    main(json.loads(sys.argv[1]))
