"""Channels that are known to carry a class are found, and chance is not taken for knowledge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from interp.context import Context
from interp.engine.design import GateSubject
from interp.model import ModelAdapter
from interp.target import Target
from interp_chip.features import pooled
from interp_chip.layer_fit import LayerFit
from interp_chip.method import Chip
from interp_chip.moments import FOLDS, FactoredMoments, Image
from interp_chip.params import ChipParams
from interp_chip.solve import solve
from interp_chip.training_images import choose_images

WAYS: list[dict[str, Any]] = [
    {},
    {"image_weight": "label"},
    {"image_weight": "predicted"},
    {"output": "logit", "baseline": "empty"},
    {"locality": False, "keep": 0.5},
    {"sparsity_per": "layer"},
]


def params(**changes: Any) -> ChipParams:
    return ChipParams(layer=("act",), correct=False, masks=400, **changes)


def true_weights(model: ModelAdapter) -> np.ndarray:
    """W for pooled sums: V over the number of cells."""
    head = model.module().head.weight.detach().numpy()
    return head / (12 * 12)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_no_true_channel_is_missed(planted: ModelAdapter, noise: Any, way: dict[str, Any]) -> None:
    found = Chip(params(**way)).fit(planted, noise(16), Context())
    truth, weights = true_weights(planted), found.arrays["act/weights"]
    assert ((weights > 0) | (truth == 0)).all()
    assert (found.arrays["act/r2"] > 0.95).all()
    assert found.about["layers"]["act"]["held_out"] == "masks and images"
    strongest = np.argsort(-weights, axis=1)[:, :4]
    assert (np.take_along_axis(truth, strongest, 1) > 0).all()


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_weights_refitted_on_the_support(
    planted: ModelAdapter, noise: Any, way: dict[str, Any]
) -> None:
    chosen = params(**way)
    images = choose_images(planted, noise(16), chosen, Context())
    fit = LayerFit(planted, "act", images, chosen, Context(), chosen.masks)
    assert fit.run_round(fit.chunks)
    truth = true_weights(planted)
    for row in range(len(truth)):
        support = np.flatnonzero(truth[row])
        sums = fit.moments.sums(slice(row, row + 1))
        gram, b = sums.gram[0][support][:, support], sums.b[0][support]
        refitted = torch.linalg.solve(gram, b).numpy()
        np.testing.assert_allclose(refitted, truth[row][support], rtol=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shuffled_answers_teach_nothing(planted: ModelAdapter, noise: Any, seed: int) -> None:
    """Scores permuted over masks and images within the class: centred held-out R^2 <= .05."""
    chosen = params(image_weight="label")
    images = choose_images(planted, noise(40), chosen, Context())
    fit = LayerFit(planted, "act", images, chosen, Context(seed=seed), chosen.masks)
    moments = FactoredMoments.empty("shuffled", len(images.classes), fit.design.parts)
    random = np.random.default_rng(seed)
    chunks = [fit.design.draw(at) for at in range(fit.chunks)]
    states = torch.cat(chunks)
    h, cut = fit.experiment.mask_weights(states), fit.experiment.cut
    for row, label in enumerate(images.classes):
        members = [each for each in images.images if each.row == row]
        frontiers = [cut.prefix(planted.prepare(images.pixels(each))[0][None]) for each in members]
        scores = [GateSubject(planted, cut, each).scores(states) for each in frontiers]
        answers = torch.stack(scores)[:, :, label].flatten()
        answers = answers[torch.from_numpy(random.permutation(len(answers)))]
        parts = answers.reshape(len(members), -1, 1)
        for at, (member, frontier) in enumerate(zip(members, frontiers, strict=True)):
            a = pooled(frontier.activation, fit.experiment.cut.layer)[0]
            moments.add_image(member.name, Image(a, h[:1] * 0 + 1, row, at % FOLDS))
            start = 0
            for chunk, drawn in enumerate(chunks):
                here = slice(start, start + len(drawn))
                moments.add_scores(member.name, chunk, drawn, parts[at, here], h[here])
                start += len(drawn)
    start = 0
    for chunk, drawn in enumerate(chunks):
        moments.add_masks(chunk, drawn, h[start : start + len(drawn)])
        start += len(drawn)
    found = solve(moments, chosen)
    assert found.r2 is not None and found.held_out == "masks and images"
    assert (found.r2 <= 0.05).all()


def test_the_map_is_the_weighted_sum_of_channels(planted: ModelAdapter, noise: Any) -> None:
    chip = Chip(params())
    known = chip.fit(planted, noise(16), Context())
    image = noise(40)[39].image
    found = chip.explain(planted, [image], [Target(1, "bee")], known, Context())
    pixels, placement = planted.prepare(image)
    activation = planted.activations(pixels[None], ["act"])["act"][0].numpy()
    cells = sum(w * a for w, a in zip(known.arrays["act/weights"][1], activation, strict=True))
    expected = placement.to_image(
        placement.grid_to_input(cells.astype(np.float32), planted.layer("act").field)
    )
    np.testing.assert_allclose(found.named("map act").values, expected, atol=1e-5)
    importance = found.named("channels act").values
    total = known.arrays["act/weights"][1] @ activation.sum((1, 2))
    assert importance.sum() == pytest.approx(total, rel=1e-5)


def test_a_difference_of_classes(planted: ModelAdapter, noise: Any) -> None:
    chip = Chip(params())
    known = chip.fit(planted, noise(16), Context())
    image = noise(40)[39].image
    targets = [Target(1, "bee"), Target(2, "cat"), Target(1, "bee, not cat", 2)]
    found = chip.explain(planted, [image], targets, known, Context())
    bee, cat, both = (found.named("map act", each.name).values for each in targets)
    np.testing.assert_allclose(both, bee - cat, atol=1e-5)
