"""The preprocessing of a transformers model, read from its image processor and compared with it."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import torch

from interp.network.placement import place
from interp.network.preprocess import encode
from interp.spec import InputSpec

BYTE = 1 / 255
SAME = 0.05
"""How far two preparations of a smooth image may be apart on average, in units of the input."""
WIDER = {"LevitImageProcessor": 256 / 224}
"""By how much a processor scales the short side beyond the size that it states."""


def open_preprocessing(
    library: ModuleType, name: str, config: Any, arguments: Mapping[str, Any]
) -> tuple[dict[str, object], list[str]]:
    """Size, crop and normalisation of a model, and notes on what was assumed or is left out."""
    side, processor = _side(config), _saved(library, name)
    notes = []
    if processor is None:
        processor = _usual(library, config)
        arguments = {**arguments, "image_size": side}
        if processor is None:
            return ({"size": side} if side else {}), []
        notes = [f"no preprocessing is saved with it; that of {_kind(processor)} is assumed"]
    fields = _fields(processor.to_dict(), _kind(processor))
    if side is not None and "image_size" in arguments:
        fields["size"] = side
        return fields, notes
    return fields, [*notes, *_differences(processor, fields)]


def _saved(library: ModuleType, name: str) -> Any:
    """The processor that was saved with the model; None where there is none."""
    try:
        return library.AutoImageProcessor.from_pretrained(name, trust_remote_code=False)
    except Exception:  # not saved with it, no network, of a class that is not installed
        return None


def _usual(library: ModuleType, config: Any) -> Any:
    """The processor of the model's type with its defaults; None where there is none."""
    try:
        found = library.IMAGE_PROCESSOR_MAPPING[type(config)]
        kinds = list(found.values() if isinstance(found, dict) else found)
        return next(each for each in reversed(kinds) if each is not None)()
    except Exception:  # a type without one, or whose defaults need a package that is missing
        return None


def _kind(processor: Any) -> str:
    """The processor's class, whatever library it works with."""
    return type(processor).__name__.removesuffix("Fast").removesuffix("Pil")


def _side(config: Any) -> tuple[int, int] | None:
    """The input size (h, w) in a model's configuration."""
    size = getattr(config, "image_size", None)
    if isinstance(size, int):
        return size, size
    return (int(size[0]), int(size[1])) if isinstance(size, (tuple, list)) else None


def _fields(found: Mapping[str, Any], kind: str) -> dict[str, object]:
    """The fields of InputSpec that a processor's own fields say."""
    scale = found.get("rescale_factor", BYTE) / BYTE if found.get("do_rescale") else 1 / BYTE
    normal = found.get("do_normalize") and found.get("image_mean") is not None
    mean, std = (found["image_mean"], found["image_std"]) if normal else ((0.0,) * 3, (1.0,) * 3)
    fields: dict[str, object] = {
        "mean": tuple(float(each) / scale for each in mean),
        "std": tuple(float(each) / scale for each in std),
        **_resizing(found, kind),
    }
    return {**fields, "order": "BGR"} if found.get("do_flip_channel_order") else fields


def _resizing(found: Mapping[str, Any], kind: str) -> dict[str, object]:
    """Size, way of resizing and crop."""
    size, crop = found.get("size") or {}, found.get("crop_size") or {}
    cropped = _pair(crop) if found.get("do_center_crop") else None
    short = size.get("shortest_edge")
    if short is None:
        whole = _pair(size)
        if whole is None or cropped is None or whole == cropped:
            return {"size": whole or cropped} if whole or cropped else {}
        return {"size": cropped, "resize": "squash"}
    if cropped is not None:
        share = cropped[0] / (short * WIDER.get(kind, 1))
        return {"size": cropped, "resize": "crop", "crop": min(1.0, share)}
    share = found.get("crop_pct")
    if share is not None and short < 384:  # ConvNeXt's rule
        return {"size": (short, short), "resize": "crop", "crop": float(share)}
    return {"size": (short, short), "resize": "squash" if share is not None else "crop"}


def _pair(size: Mapping[str, Any]) -> tuple[int, int] | None:
    height, width = size.get("height"), size.get("width")
    return (int(height), int(width)) if height and width else None


def _differences(processor: Any, fields: dict[str, object]) -> list[str]:
    """A note where the processor prepares a smooth image otherwise than `fields` say."""
    across, down = np.meshgrid(np.linspace(0, 255, 400), np.linspace(0, 255, 300))
    image = np.stack([across, down, 255 - across], 2).astype(np.uint8)
    spec = InputSpec.model_validate(fields)
    kind = f"the model's own {_kind(processor)}"
    try:
        wanted = processor(images=image, return_tensors="pt")["pixel_values"].float()
    except Exception:  # the processor's code
        return [f"{kind} fails on a test image; the input is prepared as the model's card says"]
    pixels = place((300, 400), spec).to_input(image, pad=0.5)
    found = encode(torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None], spec)
    if wanted.shape != found.shape:
        return [f"{kind} gives {tuple(wanted.shape)}, interp {tuple(found.shape)}"]
    apart = float((wanted - found).abs().mean())
    if apart <= SAME:
        return []
    return [
        f"{kind} does more than resizing, cropping and normalising: inputs differ by {apart:.2g}"
    ]
