"""What all class activation maps share: batches, layers fused, noise, contrast, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.cam_formula import FORMULAS, hirescam, network
from support.families import SIZE
from support.networks import seeded
from torch import nn

import interp
from interp.context import Budget
from interp.errors import InputError, UnsupportedError
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.spec import ModelOptions
from interp.testing import ToyModel
from interp.testing.scene import scene
from interp.testing.toy_models import known_model
from interp_cam.contrast import Contrast
from interp_cam.fusion import fuse

OPTIONS = ModelOptions(
    input={"size": (SIZE, SIZE), "mean": (0.0,) * 3, "std": (1.0,) * 3}, device="cpu"
)
CAMS = [*FORMULAS, "finercam"]


class Stages(nn.Module):
    """Three stages of half the size each, and five classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(4, 6, 3, 2, 1), nn.ReLU())
        self.last = nn.Sequential(nn.Conv2d(6, 8, 3, 2, 1), nn.ReLU())
        self.head = nn.Linear(8, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.last(self.deep(self.stem(image))).mean((2, 3)))


def opened() -> ModelAdapter:
    options = OPTIONS.model_copy(update={"classes": tuple("abcde")})
    return interp.open_model(seeded(Stages), options=options)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), np.uint8)


def maps(found: interp.Explanation) -> np.ndarray:
    return np.stack([each.map() for each in found.of("heatmap")])


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-5) -> bool:
    return float(np.abs(found - expected).max()) <= tolerance * float(np.abs(expected).max())


@pytest.mark.parametrize("batch_size", [None, 2])
@pytest.mark.parametrize("method", CAMS)
def test_images_together_are_as_each_alone(method: str, batch_size: int | None) -> None:
    """Maps, scores and notes, in order, of five images for two targets."""
    model, images = opened(), [picture(seed) for seed in range(5)]
    budget = Budget(batch_size=batch_size)
    together = interp.explain(model, images, method=method, target=[0, 3], budget=budget)
    alone = [interp.explain(model, each, method=method, target=[0, 3]) for each in images]
    assert [(e.image, e.target) for e in together.evidence] == [
        (at, name) for at in range(5) for name in "ad"
    ]
    assert close(maps(together), np.concatenate([maps(each) for each in alone]))
    if method == "finercam":
        assert len(set(together.notes) - set(model.spec.notes)) == 10
        assert together.notes[2] == alone[1].notes[0].replace("a:", "a, image 1:")


def test_images_are_run_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """One pass forth and one back for a batch, whatever the number of images."""
    model = opened()
    kind, seen = type(model.cut("last")), []
    plain = kind.gradient
    monkeypatch.setattr(
        kind, "gradient", lambda self, *given: seen.append(given[0].batch) or plain(self, *given)
    )
    interp.explain(model, [picture(seed) for seed in range(5)], method="gradcam", target=0)
    assert seen == [5]


@pytest.mark.parametrize("rule", ["mean", "max", "product"])
def test_layers_are_fused_by_their_positive_shares(rule: str) -> None:
    model, image, layers = opened(), picture(1), ("stem", "last")
    shares = []
    for layer in layers:
        given = {"layer": layer, "positive": True}
        positive = interp.explain(model, image, method="layercam", target=2, params=given).map()
        shares.append((positive - positive.min()) / (positive.max() - positive.min()))
    expected = {"mean": sum(shares) / 2, "max": np.maximum(*shares), "product": np.prod(shares, 0)}
    params = {"layers": layers, "fusion": rule}
    found = interp.explain(model, image, method="layercam", target=2, params=params).mapped()
    assert close(found.map(), expected[rule])
    assert found.layer == "stem + last" and not found.signed
    assert found.unit == "share of the largest"


def test_a_layer_that_is_the_same_everywhere_decides_nothing() -> None:
    ramp = np.linspace(0, 1, 16, dtype=np.float32).reshape(1, 1, 4, 4)
    assert np.array_equal(fuse([ramp, np.full_like(ramp, 7)], "product"), ramp)


