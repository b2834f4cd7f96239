"""Ablating every channel of a layer: ours against Captum's and pytorch-grad-cam's, same answers.

python benchmarks/channel_ablation.py [--rounds N --threads N]
Writes benchmarks/results/channel_ablation.json. One image, one class, random weights. Ours and
the peers alternate; all get their fastest batch size. Seconds are the process's CPU seconds, which
other work on the machine disturbs less than the clock. pytorch-grad-cam is installed without its
dependencies into a cache folder, so that all run on the same torch in the same process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

os.environ["TQDM_DISABLE"] = "1"

import numpy as np
import torch
from record import record
from torch import Tensor, nn

from interp.context import Context
from interp.cut import Cut
from interp.engine.channel import AblationDesign
from interp.engine.design import GateSubject
from interp.engine.respond import respond
from interp.memory import BatchSize, Memory
from interp.spec import ModelOptions
from interp_torch.adapter import TorchAdapter
from interp_torch.opening import open_model

CACHE = Path.home() / ".cache" / "interp-bench" / "grad-cam"
PEER = {"grad-cam": "1.5.7", "ttach": "0.0.3"}
LAYERS = ("layer1", "layer2", "layer3", "layer4")
SAMPLED = {"resnet18": 128, "resnet50": 32}
"""Channels that the peers ablate at most; their time is scaled to all channels, ours is not."""
BATCHES = (1, 8, 16, 32)
TRIAL = 32
"""Channels ablated to find a peer's fastest batch size."""
CLASS = 207
SIZE = 224


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--models", nargs="+", default=list(SAMPLED), choices=list(SAMPLED))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    install_peer()
    results: list[dict[str, object]] = []
    found = {
        "threads": arguments.threads,
        "peers": {"captum": version("captum"), **PEER},
        "image": f"{SIZE} x {SIZE} noise",
        "results": results,
    }
    for name in arguments.models:
        model = open_model(network(name), ModelOptions(device="cpu"))
        fastest = Case(name, model, "layer3").fastest_batches()  # the layer does not matter to them
        for layer in LAYERS:
            results.append(Case(name, model, layer).compare(arguments.rounds, fastest))
            record("channel_ablation", found)


def install_peer() -> None:
    """pytorch-grad-cam in a folder of its own, behind everything that is installed."""
    if not (CACHE / "pytorch_grad_cam").is_dir():
        wanted = [f"{name}=={number}" for name, number in PEER.items()]
        pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(CACHE)]
        subprocess.run([*pip, *wanted], check=True)
    sys.path.append(str(CACHE))


def network(name: str) -> nn.Module:
    """A torchvision network with seeded random weights, its batch norms settled on noise.

    Unsettled, a deep network's activations grow from block to block until what one channel does
    is lost in float32's rounding.
    """
    import torchvision

    torch.manual_seed(0)
    module = getattr(torchvision.models, name)(weights=None)
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.momentum = None  # the mean over what is seen
    with torch.no_grad():
        module(torch.randn(16, 3, SIZE, SIZE))
    return module.eval()


