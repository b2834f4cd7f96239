"""torchvision's detectors and segmentation models, however they were opened, and their readouts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from interp_torch.sources.opened import Opened

TRANSFORM = "GeneralizedRCNNTransform"
"""The submodule by which torchvision's detectors resize and normalise images themselves."""


SEGMENTERS = "torchvision.models.segmentation"
"""The package of torchvision's segmentation models, whose readout is `pixels`."""


def as_torchvision(opened: Opened) -> Opened:
    """What was opened, read as torchvision's detectors or segmentation models if it is one."""
    if type(opened.module).__module__.startswith(SEGMENTERS) and opened.readout is None:
        return replace(opened, readout="pixels")
    return _as_detector(opened)


def _as_detector(opened: Opened) -> Opened:
    """What was opened, with the input and the readout of torchvision's detectors if it is one.

    Images are given as they are, in [0, 1], at the size to which the detector would resize them;
    where it keeps their proportions, so does the input.
    """
    transform: Any = getattr(opened.module, "transform", None)
    if type(transform).__name__ != TRANSFORM or opened.readout is not None:
        return opened
    known: dict[str, Any] = {
        "size": transform.fixed_size or (transform.min_size[-1],) * 2,
        "resize": "squash" if transform.fixed_size else "letterbox",
        "mean": (0.0,) * 3,
        "std": (1.0,) * 3,
    }
    return replace(
        opened,
        input={**known, **opened.input},
        readout="boxes",
        notes=(*opened.notes, "a torchvision detector: it normalises images itself"),
    )
