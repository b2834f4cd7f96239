"""Channel deletion: how fast a class score falls as a layer's channels close in an order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from interp.context import Context
from interp.cut import Cut, Frontier
from interp.engine.channel import AblationDesign
from interp.engine.design import GateSubject
from interp.engine.respond import respond
from interp.model import ModelAdapter
from interp.target import Target

RANDOM_ORDERS = 3


def deletion_areas(
    model: ModelAdapter,
    cut: Cut,
    frontier: Frontier,
    target: Target,
    importance: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """Mean class probability while channels close, the most important first, by name of an order.

    `importance` has a number (K,) for each channel. The mean is over K + 1 networks, from none
    closed to all closed: lower is better. Of equally important channels the first closes first.
    """
    gates, areas = cut.gates(frontier), {}
    for name, values in importance.items():
        states = torch.from_numpy(closing(np.argsort(-values, kind="stable")))
        scores = target.select(model.probabilities(gates(states)))
        areas[name] = float(scores.mean())
    return areas


def closing(order: np.ndarray) -> np.ndarray:
    """Gates (K + 1, K): none closed, then one more each time."""
    states = np.ones((len(order) + 1, len(order)), np.uint8)
    for step, channel in enumerate(order):
        states[step + 1 :, channel] = 0
    return states


def single_drops(model: ModelAdapter, cut: Cut, frontier: Frontier, target: Target) -> np.ndarray:
    """How much the class probability falls where one channel alone is closed, (K,)."""
    channels = cut.layer.channels
    states = torch.cat([torch.ones(1, channels), 1 - torch.eye(channels)])
    scores = target.select(model.probabilities(cut.gates(frontier)(states)))
    return (scores[0] - scores[1:]).numpy()


def slopes(cut: Cut, frontier: Frontier, target: Target) -> np.ndarray:
    """Grad-CAM's weights: the logit's slope, averaged over each channel's cells, (K,)."""
    return cut.gradient(frontier, [target], "logit")[0].mean((1, 2)).numpy()


def ablation_map(model: ModelAdapter, image: np.ndarray, layer: str, target: Target) -> np.ndarray:
    """Ablation-CAM of an image (H, W, 3) over it: sum_k (logit - logit without k) A_k."""
    pixels, placement = model.prepare(image)
    cut = model.cut(layer)
    frontier = cut.prefix(pixels[None])
    subject = GateSubject(model, cut, frontier)
    design = AblationDesign(cut.layer.channels, pixels.device)
    answers = respond(Context(), subject, design, "logit", design.size)
    scores = torch.cat([target.select(each.scores) for each in answers])
    cells = torch.einsum("k,khw->hw", scores[0] - scores[2:], frontier.activation[0]).numpy()
    return placement.to_image(placement.grid_to_input(cells, cut.layer.field))
