"""Models cut at a layer: by splitting their graph, or by hooks on the whole."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor, fx

from interp.cut import Cut, Frontier, Gates, Output, answers_alike
from interp.engine.random import content_key
from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp.network.autograd import slopes
from interp.network.direction import OnStep, ignore
from interp.network.fold import Fold
from interp.spec import Layer
from interp.target import Target
from interp_torch.gating import Ablation, closes_one, find_ablation, find_fold
from interp_torch.graph import EXACT
from interp_torch.hooks import capture, substitute
from interp_torch.network import Network
from interp_torch.packed import PackedGraph, Packs
from interp_torch.split import Split, grow


@dataclass(eq=False)
class TorchCut(Cut):
    """Base of both kinds of cut: frontiers, batches, and derivatives by autograd."""

    layer: Layer
    model: ModelAdapter
    network: Network
    one_pass = True

    @abstractmethod
    def front(self, inputs: Tensor) -> tuple[Tensor, tuple[Any, ...]]:
        """The layer's activation for preprocessed images, and all else that the rest needs."""

    @abstractmethod
    def back(self, activation: Tensor, live: tuple[Any, ...], grown: int | None) -> Tensor:
        """Raw output of the rest.

        `grown` is the batch that live values of one image must be grown to.
        """

    def prefix(self, images: Tensor) -> Frontier:
        with torch.no_grad(), self.network.running():
            activation, live = self.front(self.network.encode(images))
        spec, pixels = self.model.spec, images.detach().cpu().numpy()
        facts = (spec.fingerprint, spec.precision, spec.input, self.layer.name, pixels)
        return Frontier(activation, live, len(images), content_key(*facts, *spec.reading))

    def suffix(self, frontier: Frontier, activation: Tensor) -> Tensor:
        with torch.no_grad(), self.network.running():
            return self._rest(frontier, activation)

    def derivative(
        self, frontier: Frontier, directions: Tensor, targets: Sequence[Target], output: Output
    ) -> Tensor:
        """Gradient of each target's score at the layer, times each direction, (M, T)."""
        gradient = self.gradient(frontier, targets, output)
        return directions.flatten(1).float() @ gradient.flatten(1).T

    def gradient(
        self,
        frontier: Frontier,
        targets: Sequence[Target],
        output: Output,
        on_step: OnStep = ignore,
    ) -> Tensor:
        """d score_t / d activation by autograd, (T, ...); nothing is left on the parameters."""

        def score(activation: Tensor) -> Tensor:
            return self.model.probabilities(self._rest(frontier, activation), output)

        with self.network.running():
            select = [each.select for each in targets]
            found = slopes(frontier.activation, select, score, on_step)
        if found is None:
            raise UnsupportedError(
                f"{self.model.spec.name} has no slopes at {self.layer.name}: what follows it "
                "records none (quantised, or under no_grad?); choose a method without them, "
                "such as channel-ablation or rise"
            )
        return found

    def _rest(self, frontier: Frontier, activation: Tensor) -> Tensor:
        """Scores (B, K) float32."""
        frontier.check(activation, self.layer.name)
        batch = len(activation)
        activation = self.network.arrange(activation.to(frontier.activation.dtype))
        grown = None if frontier.batch == batch else batch
        return self.network.read(self.back(activation, frontier.live, grown))


