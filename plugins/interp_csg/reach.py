"""How far gates can move in a training, and how far they have to."""

from __future__ import annotations

from interp.errors import InputError
from interp_csg.params import CsgParams

FASTEST = 0.5
"""Largest learning rate of the gates: a step of half the way from 1 to 0."""


def needed(classes: int, sparsity: float) -> float:
    """How far a gate that is not its filter's largest has to fall from 1, if all fall equally.

    At the end |G|_1 = g: each filter's gates are 1, and classes - 1 times v, with
    1 + (classes - 1) v = g / filters.
    """
    return (classes - min(sparsity, classes)) / (classes - 1)


def reach(params: CsgParams, steps: int) -> float:
    """How far the penalty can move a gate in `steps` gated steps, of parameters without gaps.

    Adam moves by about its rate a step whatever the gradient; SGD by rate * penalty.
    """
    pull = 1.0 if params.gate_optimizer == "adam" else params.penalty
    return steps * (params.gate_rate or 0.0) * pull if params.penalty else 0.0


def gated_steps(params: CsgParams, steps: int) -> int:
    """Number of steps in all gated epochs; `steps` are those of one epoch."""
    return steps * sum(params.gated(epoch) for epoch in range(params.epochs or 0))


def with_faster_gates(params: CsgParams, classes: int, steps: int) -> CsgParams:
    """Parameters with the gates' rate raised where steps are few, to get sparse in half of them."""
    far = reach(params, gated_steps(params, steps))
    wanted = needed(classes, params.sparsity)
    if not params.gate or not 0 < far < wanted:
        return params
    rate = min(FASTEST, (params.gate_rate or 0.0) * 2 * wanted / far)
    return params.model_copy(update={"gate_rate": round(rate, 4)})


def check_reach(params: CsgParams, classes: int, steps: int) -> None:
    """Raise InputError where the gates cannot get sparse; `steps` are those of one epoch."""
    if not params.gate:
        return
    total = gated_steps(params, steps)
    far, wanted = reach(params, total), needed(classes, params.sparsity)
    if far < wanted:
        raise InputError(
            f"the gates can travel {far:.2g} in {total // steps} gated epochs of {steps} steps and "
            f"need {wanted:.2g} to get sparse; raise --gate-rate ({params.gate_rate:g}) or --epochs"
            + (" or choose --gate-optimizer adam" if params.gate_optimizer == "sgd" else "")
        )
