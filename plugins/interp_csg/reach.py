"""How far gates can travel in a training, and how far they have to."""

from __future__ import annotations

from interp.errors import InputError
from interp_csg.params import CsgParams


def needed(classes: int, sparsity: float) -> float:
    """How far a gate that is not its filter's largest has to fall from 1, if all fall alike.

    At the end |G|_1 = g: each filter's gates are 1, and classes - 1 times v, with
    1 + (classes - 1) v = g / filters.
    """
    return (classes - min(sparsity, classes)) / (classes - 1)


def reach(params: CsgParams, steps: int) -> float:
    """How far the penalty can move a gate in `steps` gated steps; of settled parameters.

    Adam moves by about its rate a step whatever the gradient; SGD by rate * penalty.
    """
    pull = 1.0 if params.gate_optimizer == "adam" else params.penalty
    return steps * (params.gate_rate or 0.0) * pull if params.penalty else 0.0


def check_reach(params: CsgParams, classes: int, steps: int) -> None:
    """Raise InputError where the gates cannot get sparse; `steps` are those of an epoch."""
    if not params.gate:
        return
    epochs = sum(params.gated(epoch) for epoch in range(params.epochs or 0))
    far, wanted = reach(params, epochs * steps), needed(classes, params.sparsity)
    if far < wanted:
        raise InputError(
            f"the gates can travel {far:.2g} in {epochs} gated epochs of {steps} steps and need "
            f"{wanted:.2g} to get sparse; raise --gate-rate ({params.gate_rate:g}) or --epochs"
            + (" or choose --gate-optimizer adam" if params.gate_optimizer == "sgd" else "")
        )