def test_refinecam_multiplies_the_last_layer_of_each_size() -> None:
    model, image = opened(), picture(2)
    found = interp.explain(model, image, method="refinecam", target=1).mapped()
    assert found.layer == "stem + deep + last"
    params = {"layers": ("stem", "deep", "last"), "fusion": "product"}
    same = interp.explain(model, image, method="gradcam-plusplus", target=1, params=params)
    assert close(found.map(), same.map())
    two = interp.explain(model, image, method="refinecam", target=1, params={"layer": "deep"})
    assert two.mapped().layer == "stem + deep"


def test_refinecam_needs_several_sizes() -> None:
    model = interp.open_model(network("tokens", 0), options=OPTIONS)
    with pytest.raises(UnsupportedError, match=r"are all \(8, 8\); name some layers in layers"):
        interp.explain(model, picture(0), method="refinecam")


def test_a_layer_beside_layers_is_refused() -> None:
    params = {"layer": "last", "layers": ("stem", "deep")}
    with pytest.raises(InputError, match="found layer last beside layers stem, deep"):
        interp.explain(opened(), picture(0), method="gradcam", params=params)


def test_finercam_is_the_difference_of_maps() -> None:
    """Grad-CAM is linear in the score: the target's map less the mean of the nearest classes'."""
    model, image = opened(), picture(3)
    scores = model.predict(model.prepare(image)[0][None])[0]
    nearest = sorted({0, 1, 3, 4}, key=lambda at: abs(float(scores[at] - scores[2])))[:2]
    each = {
        at: interp.explain(model, image, method="gradcam", target=at).map() for at in [2, *nearest]
    }
    expected = each[2] - 0.4 * (each[nearest[0]] + each[nearest[1]]) / 2
    params = {"nearest": 2, "strength": 0.4}
    found = interp.explain(model, image, method="finercam", target=2, params=params)
    assert close(found.map(), expected)
    said = f"c: set apart from {'abcde'[nearest[0]]}, {'abcde'[nearest[1]]}"
    assert found.notes == (said, *model.spec.notes)
    without = interp.explain(model, image, method="finercam", target=2, params={"strength": 0})
    assert close(without.map(), each[2])


def test_finercam_needs_another_class() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    one = interp.open_model(
        nn.Sequential(*net, nn.Linear(4, 1)),
        options=OPTIONS.model_copy(update={"readout": "value"}),
    )
    with pytest.raises(UnsupportedError, match="finercam sets a class apart from others"):
        interp.explain(one, picture(0), method="finercam")


def test_a_contrast_leaves_its_own_classes_out() -> None:
    scores = torch.arange(5.0)[None]
    contrast = Contrast(4, "4, not 0", 0, (1, 2), 0.5)
    assert float(contrast.select(scores)) == 4 - 0 - 0.5 * 1.5


@pytest.mark.parametrize("method", CAMS)
def test_noise_averages_the_maps_of_copies(method: str) -> None:
    """The mean over copies made by hand, and its standard error, whatever the batch size."""
    from interp.engine.random import draw_noise

    model, image = opened(), picture(4)
    pixels = model.prepare(image)[0]
    size = 0.1 * float(pixels.max() - pixels.min())
    params = {"noise": 0.1, "copies": 6} | ({"strength": 0.0} if method == "finercam" else {})
    request = Request(method=method, targets=("1",), params=params, seed=7)
    found = run(request, model=model, images=[image]).explanation
    each = []
    for number in range(6):
        noisy = (pixels + size * torch.tensor(draw_noise(7, number, (3, SIZE, SIZE)))).numpy()
        plain = {key: value for key, value in params.items() if key == "strength"}
        each.append(_on(model, noisy, method, plain))
    heatmap = found.mapped()
    assert close(heatmap.map(), np.mean(each, 0))
    error = np.std(each, 0, ddof=1) / np.sqrt(6)
    assert np.abs(heatmap.error_map() - error).max() <= 1e-4 * np.abs(heatmap.map()).max()
    assert found.samples == 6 and found.scores["b"]["samples"] == 6
    small = request.model_copy(update={"budget": Budget(batch_size=1)})
    assert close(run(small, model=model, images=[image]).explanation.map(), heatmap.map())
    other = request.model_copy(update={"seed": 8})
    assert not close(run(other, model=model, images=[image]).explanation.map(), heatmap.map(), 0.01)


