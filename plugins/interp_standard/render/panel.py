"""Images as panels: resized, muted, overlaid with importance, outlined by part."""

import cv2
import numpy as np

from interp.method import Style
from interp_standard.render.colour import blend
from interp_standard.render.scale import Scale

TALLEST = 3
"""Largest ratio of a panel's height to its width; taller images get a narrower panel."""

LINE = 120.0


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


def muted(picture: np.ndarray, colour: float, light: float) -> np.ndarray:
    """The picture desaturated to a share `colour` and lightened by a share `light`."""
    grey = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    toned = picture * colour + grey[..., None] * (1 - colour)
    return toned * (1 - light) + 255 * light


def overlay(picture: np.ndarray, values: np.ndarray, scale: Scale, opacity: float) -> np.ndarray:
    """The picture (h, w, 3) with the colours of values (h, w) blended over it, float RGB."""
    share = scale.share(values)
    return blend(picture, scale.colour(share), scale.alpha(share, opacity))


def tinted(
    image: np.ndarray | None,
    share: np.ndarray,
    scale: Scale,
    style: Style,
    colour: float = 0.35,
    light: float = 0.1,
) -> np.ndarray:
    """The muted image under the colours of shares (h, w) of the scale, float RGB (h, w, 3)."""
    under = muted(backdrop(image, share.shape[:2]), colour, light)
    relative = Scale(1.0, 1.0, scale.signed, style.threshold)
    return overlay(under, share, relative, style.opacity)


def outline(labels: np.ndarray) -> np.ndarray:
    """(h, w) bool: pixels that border on another part; none where parts are tiny."""
    edge = np.zeros(labels.shape, bool)
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edge[:-1] |= labels[:-1] != labels[1:]
    return edge if edge.mean() < 0.4 else np.zeros(labels.shape, bool)
