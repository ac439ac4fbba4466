"""What an ejection wrote, and what it could not carry."""

import shlex

from pipelines.eject.eject import LIST, SCRIPT
from pipelines.eject.ready import Ejected


def show_eject(done: Ejected) -> str:
    """The list is the same as in the folder."""
    lines = [f"wrote {done.folder} for {done.title}: {', '.join(done.made)}"]
    if done.left:
        lines.append(f"\nnot carried (also in {LIST}):")
    for stage, told in done.left.items():
        lines += [f"  {stage}", *(f"    - {sentence}" for sentence in told)]
    return "\n".join([*lines, f"\nrun it: {shlex.join(['sh', str(done.folder / SCRIPT)])}"])
