"""pipelines/worker.py where accelerate is told that CPU processes over gloo are GPUs, so that it shards by FSDP2.

accelerate shards on GPUs alone, and ignores the wish elsewhere; torch's fully_shard itself works on a CPU. For tests.
"""

import runpy
import sys
from pathlib import Path
from typing import Any

WORKER = Path(__file__).resolve().parents[2] / "pipelines" / "worker.py"


def shard_on_cpu() -> None:
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType

    begin = PartialState.__init__

    def begin_as_gpus(state: Any, *arguments: Any, **options: Any) -> None:
        begin(state, *arguments, **options)
        if state.distributed_type == DistributedType.MULTI_CPU:
            state.distributed_type = DistributedType.MULTI_GPU

    PartialState.__init__ = begin_as_gpus


if __name__ == "__main__":
    sys.path[0] = str(WORKER.parents[1])
    if sys.argv[1] != "--launch":
        shard_on_cpu()
    sys.argv[0] = str(WORKER)
    runpy.run_path(str(WORKER), run_name="__main__")
