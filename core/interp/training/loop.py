"""Training loop on Lightning Fabric: seeded by epoch, saved after each, stopped at a NaN."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from interp.context import Context
from interp.engine.random import draw_bits
from interp.errors import HelperDone, InputError
from interp.network.autograd import overruns_channels_last
from interp.network.device import send
from interp.network.preprocess import encode
from interp.storage.folder import scratch_folder
from interp.training.checkpoint import Checkpoint, Row
from interp.training.samples import Samples, ordered
from interp.training.task import Plan, Task, seeded

if TYPE_CHECKING:
    from torch import Tensor

PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
CHECKED = 50
"""Steps between two checks of the loss for NaN, each of which waits for the device."""


def train(task: Task, samples: Samples, plan: Plan, context: Context) -> tuple[list[Row], str]:
    """Train the task's modules in place; the log, and why it ended early ("" if it did not).

    An interrupted training continues from context.checkpoint, where the plan's key is the same; on
    a CPU the weights are then the same bit by bit. Training ends early where the time budget leaves
    no room for another epoch. torch's global generators are seeded inside (dropout uses no other)
    and restored; Python's and NumPy's are not touched. With several devices the program runs once
    on each, and only the first returns from here.
    """
    devices = plan.devices * plan.nodes
    if plan.batch_size < devices or not len(samples):
        raise InputError(
            f"found {len(samples)} images in batches of {plan.batch_size} for {devices} "
            "devices; expected images, and one or more of a batch for each device"
        )
    with scratch_folder("training") as temporary:
        checkpoint = Checkpoint(context.checkpoint or temporary, plan.key)
        run = Run(task, samples, plan, context, checkpoint, _fabric(plan))
        result = run.epochs()
    if not run.fabric.is_global_zero:
        raise HelperDone(0)
    return result


@dataclass(eq=False)
class Run:
    """One training in progress."""

    task: Task
    samples: Samples
    plan: Plan
    context: Context
    checkpoint: Checkpoint
    fabric: Any

    def epochs(self) -> tuple[list[Row], str]:
        """Train all epochs that are not done yet."""
        modules, optimizers, rows = self._begin()
        start, first = time.monotonic(), len(rows)
        for epoch in range(first, self.plan.epochs):
            if epoch > first and self._too_late((time.monotonic() - start) / (epoch - first)):
                return rows, f"the time budget ended training after {epoch} epochs"
            rows.append(self._epoch(epoch, modules, optimizers))
            if self.fabric.is_global_zero:
                self.checkpoint.save(self.task, rows)
            self.fabric.barrier()
        return rows, ""

    def _begin(self) -> tuple[dict[str, Any], dict[str, Any], list[Row]]:
        """Modules and optimisers as Fabric wraps them, in the saved state if there is one."""
        self.fabric.launch()
        self.samples = self.samples.near(self.fabric.device)
        for each in self.task.modules.values():
            each.to(self.fabric.device, memory_format=self._layout)  # type: ignore[call-overload]
        rows = self.checkpoint.load(self.task, str(self.fabric.device))
        modules = {n: self.fabric.setup_module(each) for n, each in self.task.modules.items()}
        optimizers = {
            n: self.fabric.setup_optimizers(each) for n, each in self.task.optimizers.items()
        }
        return modules, optimizers, rows

    @cached_property
    def _layout(self) -> Any:
        """Channels last is faster, where the backward pass can be trusted with it."""
        import torch

        parts = (part for each in self.task.modules.values() for part in each.modules())
        broken = self.fabric.device.type == "cpu" and overruns_channels_last(parts)
        return torch.contiguous_format if broken else torch.channels_last

    def _epoch(self, epoch: int, modules: dict[str, Any], optimizers: dict[str, Any]) -> Row:
        """One pass over the samples; its row of the log."""
        active = [optimizers[name] for name in self.task.begin(epoch)]
        for each in self.task.modules.values():
            each.train()
        sums: dict[str, Tensor] = {}
        with seeded(self._seed(epoch), self.fabric.device):
            for step, (images, labels, weight) in enumerate(self._batches(epoch)):
                losses = self.task.losses(epoch, modules, images, labels)
                for optimizer in active:
                    optimizer.zero_grad()
                self.fabric.backward(losses["loss"])
                for optimizer in active:
                    optimizer.step()
                self.task.stepped(epoch)
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0) + value.detach().float() * weight
                self._report(epoch, step, losses["loss"])
        self._check(epoch)
        for each in self.task.modules.values():
            each.eval()
        means = {
            name: round(float(self.fabric.all_reduce(total, reduce_op="mean")), 6)
            for name, total in sums.items()
        }
        return {"epoch": epoch, **means, **self.task.measure(epoch)}

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor, float]]:
        """This device's encoded images (B, 3, h, w), labels (B,), and their share of the epoch."""
        plan, count, device = self.plan, len(self.samples), self.fabric.device
        for batch in ordered(plan.seed, epoch, count, plan.batch_size):
            chosen = batch[self.fabric.global_rank :: self.fabric.world_size]
            images = send(self.samples.images(chosen), device)
            images = plan.variation.vary(images, chosen, plan.seed, epoch, count)
            labels = send(self.samples.labels[chosen], device)
            inputs = encode(images.float() / 255, self.samples.model.spec.input)
            yield inputs.contiguous(memory_format=self._layout), labels, len(batch) / count

    def _report(self, epoch: int, step: int, loss: Tensor) -> None:
        """Report progress; every CHECKED steps check that the loss is finite."""
        steps = -(-len(self.samples) // self.plan.batch_size)
        self.context.out_of_time()
        self.context.progress("training", epoch * steps + step + 1, self.plan.epochs * steps)
        if step % CHECKED == 0 and not bool(loss.isfinite()):
            raise self._diverged(epoch)

    def _check(self, epoch: int) -> None:
        """Raise InputError unless every weight is finite."""
        for module in self.task.modules.values():
            for each in module.state_dict().values():
                if not bool(each.isfinite().all()):
                    raise self._diverged(epoch)

    def _diverged(self, epoch: int) -> InputError:
        saved = "nothing is kept, it was the first"
        if epoch and self.context.checkpoint is not None:
            saved = f"the state after epoch {epoch - 1} is kept in {self.checkpoint.folder}"
        return InputError(
            f"the loss became NaN or infinite in epoch {epoch}; {saved}; go on with smaller "
            "learning rates"
        )

    def _seed(self, epoch: int) -> int:
        """Seed of an epoch on this device."""
        first, second = draw_bits(self.plan.seed, "epoch", epoch, 2)
        return (int(first) << 31) + int(second) + int(self.fabric.global_rank)

    def _too_late(self, seconds: float) -> bool:
        """Whether the time budget has no room for another epoch of so many seconds."""
        limit = self.context.budget.seconds
        over = limit is not None and time.monotonic() - self.context.started + seconds > limit
        return bool(self.fabric.broadcast(over))


def _fabric(plan: Plan) -> Any:
    from lightning_fabric import Fabric

    kind, _, index = plan.device.partition(":")
    devices, nodes = _launched() or (plan.devices, plan.nodes)
    alone = devices * nodes == 1
    return Fabric(
        accelerator=kind,
        devices=[int(index)] if alone and index else devices,
        num_nodes=nodes,
        strategy="auto" if alone else "ddp",
        precision=PRECISIONS[plan.precision],
    )


def _launched() -> tuple[int, int] | None:
    """Devices of each machine and machines, where torchrun has started a process on each."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    local = int(os.environ["LOCAL_WORLD_SIZE"])
    return local, int(os.environ["WORLD_SIZE"]) // local
