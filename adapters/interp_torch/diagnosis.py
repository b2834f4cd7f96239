"""Why a forward pass fails: what the module would take instead, found by trying it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from interp.errors import first_line

Run = Callable[[Tensor], object]
SIDES = (224, 32, 64, 96, 112, 128, 160, 192, 256, 288, 299, 320, 384, 448, 512, 28)
"""Input sizes that networks are commonly made for, tried in this order."""
CHANNELS = (1, 4, 2, 6)
"""Numbers of channels other than three that are tried where no layer tells."""
PLACES = ("same device", "is on cpu", "on different device")
TYPES = ("should be the same", "same dtype", "expected scalar type", "but found Half")


def explain_failure(module: nn.Module, run: Run, images: Tensor, error: Exception) -> str:
    """What went wrong on preprocessed images (2, 3, h, w), and what to do; one line.

    `run` calls the module in the state that it failed in.
    """
    size = "x".join(map(str, images.shape[2:]))
    for look in (_inputs, _axes, _size, _channels, _frames, _kept, _kind):
        reason = look(module, run, images, error)
        if reason:
            return f"fails on images of {size}: {reason}"
    line = first_line(error)
    named = "" if isinstance(error, RuntimeError) else f"{type(error).__name__}: "
    return (
        f"fails on images of {size}: {named}{line}; it is given one batch of RGB images "
        f"{tuple(images.shape)}"
    )


def _inputs(module: nn.Module, _: Run, __: Tensor, ___: Exception) -> str | None:
    """Several inputs, by the signature of forward."""
    try:
        known = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return None
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [
        each.name
        for each in known
        if each.default is each.empty and each.kind in (*plain, inspect.Parameter.KEYWORD_ONLY)
    ]
    if len(needed) < 2:
        return None
    names = ", ".join(map(repr, needed))
    return f"takes {len(needed)} inputs ({names}); wrap it so that one image varies"


def _axes(module: nn.Module, _: Run, __: Tensor, ___: Exception) -> str | None:
    """Volumes or videos, signals or vectors, by the first layer."""
    first = _first(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d))
    flat = _first(module, (nn.Conv2d,)) is not None
    if isinstance(first, nn.Conv3d):
        count = first.in_channels
        return (
            f"takes five axes (N, {count}, depth or frames, h, w), such as videos or volumes; "
            "interp gives it images (N, 3, h, w): wrap it so that one image varies"
        )
    if isinstance(first, nn.Conv1d) and not flat:
        return (
            f"takes three axes (N, {first.in_channels}, length), such as signals; interp gives it "
            "images (N, 3, h, w): wrap it so that it takes these"
        )
    return None


def _channels(module: nn.Module, run: Run, images: Tensor, error: Exception) -> str | None:
    """Another number of channels, where the module runs on images of that many."""
    first = _first(module, (nn.Conv2d,))
    told = [int(each) for each in re.findall(r"(?:to have|Expected) (\d+)\b", str(error))]
    listed = [first.in_channels] if isinstance(first, nn.Conv2d) else []
    tried = dict.fromkeys([*told[:1], *listed, *CHANNELS])
    for count in [each for each in tried if each != images.shape[1] and 0 < each < 1000]:
        changed = _with_channels(images, count)
        if _works(run, changed):
            return _of_channels(count, images.shape[1])
        sizes = _sizes(images, error) if count in (*told[:1], *listed, 1) else ()
        for height, width in sizes:
            if _works(run, torch.nn.functional.interpolate(changed, (height, width))):
                return (
                    f"{_of_channels(count, images.shape[1])}, and set --input size={height},{width}"
                )
    return None


def _of_channels(count: int, given: int) -> str:
    plural, values = ("channel", "value") if count == 1 else ("channels", "values")
    return (
        f"takes {count} {plural} and was given {given}: set --input mean and --input std with "
        f"{count} {values}, or wrap it so that it makes its {plural} of RGB images"
    )


def _frames(_: nn.Module, run: Run, images: Tensor, __: Exception) -> str | None:
    """Videos, frame by frame, where the module runs on some."""
    for count in (8, 16):
        if _works(run, images[:1, None].expand(-1, count, -1, -1, -1).contiguous()):
            return (
                "takes five axes (N, frames, 3, h, w), videos; interp gives it images "
                "(N, 3, h, w): wrap it so that one image varies"
            )
    return None


def _size(_: nn.Module, run: Run, images: Tensor, error: Exception) -> str | None:
    """Another size, where the module runs on images of that size."""
    for size in _sizes(images, error):
        resized = torch.nn.functional.interpolate(images, size, mode="bilinear")
        if _works(run, resized):
            height, width = size
            return (
                f"{first_line(error)}; it runs on images of {height}x{width}: "
                f"set --input size={height},{width}"
            )
    return None


def _kept(_: nn.Module, __: Run, ___: Tensor, error: Exception) -> str | None:
    """Tensors that are neither parameters nor buffers, which are not moved with the module."""
    text = str(error)
    if any(each in text for each in PLACES):
        return (
            f"{first_line(error)}; it keeps a tensor that does not move with it: register it "
            "with register_buffer, or open it on the tensor's device with --device"
        )
    if any(each in text for each in TYPES):
        return (
            f"{first_line(error)}; it runs in float32 here, and keeps or makes a tensor of "
            "another type: register it with register_buffer, or make it like the input"
        )
    return None


def _kind(_: nn.Module, __: Run, images: Tensor, error: Exception) -> str | None:
    """An argument that is no tensor, such as a dictionary or a list."""
    if isinstance(error, (TypeError, IndexError, AttributeError, KeyError)) and re.search(
        r"valid indices|indices must be|'Tensor' object (has no attribute|is not)|got 'str'"
        r"|too many indices",
        str(error),
    ):
        return (
            f"{first_line(error)}; it is given one tensor of images {tuple(images.shape)}: wrap "
            "it so that it takes that"
        )
    return None


def _first(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> nn.Module | None:
    return next((each for each in module.modules() if isinstance(each, kinds)), None)


def _sizes(images: Tensor, error: Exception) -> Iterator[tuple[int, int]]:
    """Sizes that the error names, then common ones; never the one that failed."""
    named = [int(each) for each in re.findall(r"\b(\d{2,4})\b", str(error))]
    tried = [(each, each) for each in [*named[:4], *SIDES] if 8 <= each <= 1024]
    yield from (each for each in dict.fromkeys(tried) if each != tuple(images.shape[2:]))


def _with_channels(images: Tensor, count: int) -> Tensor:
    return images[:, :1].expand(-1, count, -1, -1).contiguous()


def _works(run: Run, images: Tensor) -> bool:
    """Whether the module runs on these images."""
    try:
        run(images)
    except Exception:  # the model's own code: anything can happen
        return False
    return True