@dataclass(eq=False)
class GraphCut(TorchCut):
    """Runs only what follows the layer."""

    split: Split
    packs: Packs
    """The packed convolutions of the whole graph, which its other cuts share."""
    contiguous: bool = False
    """Whether live values must be contiguous copies, as where the graph takes views of them."""
    _fold: Fold | None = field(default=None, repr=False)
    _searched: bool = field(default=False, repr=False)

    def front(self, inputs: Tensor) -> tuple[Tensor, tuple[Any, ...]]:
        return self._prefix(inputs)

    def back(self, activation: Tensor, live: tuple[Any, ...], grown: int | None) -> Tensor:
        """Scores by the second half, on copies where it works in place."""
        if grown is not None:
            live = self._grown(live, grown)
        if self.split.altering:
            activation = activation.clone()
        return self._suffix(activation, *self._own(live))

    def gates(self, frontier: Frontier) -> Gates:
        """The suffix with channels switched off, by a shortcut of `gating` where there is one."""
        kept, live = frontier.activation, frontier.live
        with torch.no_grad(), self.network.running():
            fold = self._find_fold(kept, live)
            if fold is None:
                return self._ablating(frontier, super().gates(frontier))
            return self._folded(fold, fold.table(kept, live), live)

    def mixing(self, frontier: Frontier, parts: Tensor) -> Gates:
        live = frontier.live
        with torch.no_grad(), self.network.running():
            fold = self._find_fold(frontier.activation, live)
            table = None if fold is None else fold.mixture(parts, live, EXACT)
        if fold is None or table is None:
            return super().mixing(frontier, parts)
        return self._folded(fold, table, live)

    def _folded(self, fold: Fold, table: Tensor, live: tuple[Any, ...]) -> Gates:
        """Gates of the rows of a table of what follows."""

        def answer(gates: Tensor) -> Tensor:
            with torch.no_grad(), self.network.running():
                return self.network.read(
                    fold.rest(table, gates, self._own(self._grown(live, len(gates))))
                )

        return Gates(answer, table.shape[1] * table.element_size())

    def _ablating(self, frontier: Frontier, gates: Gates) -> Gates:
        """The same gates, faster where each row closes one channel and convolutions follow."""
        ablation = self._ablation
        if ablation is None:
            return gates
        kept = self.network.arrange(frontier.activation)

        @cache
        def outputs() -> list[Tensor]:
            return ablation.outputs(kept)

        def without(closed: Tensor) -> Tensor:
            live = self._own(self._grown(frontier.live, len(closed)))
            with torch.no_grad(), self.network.running():
                parts = ablation.without(outputs(), kept, closed)
                return self.network.read(ablation.rest(*map(self.network.arrange, parts), *live))

        def answer(states: Tensor) -> Tensor:
            alone = closes_one(states)
            count = int(alone.sum())  # the only wait for the device in a micro-batch
            if count == 0:
                return gates(states)
            if count == len(states):
                return without(states.argmin(1))
            scores = without(states[alone].argmin(1))
            both = scores.new_empty(len(states), scores.shape[1])
            both[alone], both[~alone] = scores, gates(states[~alone])
            return both

        return Gates(answer, gates.nbytes)

    @cached_property
    def _ablation(self) -> Ablation | None:
        return find_ablation(self.split.suffix, self._packed)

    @cached_property
    def _prefix(self) -> Callable[..., Any]:
        return self._packed(self.split.prefix)

    @cached_property
    def _suffix(self) -> Callable[..., Any]:
        return self._packed(self.split.suffix)

    def _packed(self, graph: fx.GraphModule) -> Callable[..., Any]:
        """The graph, with packed convolutions where the network may run them."""
        return PackedGraph.of(graph, self.packs) if self.network.packs else graph

    def _find_fold(self, activation: Tensor, live: tuple[Any, ...]) -> Fold | None:
        """The fold, searched for once and checked on the first image."""
        if not self._searched:
            self._searched = True
            first = self.layer.layout in ("NCHW", "vector")  # channels come first
            found = find_fold(self.split.suffix) if first else None
            self._fold = found if found and found.holds(activation, live, EXACT) else None
        return self._fold

    def _own(self, live: tuple[Any, ...]) -> tuple[Any, ...]:
        """Copies of live values where the second half alters them or needs them contiguous."""
        if self.split.altering:
            return _each_tensor(live, torch.clone)
        return _each_tensor(live, torch.Tensor.contiguous) if self.contiguous else live

    def _grown(self, live: tuple[Any, ...], batch: int) -> tuple[Any, ...]:
        """Live values of one image as they would be for `batch` images."""
        rules = zip(live, self.split.outlines, strict=True)
        return tuple(grow(value, *outlines, batch) for value, outlines in rules)

    def holds(self, images: Tensor, expected: Tensor) -> bool:
        """Whether one image's frontier answers as the whole model, and a batch as its rows alone.

        Tries first with values grown as views, then with copies.
        """
        for self.contiguous in (False, True):
            try:
                if answers_alike(self, self.model.output, images, expected, EXACT):
                    return True
            except Exception:  # operations of the model's own, on values they were not made for
                continue
        return False


@dataclass(eq=False)
class HookCut(TorchCut):
    """Runs the whole model again with the layer's output replaced."""

    def front(self, inputs: Tensor) -> tuple[Tensor, tuple[Any, ...]]:
        """The layer's output, and the input itself for running the whole model again."""
        name = self.layer.name
        return capture(self.network.module, inputs, [name])[name], (inputs,)

    def back(self, activation: Tensor, live: tuple[Any, ...], grown: int | None) -> Tensor:
        """The whole model on the input, once for each activation."""
        inputs = live[0] if grown is None else live[0].expand(grown, -1, -1, -1)
        return substitute(self.network.module, inputs, self.layer.name, activation)


def _each_tensor(values: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same structure with every tensor changed."""
    if isinstance(values, Tensor):
        return change(values)
    if isinstance(values, (tuple, list)):
        return type(values)([_each_tensor(each, change) for each in values])
    return values
