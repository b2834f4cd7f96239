"""The kinds of evidence that explanations are made of, drawn and saved alike for any method.

A plugin adds a kind by subclassing Evidence (a frozen dataclass with a `kind` of its own) and
registering a renderer for it. Arrays are NumPy, in the original image's coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from interp.errors import InputError, nearest
from interp.short import fields_repr

KINDS: dict[str, type[Evidence]] = {}

POOR_FIT = 0.5
"""Pictures of evidence with an R^2 below this carry a warning."""
NO_FIT = -1.0
"""Below this R^2 there is no fit to speak of: how far below is no information."""


def fit_words(r2: float) -> str:
    """How well a map fits, in words: "R² 0.83", or that it does not fit at all."""
    return "does not fit at all" if r2 < NO_FIT else f"R² {r2:.2f}"


def is_poor(share: float | None) -> bool:
    """Whether a share of variance, an R² or a reliability, is below half: the one rule for poor."""
    return share is not None and share < POOR_FIT


def marked_fit(r2: float) -> str:
    """The fit in words, marked where it is poor: "R² 0.21, poor"."""
    return f"{fit_words(r2)}, poor" if NO_FIT <= r2 < POOR_FIT else fit_words(r2)


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence:
    """One piece of evidence: its name, what it is about, and how far to trust it."""

    kind: ClassVar[str] = ""
    """The kind's name in files; renderers are registered for it."""
    name: str
    """What a reader calls it, such as "map"; unique for a target and image."""
    target: str | None = None
    """The class that it explains; None for all classes."""
    image: int | None = None
    """Index of the image that it is about; None for no single image."""
    layer: str | None = None
    r2: float | None = None
    """Centred R^2 of the fit behind it, on samples that were not fitted."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Evidence.__repr__  # type: ignore[method-assign]
        if cls.kind:
            KINDS[cls.kind] = cls

    def __repr__(self) -> str:
        return fields_repr(self)

    def check(self) -> None:
        """Raise InputError unless every array is finite and of the declared shape."""
        for name, value in self.arrays().items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise InputError(f"{self.kind} {self.name!r}: {name} holds NaN or infinity")

    def map(self) -> np.ndarray | None:
        """Importance per pixel of the image, (H, W), signed; None for evidence without a map."""
        return None

    def extent(self) -> tuple[int, ...] | None:
        """Height and width of the image that it lies over; None where it lies over none."""
        values = self.map()
        return None if values is None else values.shape

    def error_map(self) -> np.ndarray | None:
        """Standard error of the map, (H, W), where it is known."""
        return None

    def arrays(self) -> dict[str, np.ndarray]:
        """The fields that are arrays, by name."""
        return {n: value for n, value in self._fields() if isinstance(value, np.ndarray)}

    def plain(self) -> dict[str, Any]:
        """The fields that are not arrays, by name, for JSON."""
        return {n: value for n, value in self._fields() if not isinstance(value, np.ndarray)}

    def _fields(self) -> list[tuple[str, Any]]:
        return [(each.name, getattr(self, each.name)) for each in fields(self)]

    def _expect(self, condition: bool, wanted: str) -> None:
        if not condition:
            shapes = {name: value.shape for name, value in self.arrays().items()}
            raise InputError(f"{self.kind} {self.name!r}: found {shapes}; expected {wanted}")


@dataclass(frozen=True, eq=False, kw_only=True)
class Heatmap(Evidence):
    """Importance per pixel, values (H, W), not normalised; `signed` unless none can be negative.

    `unit` is that of the values; standard_error (H, W).
    """

    kind: ClassVar[str] = "heatmap"
    values: np.ndarray
    signed: bool = True
    unit: str = "score"
    standard_error: np.ndarray | None = None

    def check(self) -> None:
        super().check()
        self._expect(self.values.ndim == 2, "values (H, W)")

    def map(self) -> np.ndarray:
        return self.values

    def error_map(self) -> np.ndarray | None:
        return self.standard_error


@dataclass(frozen=True, eq=False, kw_only=True)
class Tile(Evidence):
    """A map drawn without legend, for pages that put text and legend beside it.

    values (h, w) are shares of the colour scale: in [-1, 1], or in [0, 1] unless `signed`. `peak`
    is where the map is largest, down and across as shares, which is marked.
    """

    kind: ClassVar[str] = "tile"
    values: np.ndarray
    signed: bool = True
    peak: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Regions(Evidence):
    """A partition of the image, and each part's importance.

    labels (H, W) in 0..P-1, -1 where the model sees nothing; importance (P,); selected (P,) bool
    marks the parts that the method points out; standard_error (P,).
    """

    kind: ClassVar[str] = "regions"
    labels: np.ndarray
    importance: np.ndarray
    selected: np.ndarray | None = None
    standard_error: np.ndarray | None = None
    unit: str = "score"

    def check(self) -> None:
        super().check()
        parts = self.importance.shape
        self._expect(self.labels.ndim == 2 and len(parts) == 1, "labels (H, W), importance (P,)")
        self._expect(int(self.labels.max()) < parts[0], "labels below the number of parts")
        for each in (self.selected, self.standard_error):
            self._expect(each is None or each.shape == parts, "one entry per part")

    def map(self) -> np.ndarray:
        """Each pixel's importance is its part's, (H, W); 0 where the model sees nothing."""
        return np.append(self.importance, 0.0)[self.labels]

    def error_map(self) -> np.ndarray | None:
        errors = self.standard_error
        return None if errors is None else np.append(errors, 0.0)[self.labels]

    def mask(self) -> np.ndarray:
        """The selected parts, (H, W) bool."""
        chosen = np.zeros(len(self.importance), bool) if self.selected is None else self.selected
        return np.append(chosen, False)[self.labels]


@dataclass(frozen=True, eq=False, kw_only=True)
class Outline(Evidence):
    """Where in the image the target's score belongs: a box that was found, or the pixels of a part.

    box (4,) is x0, y0, x1, y1 in pixels of the image; mask (H, W) bool where it is known closely.
    """

    kind: ClassVar[str] = "outline"
    box: np.ndarray
    mask: np.ndarray | None = None

    def check(self) -> None:
        super().check()
        self._expect(self.box.shape == (4,), "box (4,)")
        self._expect(self.mask is None or self.mask.ndim == 2, "mask (H, W)")

    def extent(self) -> tuple[int, ...] | None:
        return None if self.mask is None else self.mask.shape


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelImportance(Evidence):
    """Importance of each channel of a layer, values (C,) with standard_error (C,).

    `word` names the entries where they are no channels of the model.
    """

    kind: ClassVar[str] = "channel_importance"
    values: np.ndarray
    standard_error: np.ndarray | None = None
    word: str = "channel"

    def check(self) -> None:
        super().check()
        self._expect(self.values.ndim == 1, "values (C,)")


@dataclass(frozen=True, eq=False, kw_only=True)
class Pathway(Evidence):
    """Which filters are on: layer -> (filters,) in [0, 1], laid end to end in `states`.

    `signed`: differences of two paths, in [-1, 1]. `on` and `off` say what 1 and 0 (or -1) mean.
    """

    kind: ClassVar[str] = "pathway"
    states: np.ndarray
    layers: dict[str, int]
    signed: bool = False
    on: str = "on"
    off: str = "off"

    def check(self) -> None:
        super().check()
        self._expect(self.states.shape == (sum(self.layers.values()),), "one state per filter")
        least = -1 if self.signed else 0
        inside = bool(((self.states >= least) & (self.states <= 1)).all())
        self._expect(inside, f"states in [{least}, 1]")


@dataclass(frozen=True, eq=False, kw_only=True)
class PartMaps(Evidence):
    """Maps of filters over the image, (F, H, W), with each one's peak (F, 2) as (y, x)."""

    kind: ClassVar[str] = "part_maps"
    maps: np.ndarray
    peaks: np.ndarray
    filters: list[int]

    def check(self) -> None:
        super().check()
        count = len(self.filters)
        self._expect(self.maps.ndim == 3 and len(self.maps) == count, "maps (F, H, W)")
        self._expect(self.peaks.shape == (count, 2), "peaks (F, 2)")

    def extent(self) -> tuple[int, ...] | None:
        return self.maps.shape[1:]


