"""Preprocessing: from images in [0, 1] to a network's input."""

from __future__ import annotations

from interp.lazy_type import Tensor
from interp.network.device import send
from interp.spec import InputSpec

LUMINANCE = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in grey, of ITU-R BT.601, as Pillow and OpenCV convert."""


def encode(images: Tensor, spec: InputSpec) -> Tensor:
    """Images (N, C, H, W) resized, reordered and normalised, (N, C, h, w), or grey (N, 1, h, w).

    They are grey where the spec has the mean of one channel.
    """
    import torch
    from torch.nn import functional

    if tuple(images.shape[2:]) != spec.size:
        images = functional.interpolate(images, spec.size, mode="bilinear", antialias=True)
    if len(spec.mean) == 1:
        images = (images * _channels(LUMINANCE, images)).sum(1, keepdim=True)
    elif spec.order == "BGR":
        images = images.flip(1)
    mean, std = (_channels(each, images) for each in (spec.mean, spec.std))
    return torch.addcmul(-mean / std, images, 1 / std)


def _channels(values: tuple[float, ...], images: Tensor) -> Tensor:
    """A value per channel, (1, C, 1, 1), where the images are."""
    import torch

    return send(torch.tensor(values, dtype=images.dtype), images.device).view(1, -1, 1, 1)


def wide_images(spec: InputSpec) -> Tensor:
    """Images (12, C, h, w) as unlike as can be, the same every time, most far outside [0, 1].

    Only what is bounded by construction, such as a sigmoid, stays bounded on them.
    """
    import torch

    noise = probe_images(spec, 2) - 0.5
    plain = torch.ones(1, spec.channels, *spec.size)
    half = plain.clone()
    half[..., : spec.size[1] // 2] = 0
    scaled = [factor * noise for factor in (4.0, 1e4)]
    solid = [factor * plain for factor in (0.0, 1.0, 1e3, -1e3)]
    halves = [half, 1 - half, 1e3 * half, -1e3 * half]
    return torch.cat([*scaled, *solid, *halves])


def probe_images(spec: InputSpec, count: int = 2) -> Tensor:
    """Random images (count, C, h, w) in [0, 1], the same every time, for checks."""
    import torch

    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, spec.channels, *spec.size, generator=generator)


def describe_channels(count: int) -> str:
    """The channels of an image in words: "3 channels, RGB", "4 channels"."""
    return "3 channels, RGB" if count == 3 else f"{count} channels"
