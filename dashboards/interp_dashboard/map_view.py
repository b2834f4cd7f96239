"""Maps drawn by the browser: opacity, threshold and values under the pointer need no server."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from interp.comparison.result import Comparison, MethodCell, Outcome
from interp.evidence import Tile
from interp.method import Style
from interp.plain_text import html
from interp.registry import Registry
from interp.report.panel import Panel
from interp.report.picture import Painter, picture
from interp.report.section import section
from interp.result.draw import draw_evidence, outlined, photo
from interp.result.peak import RADIUS, peak
from interp.result.plot import balanced

HERE = Path(__file__).parent
WIDTH = 320
ACROSS = 5
"""The most maps side by side."""
STEPS = 513
"""Colours from -1 to 1, zero in the middle."""
LEVELS = 32767


@dataclass(frozen=True)
class Map:
    """A method's map for the browser: `values` are int16 shares of `top`, (height, width), base64.

    `under` is the image beneath the map as a data URI, `full` the |value| drawn in full colour,
    `peak` where a ring marks the largest value, down and across as shares. A `photo` is the image
    itself; it begins a row.
    """

    method: str
    summary: str
    error: str | None
    waiting: bool
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    under: str = ""
    values: str = ""
    width: int = 0
    height: int = 0
    top: float = 0.0
    full: float = 0.0
    unit: str = ""
    alt: str = ""
    peak: tuple[float, float] | None = None
    photo: bool = False


def photo_tile(found: Comparison, at: int) -> Map:
    """The image in its own colours, to stand before its maps."""
    case = found.cases[at]
    shown = picture(photo(case.image, WIDTH), f"The image {case.name}")
    return Map("the image", case.name, None, False, (), (), shown.uri, alt=shown.alt, photo=True)


def maps(registry: Registry, found: Comparison, at: int, target: str) -> list[Map]:
    """Every method's map of an image and target."""
    record, case = found.records[at], found.cases[at]
    painter = Painter(registry, WIDTH)
    groups = section(painter, found, record, case, further=False).groups
    panels = next(each.panels for each in groups if each.target == target)
    nothing = np.zeros(case.image.shape[:2], np.float32)

    def under(cell: MethodCell) -> np.ndarray:
        """The image as reports draw it under a map."""
        about = cell.explanation
        image = case.image if about is None else outlined(case.image, about, target)
        return _tile(registry, nothing, image)

    return [
        _map(
            panel,
            cell,
            target,
            outcome,
            found.scales[cell.method],
            under(cell),
        )
        for panel, cell, outcome in zip(panels, case.cells, record.outcomes, strict=True)
    ]


def _map(
    panel: Panel,
    cell: MethodCell,
    target: str,
    outcome: Outcome,
    full: float,
    under: np.ndarray,
) -> Map:
    import cv2

    mapped = cell.maps_by_target([target]).get(target)
    values = None if mapped is None else mapped.map()
    told = [str(each) for each in panel.trust if each.state != "poor"]
    poor = [str(each) for each in panel.trust if each.state == "poor"]
    words = Map(
        panel.method,
        panel.summary,
        panel.error,
        cell.waiting,
        tuple(each for each in (panel.scale, _cost(outcome), *told) if each),
        (*panel.warnings, *poor),
        alt="" if panel.picture is None else panel.picture.alt,
    )
    if values is None:
        return words if panel.picture is None else replace(words, under=panel.picture.uri)
    height, width = under.shape[:2]
    top = float(np.abs(values).max()) or 1.0
    method = cv2.INTER_AREA if width < values.shape[1] else cv2.INTER_LINEAR
    fitted = cv2.resize((values / top).astype(np.float32), (width, height), interpolation=method)
    shares = np.rint(np.clip(fitted, -1, 1) * LEVELS).astype("<i2")
    return replace(
        words,
        under=picture(under, "").uri,
        values=base64.b64encode(shares.tobytes()).decode("ascii"),
        width=width,
        height=height,
        top=top,
        full=full,
        unit=getattr(mapped, "unit", ""),
        peak=peak(values),
    )


def _cost(outcome: Outcome) -> str:
    if not outcome.seconds:
        return ""
    samples = f"{outcome.samples:,} samples, " if outcome.samples else ""
    return samples + (f"{outcome.seconds:.1f} s" if outcome.seconds >= 0.05 else "under 0.1 s")


def _tile(registry: Registry, share: np.ndarray, image: np.ndarray | None) -> np.ndarray:
    width = WIDTH if image is not None else share.shape[1]
    tile = Tile(name="tile", values=share.astype(np.float32))
    return draw_evidence(registry, tile, image, Style(width=width))


def colours(registry: Registry) -> np.ndarray:
    """The scale's colours from -1 to 1, (513, 3) uint8, as the renderer of tiles draws them."""
    share = np.repeat(np.linspace(-1, 1, STEPS, dtype=np.float32)[None], 3, 0)
    return _tile(registry, share, None)[1]


@cache
def _component() -> Any:
    return st.components.v2.component(
        "interp_maps",
        html='<div class="maps"></div>',
        css=(HERE / "maps.css").read_text("utf-8"),
        js=(HERE / "maps.js").read_text("utf-8"),
    )


def _plain(value: Any) -> Any:
    """The value with its texts as `visible`."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return html(value)


def show_maps(registry: Registry, tiles: list[Map], key: str) -> None:
    """Show maps side by side under common sliders."""
    scale = base64.b64encode(colours(registry).tobytes()).decode("ascii")
    style, rows = Style(), max(1, sum(each.photo for each in tiles))
    data = {
        "maps": [_plain(asdict(each)) for each in tiles],
        "colours": scale,
        "opacity": style.opacity,
        "threshold": style.threshold,
        "ring": RADIUS,
        "across": balanced(len(tiles) // rows, ACROSS),
        "rows": rows,
    }
    _component()(data=data, key=key)