@dataclass(frozen=True, eq=False, kw_only=True)
class Concepts(Evidence):
    """Named concepts: where each one is in the image, maps (K, H, W), and its importance (K,).

    A map is `signed` where it can speak against its concept. `unit` is that of the importance;
    standard_error (K,).
    """

    kind: ClassVar[str] = "concepts"
    maps: np.ndarray
    importance: np.ndarray
    names: list[str]
    signed: bool = False
    unit: str = "importance"
    standard_error: np.ndarray | None = None

    def check(self) -> None:
        super().check()
        count = (len(self.names),)
        self._expect(self.maps.ndim == 3 and self.maps.shape[:1] == count, "maps (K, H, W)")
        for each in (self.importance, self.standard_error):
            self._expect(each is None or each.shape == count, "one entry per concept")

    def extent(self) -> tuple[int, ...] | None:
        return self.maps.shape[1:]


@dataclass(frozen=True, eq=False, kw_only=True)
class Matrix(Evidence):
    """A matrix of values (R, C) with named rows and columns."""

    kind: ClassVar[str] = "matrix"
    values: np.ndarray
    rows: list[str]
    columns: list[str]
    signed: bool = True

    def check(self) -> None:
        super().check()
        self._expect(self.values.shape == (len(self.rows), len(self.columns)), "values (R, C)")


@dataclass(frozen=True, eq=False, kw_only=True)
class Gallery(Evidence):
    """Pictures of one size with captions, (N, H, W, 3) uint8 RGB."""

    kind: ClassVar[str] = "gallery"
    pictures: np.ndarray
    captions: list[str]

    def check(self) -> None:
        super().check()
        self._expect(self.pictures.shape[3:] == (3,), "pictures (N, H, W, 3)")
        self._expect(len(self.pictures) == len(self.captions), "one caption per picture")


@dataclass(frozen=True, eq=False, kw_only=True)
class Table(Evidence):
    """A table of plain values with named columns."""

    kind: ClassVar[str] = "table"
    columns: list[str]
    rows: list[list[Any]] = field(default_factory=list)

    def check(self) -> None:
        super().check()
        self._expect(all(len(row) == len(self.columns) for row in self.rows), "rows of one length")


@dataclass(frozen=True, eq=False, kw_only=True)
class Curve(Evidence):
    """One or more named curves, values (S, N), over a common x (N,)."""

    kind: ClassVar[str] = "curve"
    x: np.ndarray
    values: np.ndarray
    series: list[str]
    x_label: str = "x"
    y_label: str = "y"

    def check(self) -> None:
        super().check()
        wanted = (len(self.series), *self.x.shape)
        self._expect(self.x.ndim == 1 and self.values.shape == wanted, "x (N,), values (S, N)")


def evidence_of(kind: str, values: dict[str, Any]) -> Evidence:
    """Evidence of a kind, made from its fields. Raises InputError for an unknown kind.

    The package that defines the kind must be imported: Registry.know_evidence sees to that.
    """
    if kind not in KINDS:
        raise InputError(
            f"evidence of kind {kind!r} is unknown here; {nearest(kind, KINDS)}; install the "
            "package that defines it, or name its registry file with --registry"
        )
    return KINDS[kind](**values)
