"""A detector whose boxes are known by hand, in the layouts of others."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

SIDE, CELL = 32, 8
"""The input's side and that of a cell, in pixels."""
NAMES = ("red", "blue")
PLACES = {"red": (1, 1), "blue": (2, 3)}
"""Colour -> the row and column of the cell that `picture` fills with it."""


class Colours(nn.Module):
    """Finds red and blue squares: a box of 8 x 8 pixels in each cell of a 4 x 4 grid.

    A cell's probability of a colour is sigmoid(8 (mean of the colour - .5)), its objectness the
    larger of both. In each layout the boxes are the same.
    """

    def __init__(self, layout: str = "yolov5") -> None:
        super().__init__()
        self.layout = layout
        self.pool = nn.AvgPool2d(CELL)
        middle = (torch.arange(SIDE // CELL) + 0.5) * CELL
        y, x = torch.meshgrid(middle, middle, indexing="ij")
        sides = torch.full((16,), float(CELL))
        self.register_buffer("boxes", torch.stack([x.flatten(), y.flatten(), sides, sides], 1))

    def forward(self, images: Tensor) -> object:
        means = self.pool(images).flatten(2).transpose(1, 2)[..., ::2]  # (N, 16, 2)
        logits = 8 * (means - 0.5)
        classes = logits.sigmoid()
        boxes = self.boxes + 0 * means[..., :1]  # (N, 16, 4)
        objectness = classes.amax(2, keepdim=True)
        if self.layout == "yolov5":
            return torch.cat([boxes, objectness, classes], 2)
        if self.layout == "yolov8":
            return torch.cat([boxes, classes], 2).transpose(1, 2)
        if self.layout == "detr":
            return {"logits": logits, "pred_boxes": boxes / SIDE}
        corners = torch.cat([boxes[..., :2] - CELL / 2, boxes[..., :2] + CELL / 2], 2)
        if self.layout == "ssd":
            return corners, classes
        scores, labels = classes.max(2)
        rows = zip(corners, labels, scores, strict=True)
        return [{"boxes": box, "labels": label, "scores": score} for box, label, score in rows]


def picture(scale: int = 1) -> np.ndarray:
    """A black image of 32 x 32 pixels with a red and a blue square, enlarged by a whole number."""
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    for name, (row, column) in PLACES.items():
        place = slice(row * CELL, (row + 1) * CELL), slice(column * CELL, (column + 1) * CELL)
        image[place][..., 0 if name == "red" else 2] = 255
    return image.repeat(scale, 0).repeat(scale, 1)


def to_onnx(module: nn.Module, path: Path, outputs: tuple[str, ...]) -> str:
    """Export the detector with a free batch and outputs of these names."""
    axes = {name: {0: "n"} for name in ("image", *outputs)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            (torch.rand(2, 3, SIDE, SIDE),),
            str(path),
            dynamo=False,
            input_names=["image"],
            output_names=list(outputs),
            dynamic_axes=axes,
        )
    return str(path)
