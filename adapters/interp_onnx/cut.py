"""ONNX models cut at a layer by taking their graph apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from interp.model import Cut, Frontier, Output
from interp.spec import Layer
from interp.target import Target
from interp_onnx.difference import chain, differentiate
from interp_onnx.double import to_double, widened
from interp_onnx.network import Network, close, flat
from interp_onnx.session import Session
from interp_onnx.split import Growth, Halves

EXACT = 1e-5
"""How far the halves may be from the whole, relative to the largest score."""
Probabilities = Callable[[Tensor, Output], Tensor]


@dataclass(eq=False)
class OnnxCut(Cut):
    """Runs only what follows the layer, in a session made once."""

    layer: Layer
    network: Network
    probabilities: Probabilities
    key: Callable[[str, Tensor], str]
    """key(layer, images): what a frontier is the answer to."""
    halves: Halves
    front: Session
    back: Session
    growth: tuple[Growth, ...]
    thin: tuple[bool, ...]
    error: Tensor | None = None
    """Estimated error of the last derivative's values, (M, T), in the output's own unit."""
    _best: Session | None = field(default=None, repr=False)
    """What derivatives run, once it was looked for: the rest in float64, or else `back`."""
    _grown: tuple[Frontier, int, tuple[Tensor, ...]] | None = field(default=None, repr=False)

    def prefix(self, images: Tensor) -> Frontier:
        """Run up to the layer."""
        activation, *live = self.network.run(self.front, self.network.encode(images))
        return Frontier(activation, tuple(live), len(images), self.key(self.layer.name, images))

    def suffix(self, frontier: Frontier, activation: Tensor) -> Tensor:
        """Scores (B, K) of the rest on `activation` (B, ...)."""
        frontier.check(activation, self.layer.name)
        return self._answer(self.back, frontier, activation.to(frontier.activation)).float()

    def derivative(
        self, frontier: Frontier, directions: Tensor, targets: Sequence[Target], output: Output
    ) -> Tensor:
        """Central differences of the scores, (M, T), in float64 where onnxruntime has it.

        Their estimated error is kept in `error`.
        """
        back, frontier = self._at_best(frontier)
        base, slopes, error = differentiate(
            lambda activation: self._answer(back, frontier, activation),
            frontier.activation,
            directions.to(frontier.activation.device),
        )
        changed, blurred = (
            chain(lambda scores: self.probabilities(scores, output), base, each)
            for each in (slopes, slopes + error)
        )
        columns = [torch.stack([t.select(each) for t in targets], 1) for each in (changed, blurred)]
        self.error = (columns[0] - columns[1]).abs().float()
        return columns[0].float()

    def holds(self, images: Tensor, expected: Tensor) -> bool:
        """Whether the halves equal the whole for one image's frontier and several activations.

        Tries first with live tensors broadcast where that should do, then with copies.
        """
        for thin in (self.thin, (False,) * len(self.thin)):
            self.thin, self._grown = thin, None
            try:
                frontier = self.prefix(images[:1])
                same = frontier.activation.expand(3, *frontier.activation.shape[1:])
                found = self.suffix(frontier, same)
                if close(found, expected[:1].expand(3, -1), EXACT):
                    return True
            except Exception:  # onnxruntime's errors share no class
                continue
        return False

    def _at_best(self, frontier: Frontier) -> tuple[Session, Frontier]:
        """The rest in float64 with a frontier for it, or as it is where that cannot be had."""
        wide = widened(frontier)
        if self._best is None:
            self._best = self._open_double(frontier, wide) or self.back
        return self._best, frontier if self._best is self.back else wide

    def _open_double(self, frontier: Frontier, wide: Frontier) -> Session | None:
        """The rest in float64, if onnxruntime has it and it answers as the rest does."""
        try:
            part = to_double(self.halves.suffix(), self.halves.shapes)
            session = self.network.engine.session(part)
            found = self._answer(session, wide, wide.activation)
        except Exception:  # onnxruntime's errors share no class
            return None
        same = close(found, self.suffix(frontier, frontier.activation), EXACT)
        return session if same else None

    def _answer(self, back: Session, frontier: Frontier, activation: Tensor) -> Tensor:
        """What a session of the rest answers, (B, K)."""
        if self.network.batch is not None:
            return self._singly(back, frontier, activation)
        return flat(back(activation, *self._live(frontier, len(activation)))[0])

    def _live(self, frontier: Frontier, batch: int) -> tuple[Tensor, ...]:
        """The frontier's live tensors for `batch` images; the last ones grown are kept."""
        live: tuple[Tensor, ...] = frontier.live  # type: ignore[assignment]
        if frontier.batch == batch:
            return live
        if self._grown is None or self._grown[0] is not frontier or self._grown[1] != batch:
            rules = zip(live, self.growth, self.thin, strict=True)
            grown = tuple(each if thin else rule.grow(each, batch) for each, rule, thin in rules)
            self._grown = (frontier, batch, grown)
        return self._grown[2]

    def _singly(self, back: Session, frontier: Frontier, activation: Tensor) -> Tensor:
        """Image by image, where the graph takes no more than one."""
        scores = []
        for index in range(len(activation)):
            row = index if frontier.batch > 1 else 0
            live = [_part(each, row, frontier.batch) for each in frontier.live]  # type: ignore[arg-type]
            scores.append(flat(back(activation[index : index + 1], *live)[0]))
        return torch.cat(scores)


def make_cut(
    layer: Layer,
    network: Network,
    probabilities: Probabilities,
    key: Callable[[str, Tensor], str],
    halves: Halves,
    probe: Tensor,
) -> OnnxCut:
    """Sessions for both halves, and how live tensors grow, from three preprocessed images."""
    front, back = (network.engine.session(each) for each in (halves.prefix(), halves.suffix()))
    growth: tuple[Growth, ...] = ()
    if network.batch is None and halves.live:
        two, three = front(probe[:2])[1:], front(probe)[1:]
        growth = tuple(Growth(a, b) for a, b in zip(two, three, strict=True))
    return OnnxCut(layer, network, probabilities, key, halves, front, back, growth, halves.thin)


def _part(value: Tensor, index: int, count: int) -> Tensor:
    """One image's share of a tensor that holds several one after another."""
    return value if value.dim() == 0 else value.chunk(count)[index]
