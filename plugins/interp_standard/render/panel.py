"""Images as panels: resized, muted, overlaid with importance, outlined by part."""

from dataclasses import replace

import cv2
import numpy as np

from interp.method import Style
from interp.result.peak import draw_ring
from interp_standard.render.colour import blend, to_pixels
from interp_standard.render.scale import Scale

TALLEST = 3
"""Largest ratio of a panel's height to its width; taller images get a narrower panel."""

LINE = 120.0
RING = "ring: where the map is largest"
LIGHT = 0.35
"""How far the image below a map is lightened towards white."""


def panel_size(shape: tuple[int, ...], width: int) -> tuple[int, int]:
    """(h, w) of the panel of an image of this shape, its aspect kept."""
    height = width * shape[0] / shape[1]
    shrink = min(1.0, TALLEST * width / height)
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def resize(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels or a map at another size, averaged or interpolated, float32."""
    shrinks = size[0] < values.shape[0] or size[1] < values.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values.astype(np.float32), size[::-1], interpolation=method))


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels at another size, each from the pixel under its centre."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int)
        for new, old in zip(size, labels.shape, strict=True)
    )
    fitted: np.ndarray = labels[rows][:, columns]
    return fitted


def backdrop(image: np.ndarray | None, size: tuple[int, int], empty: float = 240) -> np.ndarray:
    """The image at panel size, float RGB; one grey where there is no image."""
    if image is None:
        return np.full((*size, 3), empty, np.float32)
    return resize(image, size)


def ground(picture: np.ndarray) -> np.ndarray:
    """The picture (h, w, 3) in light grey: beside a map's colours its own would be taken for them.

    It is the same below every map, so that a map looks the same wherever it is drawn.
    """
    grey = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.repeat((grey * (1 - LIGHT) + 255 * LIGHT)[..., None], 3, 2)


def overlay(picture: np.ndarray, values: np.ndarray, scale: Scale, opacity: float) -> np.ndarray:
    """The picture (h, w, 3) with the colours of values (h, w) blended over it, float RGB."""
    share = scale.share(values)
    return blend(picture, scale.colour(share), scale.alpha(share, opacity))


def over_image(
    image: np.ndarray | None,
    share: np.ndarray,
    scale: Scale,
    style: Style,
    peak: tuple[float, float] | None,
) -> np.ndarray:
    """Colours of shares (h, w) of the scale over the image, (h, w, 3) uint8, a ring at the peak."""
    under = ground(backdrop(image, share.shape[:2]))
    relative = replace(scale, limit=1.0, largest=1.0)
    picture = to_pixels(overlay(under, share, relative, style.opacity))
    if peak is not None:
        draw_ring(picture, peak)
    return picture


def outline(labels: np.ndarray) -> np.ndarray:
    """(h, w) bool: pixels that border on another part; none where parts are tiny."""
    edge = np.zeros(labels.shape, bool)
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edge[:-1] |= labels[:-1] != labels[1:]
    return edge if edge.mean() < 0.4 else np.zeros(labels.shape, bool)
