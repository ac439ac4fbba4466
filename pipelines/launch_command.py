"""How a stage's process is started: the command, its environment, and accelerate's config file, pure but for that file.

One process is a plain worker. Several are started by `accelerate launch` with a config file in the stage's folder, so
that no default of the machine leaks in; on a CPU by torch.distributed.run, which that would start there.
"""

import os
import sys
from pathlib import Path

from pipelines import worker
from pipelines.files import write_text

SCRIPT = str(Path(worker.__file__).resolve())


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU; asks no torch."""
    return Path("/dev/nvidia0").exists()


def plain_command(work: Path) -> list[str]:
    """One process."""
    return [sys.executable, SCRIPT, str(work)]


def command_of_several(work: Path, processes: int) -> list[str]:
    """A launcher, which dies with this process, and its workers with it. Writes accelerate's config file."""
    bound = [sys.executable, SCRIPT, worker.LAUNCH, str(os.getpid())]
    if not has_gpu():
        # On a CPU `accelerate launch` starts one process, whatever num_processes says, unless MPI is there.
        several = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
        return [*bound, *several, SCRIPT, str(work)]
    config = work.with_name("accelerate.yaml")
    write_text(config, accelerate_config(processes))
    return [*bound, "-m", "accelerate.commands.launch", "--config_file", str(config), SCRIPT, str(work)]


def accelerate_config(processes: int) -> str:
    """Every key that accelerate would else take from the machine's own default file."""
    lines = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "MULTI_GPU",
        "use_cpu": "false",
        "num_machines": 1,
        "machine_rank": 0,
        "num_processes": processes,
        "main_process_port": 0,
        "mixed_precision": "'no'",
        "main_training_function": "main",
        "debug": "false",
    }
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def environment(processes: int) -> dict[str, str]:
    """One process sees one GPU: with several in sight transformers would wrap the model in DataParallel.

    Threads that wait spin for microseconds only: beside a busy neighbour long spinning makes two threads slower
    than one (docs/experiments.md).
    """
    one_gpu = {"CUDA_VISIBLE_DEVICES": "0"} if processes == 1 else {}
    return {"TOKENIZERS_PARALLELISM": "false", "GOMP_SPINCOUNT": "10000", **one_gpu, **os.environ}
