"""Serves the page until Ctrl-C, and says where it is and what was found."""

import signal
import threading
from pathlib import Path

import click

from advisor.labelling.address import Address, claim, keep
from advisor.labelling.server import About, Server
from graders.errors import UserError
from pipelines.plan_file import LoadedPlan
from pipelines.preferences.place import Place, labels_folder
from pipelines.run_lock import at_work
from pipelines.runner import command
from pipelines.state import Step


def serve(place: Place, loaded: LoadedPlan, run_folder: Path, step: Step, annotator: str, port: int | None) -> None:
    """Returns on Ctrl-C or SIGTERM. Raises UserError while another page of this stage is up."""
    name, folder = step.stage.name, labels_folder(run_folder)
    go_on = command("run", loaded, run_folder)
    about = About(loaded.plan.name, name, annotator, go_on, lambda: _growing(step, run_folder))
    with claim(folder, name) as before:
        server = _bind(place, about, before, port)
        keep(folder, name, Address(server.token, server.server_port))
        stop = threading.Event()
        for heeded in (signal.SIGINT, signal.SIGTERM):
            signal.signal(heeded, lambda *_: stop.set())
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        click.echo(f"Compare here: {server.address}")
        click.echo(_hints(server.server_port, place), err=True)
        while not stop.wait(1.0):
            pass
        server.shutdown()
        server.server_close()
    click.echo("\nStopped.", err=True)


def _bind(place: Place, about: About, before: Address, port: int | None) -> Server:
    """On the port asked for, else that of the last time, else a free one."""
    try:
        return Server(place.desk, about, before.token, before.port if port is None else port)
    except OSError as error:
        if port is not None:
            raise UserError(f"port {port} cannot be had: {error.strerror}", "a free port", "leave --port out") from None
        return Server(place.desk, about, before.token, 0)


def _growing(step: Step, run_folder: Path) -> bool:
    """Whether a run still writes completions."""
    return step.record() is None and at_work(run_folder)


def _hints(port: int, place: Place) -> str:
    over_ssh = f"From another machine: ssh -L {port}:127.0.0.1:{port} THIS_MACHINE, then open the same address there."
    return f"Each answer is kept as it is given, in {place.file.path}; commit it. Ctrl-C ends the page.\n{over_ssh}"
