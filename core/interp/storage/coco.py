"""COCO's annotation format: the document, and masks as run lengths or polygons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError
from interp.storage.folder import read_json

Json = dict[str, Any]
DOCUMENT = "annotations.json"


def read_coco(folder: Path) -> Json:
    """The annotations of a COCO folder. Raises InputError for what is not COCO JSON."""
    file = folder / DOCUMENT
    document = read_json(file)
    lists = ("images", "categories", "annotations")
    if not isinstance(document, dict) or not all(
        isinstance(document.get(key), list) for key in lists
    ):
        raise InputError(f"{file}: expected COCO JSON with lists of {', '.join(lists)}")
    return document


def keypoints(centres: dict[str, tuple[float, float]], names: list[str]) -> Json:
    """COCO's flat [x, y, v, ...] over all part names; v = 2 where the part is seen."""
    flat: list[float] = []
    for name in names:
        flat += [*centres[name], 2] if name in centres else [0, 0, 0]
    return {"keypoints": flat, "num_keypoints": len(centres)}


def run_lengths(mask: np.ndarray | None) -> Json | None:
    """A mask (H, W) bool as COCO's uncompressed run lengths: by columns, the off pixels first."""
    if mask is None:
        return None
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    first = [0] if flat[0] else []
    counts = np.diff(np.concatenate([[0], edges, [flat.size]]))
    return {"size": list(mask.shape), "counts": first + counts.tolist()}


def to_mask(segmentation: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """The mask (H, W) bool that run lengths or polygons describe; None for an empty one."""
    if not segmentation:
        return None
    if isinstance(segmentation, list):
        return _fill(segmentation, shape)
    counts = segmentation["counts"]
    if isinstance(counts, str):
        raise InputError(
            "found compressed run lengths; expected polygons or uncompressed counts; "
            "convert them with pycocotools"
        )
    height, width = segmentation["size"]
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(width, height).T


def _fill(polygons: list[list[float]], shape: tuple[int, ...]) -> np.ndarray:
    import cv2

    canvas = np.zeros(shape, np.uint8)
    for polygon in polygons:
        corners = np.round(np.array(polygon).reshape(-1, 2) - 0.5).astype(np.int32)
        cv2.fillPoly(canvas, [corners], (1,))
    return canvas.astype(bool)
