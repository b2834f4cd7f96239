"""ONNX models cut at a layer by splitting their graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from interp.cut import Cut, Frontier, Output, answers_alike
from interp.engine.random import content_key
from interp.errors import ModelError
from interp.model import ModelAdapter
from interp.network.scores import close
from interp.spec import Layer
from interp.target import Target
from interp_onnx.finite_difference import chain, differentiate
from interp_onnx.float64 import to_double, to_double_frontier
from interp_onnx.network import Network, is_shape
from interp_onnx.session import Session
from interp_onnx.split import Growth, Halves
from interp_onnx.unrounded import unround

EXACT = 1e-5
"""How far the scores of the halves may be from the whole's, relative to the largest score."""
STEPS = 0.03
"""The same for a quantised graph, whose halves onnxruntime may round otherwise than the whole: it
fuses what a cut separates. Four steps of the 128 on each side of zero."""

ROUNDED = 0.3
"""How far scores may be moved by rounding, relative to the largest, in a graph of many layers."""


@dataclass(eq=False)
class OnnxCut(Cut):
    """Runs only what follows the layer, in a session of its own."""

    layer: Layer
    model: ModelAdapter
    network: Network
    halves: Halves
    front: Session
    back: Session
    growth: tuple[Growth, ...]
    broadcast: tuple[bool, ...]
    error: Tensor | None = None
    """Estimated error of the last derivative's values, (M, T), in the output's own unit."""
    _precise: Session | None = field(default=None, repr=False)
    """The session for derivatives, once searched for: the rest in float64, or else `back`."""
    _grown: tuple[Frontier, int, tuple[Tensor, ...]] | None = field(default=None, repr=False)

    def prefix(self, images: Tensor) -> Frontier:
        activation, *live = self.network.run(self.front, self.network.encode(images))
        spec, pixels = self.model.spec, images.detach().cpu().numpy()
        key = content_key(spec.fingerprint, spec.input, self.layer.name, pixels, *spec.reading)
        return Frontier(activation, tuple(live), len(images), key)

    def suffix(self, frontier: Frontier, activation: Tensor) -> Tensor:
        frontier.check(activation, self.layer.name)
        return self._scores(self.back, frontier, activation.to(frontier.activation)).float()

    def derivative(
        self, frontier: Frontier, directions: Tensor, targets: Sequence[Target], output: Output
    ) -> Tensor:
        """Central differences of the scores, (M, T), in float64 where onnxruntime has it.

        Their estimated error is kept in `error`.
        """
        back, frontier = self._most_precise(frontier)
        base, slopes, error = differentiate(
            lambda activation: self._scores(back, frontier, activation),
            frontier.activation,
            directions.to(frontier.activation.device),
        )
        changed, blurred = (
            chain(lambda scores: self.model.probabilities(scores, output), base, each)
            for each in (slopes, slopes + error)
        )
        columns = [torch.stack([t.select(each) for t in targets], 1) for each in (changed, blurred)]
        self.error = (columns[0] - columns[1]).abs().float()
        return columns[0].float()

    def holds(self, images: Tensor, expected: Tensor) -> bool:
        """Whether one image's frontier answers as the whole model, and a batch as its rows alone.

        Tries first with live tensors broadcast where that should suffice, then with copies.
        """
        for broadcast in (self.broadcast, (False,) * len(self.broadcast)):
            self.broadcast, self._grown = broadcast, None
            try:
                if answers_alike(self, self.model.output, images, expected, self._tolerance):
                    return True
            except Exception:  # onnxruntime's errors share no class
                continue
        return False

    @property
    def _tolerance(self) -> float:
        return STEPS if self.network.graph.quantised else EXACT

    def _most_precise(self, frontier: Frontier) -> tuple[Session, Frontier]:
        """The rest in float64 with a float64 frontier, or both as they are where there is none."""
        wide = to_double_frontier(frontier)
        if self._precise is None:
            self._precise = self._open_double(frontier, wide)
            if self._precise is None and self.network.graph.quantised:
                raise ModelError(
                    f"{self.model.spec.name} is quantised, and slopes at {self.layer.name} cannot "
                    "be computed; choose another layer, or a method that needs no slopes"
                )
            self._precise = self._precise or self.back
        return self._precise, frontier if self._precise is self.back else wide

    def _open_double(self, frontier: Frontier, wide: Frontier) -> Session | None:
        """The rest in float64, if onnxruntime can run it and its scores are those of the rest.

        Of a quantised graph the rest without rounding, whose scores may differ by the rounding.
        """
        quantised = self.network.graph.quantised
        try:
            part, shapes = self.halves.suffix(), self.halves.shapes
            if quantised:
                reach = (float(wide.activation.min()), float(wide.activation.max()))
                part, shapes = unround(part, self.halves.tensor, shapes, reach)
            session = self.network.engine.session(to_double(part, shapes))
            found = self._scores(session, wide, wide.activation)
        except Exception:  # onnxruntime's errors share no class
            return None
        expected = self.suffix(frontier, frontier.activation)
        return session if close(found, expected, ROUNDED if quantised else EXACT) else None

    def _scores(self, back: Session, frontier: Frontier, activation: Tensor) -> Tensor:
        """Scores (B, K) by a session of the rest."""
        if self.network.batch is not None:
            return self._in_portions(back, frontier, activation, self.network.batch)
        return self.network.read(back(activation, *self._live(frontier, len(activation)))[0])

    def _live(self, frontier: Frontier, batch: int) -> tuple[Tensor, ...]:
        """The frontier's live tensors for `batch` images; the last ones grown are kept."""
        live: tuple[Tensor, ...] = frontier.live  # type: ignore[assignment]
        if frontier.batch == batch:
            return live
        if self._grown is None or self._grown[0] is not frontier or self._grown[1] != batch:
            rules = zip(live, self.growth, self.broadcast, strict=True)
            grown = tuple(each if same else rule.grow(each, batch) for each, rule, same in rules)
            self._grown = (frontier, batch, grown)
        return self._grown[2]

    def _in_portions(
        self, back: Session, frontier: Frontier, activation: Tensor, size: int
    ) -> Tensor:
        """Scores of `size` images at a time, as the graph demands; the last image is repeated."""
        scores = []
        for start in range(0, len(activation), size):
            rows = [min(start + at, len(activation) - 1) for at in range(size)]
            own = rows if frontier.batch > 1 else [0] * size
            live = [_parts(each, own, frontier.batch) for each in frontier.live]  # type: ignore[arg-type]
            scores.append(self.network.read(back(activation[rows], *live)[0]))
        return torch.cat(scores)[: len(activation)]


def make_cut(
    layer: Layer, model: ModelAdapter, network: Network, halves: Halves, probe: Tensor
) -> OnnxCut:
    """Open sessions of both halves, and learn from three preprocessed images how tensors grow."""
    front, back = (network.engine.session(each) for each in (halves.prefix(), halves.suffix()))
    growth: tuple[Growth, ...] = ()
    if network.batch is None and halves.live:
        two, three = front(probe[:2])[1:], front(probe)[1:]
        growth = tuple(Growth(a, b) for a, b in zip(two, three, strict=True))
    return OnnxCut(layer, model, network, halves, front, back, growth, halves.broadcast)


def _parts(value: Tensor, rows: Sequence[int], count: int) -> Tensor:
    """Some images' shares of a tensor that holds `count` of them one after another."""
    if is_shape(value):
        return value
    parts = value.chunk(count)
    return torch.cat([parts[row] for row in rows])
