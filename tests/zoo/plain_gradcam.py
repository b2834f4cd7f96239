"""Grad-CAM written a second time, with hooks and autograd alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from interp.spec import Layer
from zoo.specimen import Given

ALIKE = 0.05
"""How far the maps of a rounded network may be from its original's, as a share of the largest."""


def plain_gradcams(given: Given, inputs: Tensor, layer: Layer, maps: Tensor) -> list[Tensor]:
    """sum_k w_k A_k (gh, gw) of class 0, w_k the mean slope, at each module that has these maps.

    At the module of the layer's name where there is one. The slope is that of a zero which a hook
    adds to the module's output, so that only what follows the module counts.
    """
    kept: dict[str, list[tuple[Tensor, Tensor]]] = {}
    assert given.module is not None
    handles = [
        each.register_forward_hook(_adding(kept.setdefault(name, [])))
        for name, each in given.module.named_modules()
    ]
    try:
        with torch.enable_grad():
            score = given.scores(given.module(inputs))[0, 0]
    finally:
        for handle in handles:
            handle.remove()
    called = {name: calls[0] for name, calls in kept.items() if len(calls) == 1}
    if layer.name in called:
        called = {layer.name: called[layer.name]}
    zeros = [zero for _, zero in called.values()]
    slopes = torch.autograd.grad(score, zeros, allow_unused=True)
    found = []
    for (output, _), slope in zip(called.values(), slopes, strict=True):
        own = _to_maps(output, layer, maps)
        if own is not None and slope is not None and _alike(own, maps):
            weights = _to_maps(slope, layer, maps).mean((2, 3), keepdim=True)  # type: ignore[union-attr]
            found.append((own * weights).sum(1)[0].detach())
    return found


def _adding(calls: list[tuple[Tensor, Tensor]]) -> Callable[..., Any]:
    """A hook that adds a zero to a module's output, and keeps both."""

    def hook(_: nn.Module, __: Any, output: Any) -> Any:
        held = isinstance(output, tuple | dict) and len(output) > 0
        key = next(iter(output)) if isinstance(output, dict) else 0
        first = output[key] if held else output
        if not isinstance(first, Tensor) or not first.is_floating_point():
            return output
        zero = torch.zeros_like(first, requires_grad=True)
        calls.append((first.detach(), zero))
        if isinstance(output, dict):  # as transformers' outputs are
            output[key] = first + zero
            return output
        return (first + zero, *output[1:]) if held else first + zero

    return hook


def _to_maps(values: Tensor, layer: Layer, maps: Tensor) -> Tensor | None:
    """Values in a layer's layout as maps (1, C, gh, gw); None where they have another shape."""
    _, channels, rows, columns = maps.shape
    if values.shape == maps.shape:
        return values
    if values.shape == (1, rows, columns, channels):
        return values.permute(0, 3, 1, 2)
    prefix = values.shape[1] - rows * columns if values.dim() == 3 else -1
    if prefix < 0 or values.shape[2] != channels:
        return None
    return values[:, prefix:].mT.reshape(1, channels, rows, columns)


def _alike(own: Tensor, maps: Tensor) -> bool:
    return bool((own - maps).abs().max() <= ALIKE * maps.abs().max())
