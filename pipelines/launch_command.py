"""How a stage's process is started: the command, its environment, and accelerate's config file, pure but for that file.

One process is a plain worker. Several are started by `accelerate launch` with a config file in the stage's folder, so
that no default of the machine leaks in; on a CPU by torch.distributed.run, which that would start there.
"""

import os
import sys
from pathlib import Path

from pipelines import worker
from pipelines.files import write_text
from pipelines.machines import Machines
from pipelines.worker_process import GRACE_SECONDS

SCRIPT = str(Path(worker.__file__).resolve())


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU; asks no torch."""
    return Path("/dev/nvidia0").exists()


def plain_command(work: Path) -> list[str]:
    """One process."""
    return [sys.executable, SCRIPT, str(work)]


def command_of_several(work: Path, processes: int, machines: Machines) -> list[str]:
    """A launcher of this machine's share of the processes, which dies with this process, and they with it.

    Writes accelerate's config file.
    """
    bound = [sys.executable, SCRIPT, worker.LAUNCH, str(os.getpid())]
    if not has_gpu():
        # On a CPU `accelerate launch` starts one process, whatever num_processes says, unless MPI is there.
        return [*bound, "-m", "torch.distributed.run", *_torchrun_options(processes, machines), SCRIPT, str(work)]
    config = work.with_name(f"accelerate-{machines.rank}.yaml" if machines.count > 1 else "accelerate.yaml")
    write_text(config, accelerate_config(processes, machines))
    return [*bound, "-m", "accelerate.commands.launch", "--config_file", str(config), SCRIPT, str(work)]


def _torchrun_options(processes: int, machines: Machines) -> list[str]:
    share = ["--nproc_per_node", str(processes // machines.count)]
    if machines.count == 1:
        return ["--standalone", *share]
    place = ["--nnodes", str(machines.count), "--node_rank", str(machines.rank)]
    return [*place, *share, "--master_addr", machines.address, "--master_port", str(machines.port)]


def accelerate_config(processes: int, machines: Machines) -> str:
    """Every key that accelerate would else take from the machine's own default file. processes: of all machines."""
    several = {"main_process_ip": machines.address, "rdzv_backend": "static", "same_network": "true"}
    lines = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "MULTI_GPU",
        "use_cpu": "false",
        "num_machines": machines.count,
        "machine_rank": machines.rank,
        "num_processes": processes,
        "main_process_port": machines.port if machines.count > 1 else 0,
        **(several if machines.count > 1 else {}),
        "mixed_precision": "'no'",
        "main_training_function": "main",
        "debug": "false",
    }
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def environment(processes: int) -> dict[str, str]:
    """One process sees one GPU: with several in sight transformers would wrap the model in DataParallel.

    Threads that wait spin for microseconds only: beside a busy neighbour long spinning makes two threads slower
    than one (docs/experiments.md). torch's launcher gives its workers as long to save a checkpoint as the runner does.
    """
    one_gpu = {"CUDA_VISIBLE_DEVICES": "0"} if processes == 1 else {}
    ours = {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": f"{GRACE_SECONDS:.0f}", "GOMP_SPINCOUNT": "10000"}
    return {"TOKENIZERS_PARALLELISM": "false", **ours, **one_gpu, **os.environ}
