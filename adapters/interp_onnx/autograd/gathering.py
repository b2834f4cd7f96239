"""Operations that read and write values at places that are computed."""

from __future__ import annotations

import torch
from torch import Tensor

from interp_onnx.autograd.operation import Node, operation


@operation("Gather")
def _gather(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    axis = node.get("axis", 0) % x.dim()
    chosen = indices.to(x.device, torch.int64)
    chosen = torch.where(chosen < 0, chosen + x.shape[axis], chosen)
    found = x.index_select(axis, chosen.reshape(-1))
    return found.reshape(x.shape[:axis] + chosen.shape + x.shape[axis + 1 :])


@operation("GatherElements")
def _gather_elements(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    axis, chosen = node.get("axis", 0), indices.to(x.device, torch.int64)
    return x.gather(axis, torch.where(chosen < 0, chosen + x.shape[axis], chosen))


@operation("GatherND")
def _gather_points(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    outer, chosen = node.get("batch_dims", 0), indices.to(x.device, torch.int64)
    given = x.reshape(-1, *x.shape[outer:])
    points = chosen.reshape(len(given), -1, chosen.shape[-1])
    rows = torch.arange(len(given), device=x.device)[:, None].expand(points.shape[:2])
    found = given[(rows, *points.unbind(2))]
    return found.reshape(*chosen.shape[:-1], *found.shape[2:])


@operation("ScatterElements")
def _scatter_elements(node: Node, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    if node.get("reduction", "none") != "none":
        raise NotImplementedError("scattered values that are joined")
    axis, chosen = node.get("axis", 0), indices.to(x.device, torch.int64)
    chosen = torch.where(chosen < 0, chosen + x.shape[axis], chosen)
    return x.scatter(axis, chosen, updates.to(x.device))


@operation("ScatterND")
def _scatter_points(node: Node, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    if node.get("reduction", "none") != "none":
        raise NotImplementedError("scattered values that are joined")
    found = x.clone()
    found[tuple(indices.to(x.device, torch.int64).unbind(-1))] = updates.to(x.device)
    return found
