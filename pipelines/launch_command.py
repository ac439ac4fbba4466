"""How a stage's process is started: the command, its environment, and accelerate's config file, pure but for that file.

One process is a plain worker. Several are started by `accelerate launch` with a config file in the stage's folder, so
that no default of the machine leaks in; on a CPU by torch.distributed.run, which that would start there.
"""

import importlib.util
import os
import sys
from pathlib import Path

import yaml

from graders.errors import UserError
from pipelines import worker
from pipelines.files import write_text
from pipelines.machines import Machines
from pipelines.plan import Plan
from pipelines.worker_process import GRACE_SECONDS

SCRIPT = str(Path(worker.__file__).resolve())


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU; asks no torch."""
    return Path("/dev/nvidia0").exists()


def plain_command(work: Path) -> list[str]:
    """One process."""
    return [sys.executable, SCRIPT, str(work)]


def command_of_several(work: Path, plan: Plan, machines: Machines) -> list[str]:
    """A launcher of this machine's share of the processes, which dies with this process, and they with it.

    Writes accelerate's config file.
    """
    bound = [sys.executable, SCRIPT, worker.LAUNCH, str(os.getpid())]
    if not has_gpu():
        # On a CPU `accelerate launch` starts one process, whatever num_processes says, unless MPI is there.
        return [*bound, "-m", "torch.distributed.run", *_torchrun_options(plan.processes, machines), SCRIPT, str(work)]
    config = work.with_name(f"accelerate-{machines.rank}.yaml" if machines.count > 1 else "accelerate.yaml")
    write_text(config, accelerate_config(plan, machines))
    return [*bound, "-m", "accelerate.commands.launch", "--config_file", str(config), SCRIPT, str(work)]


def _torchrun_options(processes: int, machines: Machines) -> list[str]:
    share = ["--nproc_per_node", str(processes // machines.count)]
    if machines.count == 1:
        return ["--standalone", *share]
    place = ["--nnodes", str(machines.count), "--node_rank", str(machines.rank)]
    return [*place, *share, "--master_addr", machines.address, "--master_port", str(machines.port)]


def accelerate_config(plan: Plan, machines: Machines) -> str:
    """TRL's own config file for DDP, FSDP2 or ZeRO, with the place of this machine's processes in it.

    So no key is left to accelerate's default file of the machine.
    """
    config = yaml.safe_load((_trl_configs() / f"{_FILES[plan.sharding]}.yaml").read_text(encoding="utf-8"))
    config |= {"num_processes": plan.processes, "num_machines": machines.count, "machine_rank": machines.rank}
    config["main_process_port"] = machines.port if machines.count > 1 else 0
    if machines.count > 1:
        config["main_process_ip"] = machines.address
    config["mixed_precision"] = "no"  # the stage itself says what it computes in
    return str(yaml.safe_dump(config, sort_keys=False))


_FILES = {"none": "multi_gpu", "fsdp2": "fsdp2", "zero2": "zero2", "zero3": "zero3"}


def _trl_configs() -> Path:
    """The folder in the installed package, found without importing it, which would import torch."""
    spec = importlib.util.find_spec("trl")
    if spec is None or spec.origin is None:
        raise UserError("trl is not installed", fix="pip install trl")
    return Path(spec.origin).parent / "accelerate_configs"


def environment(processes: int) -> dict[str, str]:
    """One process sees one GPU: with several in sight transformers would wrap the model in DataParallel.

    Threads that wait spin for microseconds only: beside a busy neighbour long spinning makes two threads slower
    than one (docs/experiments.md). torch's launcher gives its workers as long to save a checkpoint as the runner does.
    """
    one_gpu = {"CUDA_VISIBLE_DEVICES": "0"} if processes == 1 else {}
    ours = {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": f"{GRACE_SECONDS:.0f}", "GOMP_SPINCOUNT": "10000"}
    return {"TOKENIZERS_PARALLELISM": "false", **ours, **one_gpu, **os.environ}
