"""The texts of an ejected folder: README.md, NOT_CARRIED.md, run.sh."""

from collections.abc import Mapping, Sequence

from pipelines.eject.peer import Peer
from pipelines.eject.ready import Ejected, Made, Ready


def run_script(made: Mapping[str, Made]) -> str:
    """All stages in order."""
    commands = [command for one in made.values() for command in one.commands]
    return "\n".join(["#!/bin/sh", "set -eu", 'cd "$(dirname "$0")"', *commands]) + "\n"


def not_carried_text(done: Ejected) -> str:
    """What the peer's run differs in, a stage at a time."""
    lines = ["# What could not be carried", "", f"To {done.title}. All else is in the configs and the data files.", ""]
    for stage, told in done.left.items():
        lines += [f"## {stage}", "", *(f"- {sentence}" for sentence in told), ""]
    return "\n".join(lines)


def readme(done: Ejected, peer: Peer, ready: Sequence[Ready], plan: str) -> str:
    """What lies here, and how it is run."""
    rows = [
        f"| {one.name} | {one.stage.type} | `{one.start.folder}` | {len(one.train.examples):,} "
        f"| {one.train.too_long:,} | {len(one.held.examples):,} | {one.size.per_step} | {one.size.steps:,} |"
        for one in ready
    ]
    return "\n".join(
        [
            f"# {plan} for {done.title}",
            "",
            "Made by `finetune-advisor eject`. Run it:",
            "",
            "```sh",
            peer.setup,
            "sh run.sh",
            "```",
            "",
            f"{peer.note} `run.sh` takes the stages in order, each from what the last one left in `models/`.",
            "",
            "| stage | method | starts from | rows | too long, left out | validation | rows a step | steps |",
            "|---|---|---|--:|--:|--:|--:|--:|",
            *rows,
            "",
            "Rows a step are micro-batch × accumulation × processes: on another machine change these three so that the "
            "product stays. `test.jsonl` has the rows that prove; no config reads it. `NOT_CARRIED.md` lists what the "
            "peer does otherwise.",
            "",
        ]
    )
