"""What a class's score owes to each part: the score through the decoder, without the part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from interp_explainer.known import Known
    from interp_explainer.network import Rebuilt

CHUNK = 64
"""Filters left out at once."""


def leave_out(known: Known, image: Tensor, answer: Rebuilt) -> Tensor:
    """Raw scores of one image (3, h, w) through the decoder, (1 + C, K).

    First with every filter, then with each one's part taken out of x_enc.
    """
    features, mixed = answer.encoded.features[0], answer.encoded.mixed[0]  # (C, gh, gw)
    every = torch.arange(len(features), device=features.device)
    rebuilt = [answer.goals[-1]]
    for chosen in every.split(CHUNK):
        states = features.repeat(len(chosen), 1, 1, 1)
        states[every[: len(chosen)], chosen] -= mixed[chosen]
        with torch.no_grad():
            rebuilt.append(known.network.decode(states)[-1])
    return known.performer.scores(image, torch.cat(rebuilt))
