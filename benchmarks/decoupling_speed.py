"""How much time filters that are off save, on a CPU: VGG-16, and the trained network we ship.

python benchmarks/decoupling_speed.py [--rounds N --on .5 ... --threads 1 2 --size 224]
Writes benchmarks/results/decoupling_speed.json; goes on where it was stopped. VGG-16, one image at
a time, has random weights and, in every controlled layer, a fixed random path with a share of
filters on, so it says what skipping can save and not what a trained network does. The trained one,
creatures-decoupled, takes its own paths on creatures, by processor time on one thread. The plain
network without controlling modules, in its faster memory layout, is what to beat; the ways
alternate round by round, and medians are reported.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from record import machine
from torch import Tensor, nn

from interp.network.preprocess import encode
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.storage.folder import write_json_whole
from interp_creatures.dataset import Creatures
from interp_decoupling.build import Layout, insert
from interp_decoupling.control import Mode, computing, controlled
from interp_decoupling.structure import Place, find_places
from interp_decoupling.work import count_work

HERE = Path(__file__).parent
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
MODES: tuple[Mode, ...] = ("all", "on")
BATCHES = (1, 64)
SEED = 5_950_000
Way = Callable[[], Any]
Clock = Callable[[], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--on", type=float, nargs="+", default=[0.5])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "decoupling_speed.json")
    arguments = parser.parse_args()
    found = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    for batch in BATCHES:
        key = f"creatures-decoupled, 1 thread, batch {batch}, {arguments.rounds} rounds"
        if key not in found:
            torch.set_num_threads(1)
            found[key] = measured_trained(batch, arguments.rounds)
            _keep(found, arguments.out)
        print(key, json.dumps(found[key], indent=2), flush=True)
    plain = _vgg()
    places = tuple(find_places(plain))
    for share in arguments.on:
        gated = with_path(plain, places, share)
        for threads in arguments.threads:
            key = f"on {share}, {threads} threads, {arguments.size} px, {arguments.rounds} rounds"
            if key not in found:
                torch.set_num_threads(threads)
                found[key] = measured(plain, gated, places, arguments.size, arguments.rounds)
                _keep(found, arguments.out)
            print(key, json.dumps(found[key], indent=2), flush=True)


def _keep(found: dict[str, Any], out: Path) -> None:
    written = {"written": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    write_json_whole(out, found | written)


def measured_trained(batch: int, rounds: int) -> dict[str, Any]:
    """Processor milliseconds an image of creatures-decoupled and of creatures-resnet."""
    plain, gated = (
        open_model(name, ModelOptions(device="cpu"), Registry.load())
        for name in ("creatures-resnet", "creatures-decoupled")
    )
    pixels = [plain.prepare(each.image)[0] for each in Creatures(batch, SEED, two=False)]
    images = encode(torch.stack(pixels), plain.spec.input)
    timed = _timed(plain.module(), gated.module(), images, rounds, time.process_time)
    taken = {name: statistics.median(each) / batch for name, each in timed}
    dense, best = (
        min(each for name, each in taken.items() if name.startswith("plain") == of_plain)
        for of_plain in (True, False)
    )
    return {
        "processor milliseconds an image": {k: round(1e3 * each, 2) for k, each in taken.items()},
        "times faster than the best plain layout": round(dense / best, 3),
    }


def measured(
    plain: nn.Module, gated: nn.Module, places: tuple[Place, ...], size: int, rounds: int
) -> dict[str, Any]:
    """Milliseconds of every way, how much faster skipping is, and how much less it computes."""
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(1))
    timed = _timed(plain, gated, image, rounds, time.perf_counter)
    taken = {name: statistics.median(each) for name, each in timed}
    dense = min(taken[f"plain {layout}"] for layout in LAYOUTS)
    best = min(taken[f"on {layout}"] for layout in LAYOUTS)
    codes = [each.control.expand.bias.detach() > 0 for each in controlled(gated).values()]
    filters = {name: each.convolution.out_channels for name, each in controlled(gated).items()}
    work = count_work(gated, places, (size, size))
    return {
        "milliseconds": {name: round(1e3 * each, 2) for name, each in taken.items()},
        "times faster than the best plain layout": round(dense / best, 3),
        "multiply-adds / plain": round(
            float(work.share(torch.cat(codes)[None].numpy(), filters)[0]), 4
        ),
        "layers": _layers(gated, size, rounds),
    }


def with_path(plain: nn.Module, places: tuple[Place, ...], share: float) -> nn.Module:
    """The network with controlling modules that always answer one path, `share` of it on."""
    network = insert(copy.deepcopy(plain), Layout(places=places)).eval()
    generator = torch.Generator().manual_seed(0)
    for each in controlled(network).values():
        filters = each.convolution.out_channels
        on = torch.randperm(filters, generator=generator) < round(share * filters)
        nn.init.zeros_(each.control.expand.weight)
        each.control.expand.bias.data = torch.where(on, 1.0, -1.0)
    return network


def _timed(
    plain: nn.Module, gated: nn.Module, image: Tensor, rounds: int, clock: Clock
) -> list[tuple[str, list[float]]]:
    """Seconds of every way on images (B, 3, h, w); the first round warms up, and is forgotten."""
    ways: dict[str, Way] = {}
    for layout, form in LAYOUTS.items():
        laid = image.contiguous(memory_format=form)
        first = copy.deepcopy(plain).to(memory_format=form)  # type: ignore[call-overload]
        second = copy.deepcopy(gated).to(memory_format=form)  # type: ignore[call-overload]
        ways[f"plain {layout}"] = lambda first=first, laid=laid: first(laid)  # type: ignore[misc]
        for mode in MODES:
            ways[f"{mode} {layout}"] = _way(second, laid, mode)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            taken[name].append(_seconds(way, clock))
    return [(name, each[1:]) for name, each in taken.items()]


def _layers(gated: nn.Module, size: int, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each controlled layer on its own, and its multiply-adds: for PAYS."""
    inputs: dict[str, Tensor] = {}
    handles = [
        each.register_forward_pre_hook(
            lambda _, given, name=name: inputs.update({name: given[0].clone()})
        )
        for name, each in controlled(gated).items()
    ]
    with torch.no_grad():
        gated(torch.rand(1, 3, size, size))
    for handle in handles:
        handle.remove()
    found = {}
    for name, layer in controlled(gated).items():
        output = layer.convolution(inputs[name])
        work = output[0, 0].numel() * layer.convolution.weight.numel()
        taken: dict[str, list[float]] = {mode: [] for mode in MODES}
        for _ in range(rounds + 1):
            for mode in MODES:
                taken[mode].append(_seconds(_way(layer, inputs[name], mode), time.perf_counter))
        times = {mode: 1e3 * statistics.median(each[1:]) for mode, each in taken.items()}
        found[name] = {"multiply-adds": work, **{k: round(v, 3) for k, v in times.items()}}
    return found


def _way(network: nn.Module, image: Tensor, mode: Mode) -> Way:
    def way() -> None:
        with computing(network, mode):
            network(image)

    return way


def _seconds(way: Way, clock: Clock) -> float:
    with torch.inference_mode():
        begun = clock()
        way()
        return clock() - begun


def _vgg() -> nn.Module:
    """VGG-16 with random weights."""
    import torchvision

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network: nn.Module = torchvision.models.vgg16(weights=None).eval()
    return network


if __name__ == "__main__":
    main()
