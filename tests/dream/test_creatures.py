"""What pictures of a trained network's channels reach, beside its real images and noise."""

from __future__ import annotations

import pytest

from interp.context import Context
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures
from interp_dream.method import Dream, Maco
from interp_dream.params import DreamParams, MacoParams

pytestmark = pytest.mark.slow
COUNT, MOST = 10, 8
"""Channels pictured, and how many of them must be surpassed."""


@pytest.mark.parametrize(
    "method",
    [
        Dream(DreamParams(of="channels", shown=COUNT, control=False)),
        Maco(MacoParams(of="channels", shown=COUNT, control=False)),
    ],
    ids=lambda method: type(method).__name__,
)
def test_pictures_excite_channels_more_than_images_do(method) -> None:
    """For most channels more than the mean of 100 images, and for all more than noise."""
    model = open_model("creatures-vgg", ModelOptions(device="cpu"), Registry.load())
    found = method.survey(model, Creatures(100, 3, two=False), None, Context())
    rows = found.named("scores stage3").rows
    assert len(rows) == COUNT
    assert sum(reached > mean for _, reached, _, mean, _ in rows) >= MOST
    assert all(reached > noise for _, reached, _, _, noise in rows)
