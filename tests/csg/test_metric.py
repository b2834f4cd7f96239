"""Each measure against a slow second writing, and on cases whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import digamma
from support.registered import registered

from interp.context import Context
from interp.dataset import Dataset, Example, Instance
from interp.errors import InputError
from interp.evaluation.detection import Detection, detect, draw_images
from interp.evaluation.dissection import iou
from interp.evaluation.similarity import class_means, cosines
from interp.registry import Registry
from interp_csg.metric.localization import (
    assign,
    busiest,
    gradient_mask,
    gradients,
    object_mask,
    top_mask,
)
from interp_csg.metric.measure import filter_correlation, off_diagonal
from interp_csg.metric.mutual import score, table

METRICS = registered("metric", "interp_csg")


def slow_information(values: np.ndarray, member: np.ndarray, k: int = 3) -> float:
    """Ross (2014): psi(N) + psi(k) - mean psi(N_x) - mean psi(m), point by point."""
    total, count = 0.0, len(values)
    for at, x in enumerate(values):
        same = np.flatnonzero(member == member[at])
        near = sorted(abs(values[other] - x) for other in same if other != at)
        wanted = min(k, len(near))
        m = 1 + sum(
            abs(values[other] - x) < near[wanted - 1] for other in range(count) if other != at
        )
        total += digamma(wanted) - digamma(len(same)) - digamma(m)
    return max(0.0, digamma(count) + total / count)


@pytest.mark.parametrize("seed", range(3))
def test_mutual_information(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, 60)
    features = random.normal(0, 1, (60, 4)) + labels[:, None] * [0, 0.5, 1, 3]
    found = table(features, labels, 4)
    slow = [[slow_information(features[:, k], labels == c) for k in range(4)] for c in range(3)]
    np.testing.assert_allclose(found[:3], slow, atol=1e-6)
    assert (found[3] == 0).all()
    assert score(found) == pytest.approx(np.mean([max(found[:, k]) for k in range(4)]))


def test_mutual_information_is_scikit_learns() -> None:
    """Where maps are 0 on many images, too: there the noise decides, and it is the same noise."""
    from sklearn.feature_selection import mutual_info_classif

    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 300)
    features = random.normal(0, 1, (300, 5)) + labels[:, None] * [0, 0.5, 1, 3, 0]
    features = np.maximum(0, features).astype(np.float32)
    features[:, 4] = 0
    for label, row in enumerate(table(features, labels, 3)):
        peer = mutual_info_classif(
            features, labels == label, discrete_features=False, random_state=0
        )
        np.testing.assert_allclose(row, peer, atol=1e-9)


def test_a_class_of_one_image_is_left_out_of_mutual_information() -> None:
    random = np.random.default_rng(0)
    features, labels = random.normal(0, 1, (20, 3)), np.array([0] * 10 + [1] * 9 + [2])
    assert (table(features, labels, 3)[2] == 0).all()


def test_mutual_information_of_a_perfect_and_of_a_blind_filter() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 200)
    features = np.stack([labels * 10 + random.random(400), random.random(400)], 1)
    found = table(features, labels, 2).max(0)
    assert found[0] == pytest.approx(np.log(2), abs=0.02) and found[1] < 0.05


def test_too_few_images_for_mutual_information() -> None:
    with pytest.raises(InputError, match="found 3 images; expected more than 3"):
        table(np.zeros((3, 2)), np.array([0, 1, 0]), 2)


def test_correlations() -> None:
    random = np.random.default_rng(0)
    kernels = random.normal(size=(5, 3, 2, 2))
    found = filter_correlation(kernels)
    for i in range(5):
        for j in range(5):
            dot = (kernels[i] * kernels[j]).sum()
            length = np.sqrt((kernels[i] ** 2).sum() * (kernels[j] ** 2).sum())
            assert found[i, j] == pytest.approx(abs(dot / length - (i == j)), abs=1e-12)
    gates = np.array([[1.0, 0, 0], [0, 1, 1], [1, 0, 0]])
    assert cosines(gates).tolist() == [[1, 0, 1], [0, pytest.approx(1), 0], [1, 0, 1]]
    assert off_diagonal(cosines(gates)) == pytest.approx(1 / 3)
    features, labels = np.arange(8.0).reshape(4, 2), np.array([0, 2, 0, 2])
    assert class_means(features, labels, 3).tolist() == [[2, 3], [0, 0], [4, 5]]


def test_iou_by_hand() -> None:
    one = np.array([[1, 1], [0, 0]], bool)
    other = np.array([[1, 0], [1, 0]], bool)
    assert iou(one, other) == pytest.approx(1 / 3)
    assert iou(np.stack([one, ~one, one & False]), one).tolist() == [1, 0, 0]
    assert iou(one & False, one & False) == 0


def test_the_top_mask_is_the_largest_pixels() -> None:
    values = np.random.default_rng(0).random((5, 5))
    assert top_mask(values, 0.2).sum() == 5
    assert values[top_mask(values, 0.2)].min() >= np.sort(values, axis=None)[-5]


def test_a_filter_is_assigned_to_the_class_it_covers_most_often() -> None:
    random = np.random.default_rng(0)
    overlap, labels = random.random((30, 4)), random.choice([0, 2, 5], 30)
    found = assign(overlap, labels, 0.4)
    for k in range(4):
        shares = {
            c: np.mean([overlap[n, k] > 0.4 for n in range(30) if labels[n] == c])
            for c in (0, 2, 5)
        }
        best = max(shares, key=lambda c: shares[c])
        assert found.label[k] == best and found.share[k] == pytest.approx(shares[best])
        mean = np.mean([overlap[n, k] for n in range(30) if labels[n] == best])
        assert found.overlap[k] == pytest.approx(mean)


def test_busiest() -> None:
    features = np.array([[9.0, 0, 0, 0], [0, 1, 5, 2], [0, 1, 5, 4]])
    assert busiest(features, np.array([0, 1, 1]), 1, 2).tolist() == [2, 3]


def test_gradients_against_differences(model: Any) -> None:
    image = torch.rand(3, 12, 12)
    found = gradients(model, image, "last", np.array([4, 1]))
    assert found.shape == (2, 3, 12, 12)
    assert not model.module().last._forward_hooks
    assert all(each.grad is None for each in model.module().parameters())
    for at, k in enumerate((4, 1)):
        for place in ((0, 3, 5), (2, 10, 1)):
            values = []
            for step in (1e-3, -1e-3):
                moved = image.clone()
                moved[place] += step
                maps = model.activations(moved[None].double(), ["last"])["last"]
                values.append(maps[0, k].double().mean().item())
            slope = (values[0] - values[1]) / 2e-3
            assert found[(at, *place)] == pytest.approx(slope, abs=1e-3)


def test_gradient_mask() -> None:
    gradient = np.zeros((3, 40, 40), np.float32)
    gradient[:, 5:15, 20:30] = 1
    mask = gradient_mask(gradient, 1.0)
    assert iou(mask, gradient[0] > 0) > 0.6
    assert not gradient_mask(np.zeros((3, 9, 9)), 1.0).any()


def detections(
    clean: np.ndarray, attacked: np.ndarray, train: int, repeats: int
) -> list[Detection]:
    """A detector for each draw of `train` images."""
    generators = [np.random.default_rng([0, each]) for each in range(repeats)]
    return [detect(clean, attacked, draw_images(len(clean), train, g), g) for g in generators]


def test_detection_of_plain_and_of_hidden_attacks() -> None:
    random = np.random.default_rng(0)
    clean = random.normal(size=(80, 5))
    for each in detections(clean, clean + 8 * np.eye(5)[0], 40, 2):
        assert each.auc() == 1 and each.error() == 0
    alike = detections(clean, random.normal(size=(80, 5)), 40, 3)
    assert abs(np.mean([each.auc() for each in alike]) - 0.5) < 0.15
    assert abs(np.mean([each.error() for each in alike]) - 0.5) < 0.15


def test_a_detector_is_judged_on_other_images(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.ensemble import RandomForestClassifier

    seen: list[np.ndarray] = []
    fit, chance = RandomForestClassifier.fit, RandomForestClassifier.predict_proba
    monkeypatch.setattr(
        RandomForestClassifier, "fit", lambda s, x, y: (seen.append(x), fit(s, x, y))[1]
    )
    monkeypatch.setattr(
        RandomForestClassifier,
        "predict_proba",
        lambda s, x: (seen.append(x), chance(s, x))[1],
    )
    clean = np.arange(20.0)[:, None]
    detections(clean, clean + 0.5, 8, 1)
    learned, judged = ({int(value) for value in each[:, 0]} for each in seen)
    assert len(learned) == 8 and len(judged) == 12 and not learned & judged


class Squares(Dataset):
    """A bright square of the class's colour on black; `boxes` alone tell where."""

    classes = ("blue", "green", "red")
    fingerprint = "squares"

    def __init__(self, masks: bool = True) -> None:
        self.masks = masks

    def __len__(self) -> int:
        return 18

    def __getitem__(self, index: int) -> Example:
        label, random = index % 3, np.random.default_rng(index)
        top, left = (int(each) for each in random.integers(0, 6, 2))
        image = np.zeros((12, 12, 3), np.uint8)
        image[top : top + 6, left : left + 6, 2 - label] = 255
        mask = image.any(2) if self.masks else None
        box = (float(left), float(top), left + 6.0, top + 6.0)
        return Example(f"q{index}", image, label, (Instance(label, box, mask),))


