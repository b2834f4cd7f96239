"""Regions of an image: the selected ones, and each in the colour of its importance."""

import cv2
import numpy as np

from interp.evidence import Evidence, Regions
from interp.method import Renderer, Style
from interp.result.peak import draw_ring, peak
from interp_standard.render.canvas import INK, SMALL, WHITE, column, pad, stamp, text
from interp_standard.render.colour import to_pixels
from interp_standard.render.page import NARROWEST, of_kind, page
from interp_standard.render.panel import (
    LINE,
    RING,
    backdrop,
    ground,
    outline,
    overlay,
    panel_size,
    resize_labels,
)
from interp_standard.render.scale import Scale

NOTHING = "no region: nothing supports this class"
UNSEEN = 205.0


class RegionsRenderer(Renderer):
    """The selected parts, where a method selects any, and below them each part's importance."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Regions)
        size = panel_size((evidence.labels if image is None else image).shape, style.width)
        labels = resize_labels(evidence.labels, size)
        picture = backdrop(image, size, empty=150)
        scale = Scale.of_map(evidence, evidence.importance, style, signed=True)
        top = peak(evidence.map())
        panels = [_importance(evidence, labels, picture, scale, style, top)]
        if evidence.selected is not None:
            panels.insert(0, _selection(evidence.selected, labels, picture))
        unseen = ["flat grey: not seen by the model"] if (labels < 0).any() else []
        ring = [] if top is None else [RING]
        return page(evidence, column(panels, 16), [*scale.notes(), *ring, *unseen])


def _selection(selected: np.ndarray, labels: np.ndarray, picture: np.ndarray) -> np.ndarray:
    mask = _per_pixel(selected, labels, False).astype(bool)
    faded = _outlined(_faded(picture, labels), labels)
    rim = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~mask
    faded[rim] = INK
    panel = to_pixels(np.where(mask[..., None], picture, faded))
    if not mask.any():
        sign = text(NOTHING, min(panel.shape[1], 220) - 16, align="center")
        panel = stamp(panel, pad(pad(sign, 7), 1, INK))
    share = f"{mask.mean():.0%} of the image"
    return _titled(f"selected: {int(np.sum(selected))} of {len(selected)} parts, {share}", [panel])


def _importance(
    evidence: Regions,
    labels: np.ndarray,
    picture: np.ndarray,
    scale: Scale,
    style: Style,
    top: tuple[float, float] | None,
) -> np.ndarray:
    values = _per_pixel(evidence.importance, labels, 0.0)
    coloured = overlay(_faded(picture, labels), values, scale, style.opacity)
    panel = to_pixels(_outlined(coloured, labels))
    if top is not None:
        draw_ring(panel, top)
    return _titled("importance of each part", [panel, scale.bar(max(panel.shape[1], NARROWEST))])


def _titled(title: str, blocks: list[np.ndarray]) -> np.ndarray:
    width = max(NARROWEST, *(block.shape[1] for block in blocks))
    return column([text(title, width, SMALL, paper=WHITE), *blocks], align="center")


def _per_pixel(values: np.ndarray, labels: np.ndarray, unseen: float) -> np.ndarray:
    return np.take(np.append(values, unseen), labels)  # label -1 takes the appended one


def _faded(picture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    faded = ground(picture)
    faded[labels < 0] = UNSEEN
    return faded


def _outlined(picture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    drawn = picture.copy()
    drawn[outline(labels)] = LINE
    return drawn