@dataclass(eq=False)
class Case:
    """One layer of one network."""

    name: str
    model: TorchAdapter
    layer: str
    sizes: dict[object, BatchSize] = field(default_factory=dict)
    """The engine's micro-batches, kept between runs."""

    def compare(self, rounds: int, batch: dict[str, int]) -> dict[str, object]:
        """Seconds of each, in turn, and how far their answers are apart."""
        channels = np.random.default_rng(0).permutation(self.channels)[: SAMPLED[self.name]]
        channels.sort()
        seconds: dict[str, list[float]] = {"interp": [], "captum": [], "gradcam": []}
        for _ in range(3):  # warms up: the engine tries one of its batch sizes on each chunk
            self.interp(states=AblationDesign.chunk)
        for _ in range(rounds):
            ours = timed(self.interp, seconds["interp"])
            theirs = {
                "captum": timed(lambda: self.captum(channels, batch["captum"]), seconds["captum"]),
                "gradcam": timed(
                    lambda: self.gradcam(channels, batch["gradcam"]), seconds["gradcam"]
                ),
            }
        result = self._report(seconds, batch, len(channels))
        result["difference"] = self._apart(ours, theirs, channels)
        return result

    def interp(self, states: int = 1 << 30) -> np.ndarray:
        """Importance of all channels through the engine, (C,), or of the first states' channels."""
        context = Context(memory=Memory(self.sizes))  # no answers are kept
        frontier = self.cut.prefix(self.pixels)
        design = AblationDesign(self.channels, self.pixels.device)
        subject = GateSubject(self.model, self.cut, frontier)
        answers = respond(context, subject, design, "logit", states)
        scores = torch.cat([each.scores[:, CLASS] for each in answers])
        return (scores[0] - scores[2:]).numpy()

    def captum(self, channels: np.ndarray, batch: int) -> np.ndarray:
        """Importance of `channels` by LayerFeatureAblation; all others are one more feature."""
        from captum.attr import LayerFeatureAblation

        features = np.full(self.channels, len(channels))
        features[channels] = np.arange(len(channels))
        module = self.model.module()
        found = LayerFeatureAblation(module, module.get_submodule(self.layer)).attribute(
            self.inputs,
            target=CLASS,
            layer_mask=torch.from_numpy(features).view(1, -1, 1, 1),
            perturbations_per_eval=batch,
        )
        return found[0, channels, 0, 0].numpy()

    def gradcam(self, channels: np.ndarray, batch: int) -> np.ndarray:
        """AblationCAM's weights of `channels`: (score - ablated) / score."""
        from pytorch_grad_cam import AblationCAM
        from pytorch_grad_cam.ablation_layer import AblationLayer
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        class Some(AblationLayer):
            def activations_to_be_ablated(self, *_: object) -> np.ndarray:
                self.indices = channels.astype(np.int32)
                return self.indices

        class Watched(AblationCAM):
            def get_cam_weights(self, *arguments: object) -> np.ndarray:
                self.weights = super().get_cam_weights(*arguments)
                return self.weights

        module = self.model.module()
        layers = [module.get_submodule(self.layer)]
        with Watched(module, layers, ablation_layer=Some(), batch_size=batch) as cam:
            cam(self.inputs, [ClassifierOutputTarget(CLASS)])
            return cam.weights[0, channels]

    def fastest_batches(self) -> dict[str, int]:
        """Each peer's."""
        return {each.__name__: self._fastest_batch(each) for each in (self.captum, self.gradcam)}

    def _fastest_batch(self, peer: Callable[[np.ndarray, int], np.ndarray]) -> int:
        """The batch size at which a peer ablates a few channels fastest."""
        some = np.arange(TRIAL)
        peer(some[:1], 1)
        taken: dict[int, list[float]] = {batch: [] for batch in BATCHES}
        for batch in BATCHES:
            timed(lambda batch=batch: peer(some, batch), taken[batch])
        return min(taken, key=lambda batch: taken[batch][0])

    def _report(
        self, seconds: dict[str, list[float]], batch: dict[str, int], ablated: int
    ) -> dict[str, object]:
        """Medians, with the peers' scaled by passes to all channels; ratios of each round."""
        passes = {"captum": ablated + 2 + (ablated < self.channels), "gradcam": ablated + 2}
        whole = {each: (self.channels + 2) / count for each, count in passes.items()}
        ratios = {
            each: [
                theirs * whole[each] / ours
                for ours, theirs in zip(seconds["interp"], seconds[each], strict=True)
            ]
            for each in whole
        }
        return {
            "model": self.name,
            "layer": self.layer,
            "channels": self.channels,
            "peers_ablated": ablated,
            "scaled": ablated < self.channels,
            "cpu_seconds": {
                each: round(statistics.median(taken) * whole.get(each, 1), 3)
                for each, taken in seconds.items()
            },
            "batch": {"interp": next(iter(self.sizes.values())).size(), **batch},
            "times_faster": {each: round(statistics.median(r), 1) for each, r in ratios.items()},
            "times_faster_least": {each: round(min(r), 1) for each, r in ratios.items()},
            "cut_once_cpu_seconds": round(self.opening, 2),
        }

    def _apart(
        self, ours: np.ndarray, theirs: dict[str, np.ndarray], channels: np.ndarray
    ) -> dict[str, float]:
        """Largest difference of importances, and of maps, relative to the largest value."""
        score = float(self.model.predict(self.pixels)[0, CLASS])
        maps = self.cut.prefix(self.pixels).activation[0, channels].numpy()
        found = {}
        for name, scale in (("captum", 1.0), ("gradcam", score)):
            mine, other = ours[channels], theirs[name] * scale
            found[f"{name}_importance"] = relative(mine, other)
            found[f"{name}_map"] = relative(
                np.tensordot(mine, maps, 1), np.tensordot(other, maps, 1)
            )
        return found

    @cached_property
    def pixels(self) -> Tensor:
        values = np.random.default_rng(0).random((1, 3, SIZE, SIZE), np.float32)
        return torch.from_numpy(values)

    @cached_property
    def inputs(self) -> Tensor:
        from interp.network.preprocess import encode

        return encode(self.pixels, self.model.spec.input)

    @cached_property
    def cut(self) -> Cut:
        begun = time.process_time()
        cut = self.model.cut(self.layer)
        self.opening = time.process_time() - begun
        return cut

    @property
    def channels(self) -> int:
        return self.cut.layer.channels


def timed(work: Callable[[], np.ndarray], taken: list[float]) -> np.ndarray:
    """The work's answer; its CPU seconds are appended to `taken`."""
    begun = time.process_time()
    found = work()
    taken.append(time.process_time() - begun)
    return found


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(f"{np.abs(found - expected).max() / np.abs(expected).max():.1e}")


if __name__ == "__main__":
    main()
