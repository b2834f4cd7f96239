"""Data sets: images with their class and, where known, boxes, masks and part positions."""

from interp.dataset.coco import CocoFile, write_coco
from interp.dataset.example import Box, Dataset, Example, Instance, Part, StreamedDataset
from interp.dataset.files import (
    ImageArrays,
    ImageFiles,
    WholeImages,
    for_channels,
    open_dataset,
)
from interp.dataset.tolerant import TolerantReader, reading_notes

__all__ = [
    "Box",
    "CocoFile",
    "Dataset",
    "Example",
    "ImageArrays",
    "ImageFiles",
    "Instance",
    "Part",
    "StreamedDataset",
    "TolerantReader",
    "WholeImages",
    "for_channels",
    "open_dataset",
    "reading_notes",
    "write_coco",
]
