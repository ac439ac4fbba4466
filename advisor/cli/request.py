"""The options of `init` as a Request."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.advise import Request
from advisor.checks import NONE
from advisor.cli.ask import ask
from advisor.cli.console import busy, tell
from advisor.cli.options import data_spec
from advisor.cli.progress import Terminal
from advisor.interview import parse_sets
from advisor.questions import PROBE
from graders.errors import UserError


def request_from(out: Path, yes: bool, options: Mapping[str, Any]) -> Request:
    """Raises UserError where questions would have nobody to answer them."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if not (yes or terminal or options["answers"]):
        happened = "there is no terminal to ask on"
        raise UserError(happened, "answers given beforehand", "add --yes for the defaults, or --answers FILE")
    flags = {key: options[key] for key in ("data", "model") if options[key] is not None}
    flags |= {PROBE: options["probe"]} if options["probe"] is not None else {}
    return Request(
        out=out,
        spec=data_spec(NONE, options, out.parent),
        given={**parse_sets(options["pairs"]), **flags},
        answers_file=options["answers"],
        ask=ask if terminal and not yes else None,
        force=bool(options["force"]),
        busy=busy,
        tell=tell,
        watcher=Terminal,
    )
