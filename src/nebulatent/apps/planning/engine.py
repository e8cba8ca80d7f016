"""How a run is trained: devices, precision, processes, checkpoints, what is held out and logged.

None of it is part of the model, but a run that was stopped must go on in the same way, so it is
kept in config.json. Numbers that training depends on are in `nebulatent.training.config`.
"""

import os
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from nebulatent.training.checkpoints import Saving

Precision = Literal["32", "bf16"]
Log = Literal["tensorboard"]

CHECKPOINTS = "checkpoints"
SILENCE = 120  # seconds after which a process is given up; a dead one is noticed at once


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """Options of a run's engine.

    Raises:
        ValueError: If a value is out of its range.
    """

    devices: int = 1
    """Processes, each with a device of its own."""
    precision: Precision = "32"
    """Numbers of the forward pass: 32 bits, or bfloat16 where that is safe."""
    cluster_precision: Precision = "32"
    """The same in the clustering stages of nvc-consistency."""
    num_workers: int = 0
    """Processes that read batches ahead."""
    save_minutes: float = 1.0
    """Minutes between two checkpoints."""
    save_steps: int | None = None
    """Steps between two checkpoints."""
    keep: int = 2
    """Checkpoints that are kept."""
    hold_out: float = 0.0
    """Share of the samples that is kept from training, for the score of an epoch."""
    log: tuple[Log, ...] = ()
    """Further logs beside metrics.jsonl and metrics.csv."""
    watch: bool = False
    """Whether report.html is kept fresh during training."""

    def __post_init__(self) -> None:
        for name, least in (("devices", 1), ("num_workers", 0), ("keep", 1), ("save_steps", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"`{name}` must be at least {least}, got {value}.")
        if not 0 < self.save_minutes < inf:
            raise ValueError(f"`save_minutes` must be positive, got {self.save_minutes}.")
        if not 0 <= self.hold_out <= 0.5:
            raise ValueError(f"`hold_out` must lie in 0..0.5, got {self.hold_out}.")

    def saving(self, path: Path) -> "Saving":
        """Where and how often the run at `path` is saved."""
        from nebulatent.training.checkpoints import Saving

        return Saving(
            folder=path / CHECKPOINTS,
            every_steps=self.save_steps,
            every_minutes=self.save_minutes,
            keep=self.keep,
        )

    def cluster_fabric(self) -> "Fabric":
        """Device and precision of the clustering stages of nvc-consistency."""
        return replace(self, precision=self.cluster_precision).fabric()

    def fabric(self) -> "Fabric":
        """Device, precision and processes; among several processes this one joins the others.

        Raises:
            ValueError: If there are fewer GPUs than devices.
        """
        import torch
        from lightning_fabric import Fabric

        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
        gpus, wanted = torch.cuda.device_count(), own_processes(self.devices)
        if accelerator == "cuda" and wanted > gpus:
            raise ValueError(
                f"`--devices` must not exceed the GPUs of this machine ({gpus}), got {wanted}; "
                "ask for fewer, or hide the GPUs with CUDA_VISIBLE_DEVICES= to use the CPU."
            )
        precision = "bf16-mixed" if self.precision == "bf16" else "32-true"
        if world_size() == 1:
            return Fabric(accelerator=accelerator, devices=1, precision=precision)
        return _join(accelerator, precision)


def world_size() -> int:
    """How many processes were started together: by `--devices`, torchrun or `fabric run`."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """The number of this process among them; 0 is the one that writes."""
    return int(os.environ.get("RANK", "0"))


def own_processes(devices: int) -> int:
    """How many of the processes are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", devices))


def _join(accelerator: str, precision: Literal["bf16-mixed", "32-true"]) -> "Fabric":
    import logging
    from datetime import timedelta

    import torch
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
    from lightning_fabric.strategies.ddp import DDPStrategy

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    here = own_processes(world_size())
    # Anchors have no gradient during the warm-up.
    strategy = DDPStrategy(
        find_unused_parameters=True,
        timeout=timedelta(seconds=SILENCE),
        cluster_environment=TorchElasticEnvironment(),
    )
    torch.set_num_threads(max(1, torch.get_num_threads() // here))
    fabric = Fabric(
        accelerator=accelerator,
        devices=here,
        num_nodes=world_size() // here,
        strategy=strategy,
        precision=precision,
    )
    if os.environ.get("LT_CLI_USED") != "1":  # `fabric run` has made it do so
        fabric.launch()
    return fabric
