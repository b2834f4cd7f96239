"""The colour scale of a picture, with its bar and notes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from interp.evidence import Evidence
from interp.method import Style
from interp.result.draw import colour_limit
from interp_standard.render import canvas
from interp_standard.render.colour import diverging, sequential, to_pixels

HIDDEN = (222.0, 222.0, 222.0)
BAR = 12


def number(value: float, digits: int = 3) -> str:
    """A number with so many significant digits; whole numbers below a million in full, no -0."""
    whole = abs(value) < 1e6 and (value == round(value) or abs(value) >= 1000)
    return f"{value + 0.0:.{0 if whole else digits}{'f' if whole else 'g'}}"


@dataclass(frozen=True)
class Scale:
    """Maps [-limit, limit], or [0, limit] where unsigned, to colours.

    Values below the share `threshold` of the limit are not drawn.
    """

    limit: float
    largest: float
    signed: bool = True
    threshold: float = 0.0
    unit: str = ""
    from_white: bool = False
    """Unsigned values in the colours of the signed scale's upper half."""

    @classmethod
    def of(cls, values: np.ndarray, style: Style, signed: bool = True, unit: str = "") -> Scale:
        """The style's shared scale, or the values' own."""
        largest = float(np.abs(values).max(initial=0) if signed else values.max(initial=0))
        return cls(style.scale or max(largest, 0.0), largest, signed, style.threshold, unit)

    @classmethod
    def of_map(cls, evidence: Evidence, values: np.ndarray, style: Style, signed: bool) -> Scale:
        """The scale of an importance map, as reports and the dashboard draw it."""
        limit = style.scale or colour_limit([evidence])
        unit = getattr(evidence, "unit", "")
        found = cls.of(values, replace(style, scale=limit), signed, unit)
        return replace(found, from_white=True)

    def share(self, values: np.ndarray) -> np.ndarray:
        """Values as shares of the limit, in [-1, 1] or [0, 1]; all 0 where the limit is 0."""
        if self.limit <= 0:
            return np.zeros(np.shape(values), np.float32)
        with np.errstate(over="ignore"):
            share = np.asarray(values, np.float64) / self.limit
        return np.clip(share, -1 if self.signed else 0, 1).astype(np.float32)

    def colour(self, share: np.ndarray) -> np.ndarray:
        """Float RGB (..., 3) of shares."""
        return diverging(share) if self.signed or self.from_white else sequential(share)

    def paint(self, share: np.ndarray) -> np.ndarray:
        """Float RGB (..., 3) of shares drawn without an image; those below the threshold grey."""
        return np.where(np.abs(share)[..., None] < self.threshold, HIDDEN, self.colour(share))

    def alpha(self, share: np.ndarray, opacity: float) -> np.ndarray:
        """Opacity of shares: the root, so that medium importance stays visible."""
        size = np.abs(share)
        return np.where(size < self.threshold, 0, opacity * np.sqrt(size))

    def notes(self) -> list[str]:
        """What the bar does not say: an all-zero map, clipped values, the threshold."""
        notes = []
        if self.largest <= 0:
            notes.append("all zero: nothing is important here")
        if self.largest > self.limit * 1.0001:
            notes.append(f"values reach {number(self.largest)}; drawn as {number(self.limit)}")
        if self.threshold > 0:
            notes.append(f"hidden: below {self.threshold:.0%} of the scale")
        return notes

    def bar(self, width: int) -> np.ndarray:
        """The colour bar with tick labels, zero in the middle where signed."""
        share = np.linspace(-1 if self.signed else 0, 1, width, dtype=np.float32)
        blocks = [np.repeat(to_pixels(self.paint(share))[None], BAR, 0), self._ticks(width)]
        if self.unit:
            words = f"{self.unit} (blue: against, red: for)" if self.signed else self.unit
            blocks.append(canvas.text(words, width, canvas.SMALL, canvas.SOFT, align="center"))
        return canvas.column(blocks, 2)

    def _ticks(self, width: int) -> np.ndarray:
        low = -1 if self.signed else 0
        shares = np.linspace(low, 1, 5) if self.limit > 0 else np.zeros(1)
        labels = [number(each * self.limit) for each in shares]
        if sum(canvas.text_width(each, canvas.SMALL) + 12 for each in labels) > width:
            shares, labels = shares[::2], labels[::2]
        sheet = canvas.blank(canvas.text_height(canvas.SMALL), width)
        for share, label in zip(shares, labels, strict=True):
            block = canvas.text(label, size=canvas.SMALL)
            spare = width - block.shape[1]
            left = (share - low) / (1 - low) * width - block.shape[1] / 2
            canvas.paste(sheet, block, 0, int(min(max(left, 0), spare)))
        return sheet