def _on(model: ModelAdapter, pixels: np.ndarray, method: str, params: dict) -> np.ndarray:
    """The map of an image that is given as the network sees it, also outside of [0, 1]."""
    from interp.context import Context
    from interp.opening.named import open_method
    from interp.target import Target
    from interp_cam.method import Shown
    from interp_cam.views import Views

    opened_method = open_method(Registry.load(), method, params)
    layers, placement = opened_method.layers(model), model.prepare(picture(0))[1]
    views, target = Views(model, torch.tensor(pixels)[None]), Target(1, "1")
    shown = Shown(opened_method, layers, placement, Context())
    return shown.maps(views, opened_method.aims(views, layers[0], [[target]]))[0, 0]


def test_noise_goes_on_until_the_map_is_stable() -> None:
    params = {"noise": 0.3, "copies": 2}
    budget = Budget(until="stable")
    found = interp.explain(
        opened(), picture(4), method="gradcam", target=1, params=params, budget=budget
    )
    assert found.samples in (2, 4, 8, 16, 32)
    assert found.scores["b"]["reliability"] >= 0.95 or "not settled" in found.notes[0]


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("method", ["gradcam", "xgradcam", "hirescam", "refinecam"])
def test_a_planted_square_is_found(method: str, noise: float) -> None:
    """Also through noise; other squares get less than half."""
    registry = Registry.load()
    model, shown = known_model(registry), scene(0)
    params = {"noise": noise, "positive": True} if noise else {}
    for target in ("red", "green"):
        found = interp.explain(model, shown.image, method=method, target=target, params=params)
        values = found.map()
        assert shown.near(target).flat[values.argmax()]


def test_a_planted_channel_gets_all_the_weight() -> None:
    """The class reads channel 1 alone: the map of every weighting is that channel's, in scale."""
    net = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    net = nn.Sequential(*net, nn.Flatten(), nn.Linear(3, 2))
    net[0].weight.data = torch.eye(3)[:, :, None, None]
    net[-1].weight.data = torch.tensor([[0.0, 8.0, 0.0], [4.0, 0.0, 0.0]])
    model, image = interp.open_model(net.eval(), options=OPTIONS), picture(6)
    for method in set(FORMULAS) - {"eigencam"}:
        values = interp.explain(model, image, method=method, target=0).map()
        assert np.corrcoef(values.ravel(), image[..., 1].ravel())[0, 1] > 0.999, method


def test_hirescam_adds_up_to_the_score_before_a_linear_layer() -> None:
    """What each cell contributes, exactly: the cells' sum is the score without its constant."""
    model, image = opened(), picture(7)
    cut = model.cut("last")
    pixels = model.prepare(image)[0][None]
    maps = cut.prefix(pixels).activation[0].numpy().astype(np.float64)
    weights = model.module().head.weight[3].detach().numpy()
    slopes = np.broadcast_to(weights[:, None, None] / maps[0].size, maps.shape)
    total = hirescam(maps, slopes).sum()
    constant = float(model.module().head.bias[3].detach())
    assert total + constant == pytest.approx(float(model.predict(pixels)[0, 3]), rel=1e-4)
    layer, placement = model.layer("last"), model.prepare(image)[1]
    cells = hirescam(maps, slopes).astype(np.float32)
    expected = placement.to_image(placement.grid_to_input(cells, layer.field))
    assert close(interp.explain(model, image, method="hirescam", target=3).map(), expected)


def test_the_toy_model_is_cut_without_gradients() -> None:
    """Several images run one by one where a cut has no gradient in one pass."""
    model, images = ToyModel(), [picture(seed) for seed in range(3)]
    together = interp.explain(model, images, method="layercam", target=[0, 1])
    alone = [interp.explain(model, each, method="layercam", target=[0, 1]) for each in images]
    assert close(maps(together), np.concatenate([maps(each) for each in alone]))