@pytest.fixture
def planted(model: Any) -> Any:
    """Tiny with filters that see one colour each, class c's being 2 c and 2 c + 1."""
    module = model.module()
    with torch.no_grad():
        for part in (module.first[0], module.last[0]):
            part.weight.zero_()
            part.bias.zero_()
        for k in range(6):
            module.first[0].weight[k, 2 - k // 2, 1, 1] = 1.0
            module.first[0].bias[k] = 1.0  # black is -1 after normalisation
            module.last[0].weight[k, k, 1, 1] = 1.0
        module.head.weight.copy_(torch.eye(3).repeat_interleave(2, 1))
        module.head.bias.zero_()
    return model


@pytest.mark.parametrize("masks", [True, False])
def test_planted_filters_cover_their_class(planted: Any, masks: bool) -> None:
    data, context = Squares(masks), Context()
    for name, top in (("activation-localization", 0.05), ("cam-localization", 0.25)):
        kind = METRICS[name]
        assert kind(kind.Params(top=top)).measure(planted, data, context).value == 1.0
    kind = METRICS["activation-localization"]
    found = kind(kind.Params(top=0.05)).overlaps(planted, data, context)
    assert found.label.tolist() == [0, 0, 1, 1, 2, 2]
    accuracy = METRICS["csg-accuracy"]
    assert accuracy(accuracy.Params()).measure(planted, data, context).value == 1.0


def test_planted_filters_alike_within_a_class(planted: Any) -> None:
    made = {name: kind(kind.Params()) for name, kind in METRICS.items()}
    data, context = Squares(), Context()
    assert made["class-correlation"].measure(planted, data, context).value == pytest.approx(0)
    assert made["filter-correlation"].measure(planted, data, context).value == pytest.approx(0)
    assert made["mutual-information"].measure(planted, data, context).value > 0.4
    near = METRICS["gradient-localization"].Params(channels=2, sigma=0.5)
    found = METRICS["gradient-localization"](near).overlaps(planted, data, context)
    assert found.shape == (18,) and (found >= 0).all() and (found <= 1).all()
    for name in ("gate-density", "class-correlation"):
        kind = METRICS[name]
        said = {"of": "gates"} if name == "class-correlation" else {}
        with pytest.raises(InputError, match="was not trained with class-specific gates"):
            kind(kind.Params(**said)).measure(planted, data, context)


def test_gradient_localization_where_gradients_are_known(planted: Any) -> None:
    """A filter's gradient lies where its rectifiers are open: on the square of its colour."""
    kind = METRICS["gradient-localization"]
    params = kind.Params(channels=2, sigma=0.5, least=0.15)
    planted.module().first[0].bias.data.fill_(0.9)  # black is shut
    assert kind(params).measure(planted, Squares(), Context()).value == 1.0


def test_detection_as_a_metric(planted: Any) -> None:
    kind = METRICS["adversarial-detection"]
    loud = kind(kind.Params(eps=0.5, attack="fgsm", train=9))
    context = Context(lookup=Registry.load().get)
    assert loud.measure(planted, Squares(), context).value > 0.8
    with pytest.raises(InputError, match="found 18 images and --train 18"):
        kind(kind.Params(train=18)).measure(planted, Squares(), context)


def test_object_masks() -> None:
    example = Squares()[0]
    other = Instance(1, (0.0, 0.0, 12.0, 12.0), None)
    both = replace(example, instances=(*example.instances, other))
    mask = object_mask(both)
    assert mask is not None and mask.sum() == 36
    assert object_mask(replace(example, instances=(other,))) is None


def test_data_without_objects(planted: Any, colours: Any) -> None:
    kind = METRICS["cam-localization"]
    with pytest.raises(InputError, match="no image with a mask or box of its class"):
        kind(kind.Params()).measure(planted, colours(), Context())
