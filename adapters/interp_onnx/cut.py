"""ONNX models cut at a layer by splitting their graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from interp.cut import Cut, Frontier, Gates, Output, answers_alike
from interp.engine.random import content_key
from interp.model import ModelAdapter
from interp.network.autograd import TARGETS, slopes
from interp.network.direction import OnStep, ignore
from interp.network.fold import Fold
from interp.network.scores import close
from interp.spec import Layer
from interp.target import Target
from interp_onnx.autograd.program import Program, translate
from interp_onnx.differences import ROUNDED, Differences, Run
from interp_onnx.finite_difference import chain
from interp_onnx.folding import find_fold
from interp_onnx.network import Network, is_shape
from interp_onnx.recording import tolerance
from interp_onnx.session import Session
from interp_onnx.split import Growth, Halves
from interp_onnx.unrounded import smooth_suffix

EXACT = 1e-5
"""How far the scores of the halves may be from the whole's, relative to the largest score."""
STEPS = 0.03
"""The same for a quantised graph, whose halves onnxruntime may round otherwise than the whole: it
fuses what a cut separates. Four steps of the 128 on each side of zero."""


@dataclass(eq=False)
class OnnxCut(Cut):
    """Runs only what follows the layer, in a session of its own.

    Slopes are autograd's, of the same operations in PyTorch, where these answer as the session
    does; else differences.
    """

    layer: Layer
    model: ModelAdapter
    network: Network
    halves: Halves
    front: Session
    back: Session
    growth: tuple[Growth, ...]
    broadcast: tuple[bool, ...]
    probe: Tensor
    """Images (3, 3, h, w) that the program of the rest is checked on."""
    error: Tensor | None = None
    """Estimated error of the last differences, (M, T), in the output's own unit."""
    _grown: tuple[Frontier, int, tuple[Tensor, ...]] | None = field(default=None, repr=False)

    @property
    def one_pass(self) -> bool:  # type: ignore[override]
        return self.program is not None

    @cached_property
    def program(self) -> Program | None:
        """The rest in PyTorch; None where an operation is missing or its scores are others.

        Of a quantised graph it is the rest without rounding, whose scores differ by the rounding.
        """
        frontier, many = self.prefix(self.probe[:1]), self.prefix(self.probe).activation
        limit = ROUNDED if self.network.graph.quantised else tolerance(self.network)
        try:
            part, _ = smooth_suffix(self.halves, many)
            found = translate(part, self.network.engine.device)
            with torch.no_grad():
                scores = self._scores(found, frontier, many)
        except Exception:  # its operations' errors share no class
            return None
        return found if close(scores, self.suffix(frontier, many), limit) else None

    def gates(self, frontier: Frontier) -> Gates:
        """The suffix with channels switched off, folded into a linear layer where one follows."""
        kept, live, fold = frontier.activation.float(), frontier.live, self._fold
        with torch.no_grad():
            if fold is None or not fold.holds(kept, live, EXACT):
                return super().gates(frontier)
            return self._folded(fold, fold.table(kept, live), frontier)

    def mixing(self, frontier: Frontier, parts: Tensor) -> Gates:
        fold = self._fold
        with torch.no_grad():
            table = None if fold is None else fold.mixture(parts.float(), frontier.live, EXACT)
        if fold is None or table is None:
            return super().mixing(frontier, parts)
        return self._folded(fold, table, frontier)

    def _folded(self, fold: Fold, table: Tensor, frontier: Frontier) -> Gates:
        """Gates of the rows of a table of what follows."""

        def answer(gates: Tensor) -> Tensor:
            with torch.no_grad():
                scores = fold.rest(table, gates, self._live(frontier, len(gates)))
                return self.network.read(scores).float()

        return Gates(answer, table.shape[1] * table.element_size())

    @cached_property
    def _fold(self) -> Fold | None:
        """The fold of the rest, where its channels come first and its program is exact."""
        first = self.layer.layout in ("NCHW", "vector") and self.network.batch is None
        if not first or self.program is None:
            return None
        frontier, many = self.prefix(self.probe[:1]), self.prefix(self.probe).activation
        with torch.no_grad():
            scores = self._scores(self.program, frontier, many)
        exact = close(scores, self.suffix(frontier, many), EXACT)
        return find_fold(self.program) if exact else None

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
        """Slopes times directions, (M, T); of many targets and few directions, differences."""
        if self.program is not None and len(targets) <= TARGETS * len(directions):
            gradient = self.gradient(frontier, targets, output)
            return directions.flatten(1).float() @ gradient.flatten(1).T
        return self.differences(frontier, directions, targets, output)

    def gradient(
        self,
        frontier: Frontier,
        targets: Sequence[Target],
        output: Output,
        on_step: OnStep = ignore,
    ) -> Tensor:
        """d score_t / d activation, (T, ...) float32."""
        program = self.program
        found = None
        if program is not None:
            select = [each.select for each in targets]
            found = slopes(
                frontier.activation.float(),
                select,
                lambda activation: self.model.probabilities(
                    self._scores(program, frontier, activation).float(), output
                ),
                on_step,
            )
        return super().gradient(frontier, targets, output, on_step) if found is None else found

    def differences(
        self, frontier: Frontier, directions: Tensor, targets: Sequence[Target], output: Output
    ) -> Tensor:
        """Central differences of the scores, (M, T), in float64 where onnxruntime has it.

        Their estimated error is kept in `error`.
        """
        base, found, error = self._differences(frontier, directions)
        changed, blurred = (
            chain(lambda scores: self.model.probabilities(scores, output), base, each)
            for each in (found, found + error)
        )
        columns = [torch.stack([t.select(each) for t in targets], 1) for each in (changed, blurred)]
        self.error = (columns[0] - columns[1]).abs().float()
        return columns[0].float()

    @cached_property
    def _differences(self) -> Differences:
        place = f"{self.model.spec.name} is quantised, and slopes at {self.layer.name}"
        return Differences(place, self.network, self.halves, self.back, self._scores)

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

    def _scores(self, back: Run, frontier: Frontier, activation: Tensor) -> Tensor:
        """Scores (B, K) by a session or program of the rest."""
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

    def _in_portions(self, back: Run, frontier: Frontier, activation: Tensor, size: int) -> Tensor:
        """Scores of `size` images at a time, as the graph demands; the last image is repeated."""
        scores = []
        for start in range(0, len(activation), size):
            rows = [min(start + at, len(activation) - 1) for at in range(size)]
            own = rows if frontier.batch > 1 else [0] * size
            live = [_parts(each, own, frontier.batch) for each in frontier.live]  # type: ignore[arg-type]
            scores.append(self.network.read(back(activation[rows], *live)[0]))
        return torch.cat(scores)[: len(activation)]


def make_cut(
    layer: Layer, model: ModelAdapter, network: Network, halves: Halves, images: Tensor
) -> OnnxCut:
    """Open sessions of both halves, and learn from three images how tensors grow."""
    probe = network.encode(images)
    front, back = (network.engine.session(each) for each in (halves.prefix(), halves.suffix()))
    growth: tuple[Growth, ...] = ()
    if network.batch is None and halves.live:
        two, three = front(probe[:2])[1:], front(probe)[1:]
        growth = tuple(Growth(a, b) for a, b in zip(two, three, strict=True))
    return OnnxCut(layer, model, network, halves, front, back, growth, halves.broadcast, images)


def _parts(value: Tensor, rows: Sequence[int], count: int) -> Tensor:
    """Some images' shares of a tensor that holds `count` of them one after another."""
    if is_shape(value):
        return value
    parts = value.chunk(count)
    return torch.cat([parts[row] for row in rows])
