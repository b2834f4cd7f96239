"""Each weighting equals a slow second writing of its formula, in every layout and on ONNX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from support.cam_formula import FORMULAS, NETWORKS, network, seen
from support.families import SIZE

import interp
from interp.evidence import Heatmap
from interp.model import ModelAdapter
from interp.spec import ModelOptions
from interp.testing import ToyModel

OPTIONS = ModelOptions(
    input={"size": (SIZE, SIZE), "mean": (0.0,) * 3, "std": (1.0,) * 3}, device="cpu"
)
PLACES = [(layout, layer) for layout, (_, layers) in NETWORKS.items() for layer in layers]
Pair = Callable[[str], tuple[ModelAdapter, ModelAdapter]]
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]
SLOPED = [name for name in FORMULAS if name != "eigencam"]


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), np.uint8)


def placed(model: ModelAdapter, image: np.ndarray, layer: str, cells: np.ndarray) -> np.ndarray:
    placement = model.prepare(image)[1]
    return placement.to_image(placement.grid_to_input(cells, model.layer(layer).field))


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference as a share of the largest value."""
    assert np.abs(expected).max() > 0
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("output", ["logit", "prob"])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("layout", "layer"), PLACES)
@pytest.mark.parametrize("method", FORMULAS)
def test_it_is_the_formula(method: str, layout: str, layer: str, seed: int, output: str) -> None:
    module, image = network(layout, seed), picture(seed)
    model = interp.open_model(module, options=OPTIONS)
    assert model.layer(layer).layout == layout
    pixels = model.prepare(image)[0][None]

    def score(scores: torch.Tensor) -> torch.Tensor:
        return (scores.softmax(0) if output == "prob" else scores)[1]

    expected = FORMULAS[method](*seen(module, layout, layer, pixels, score))
    params = {"layer": layer} | ({"output": output} if method in SLOPED else {})
    found = interp.explain(model, image, method=method, target=1, params=params).mapped()
    assert isinstance(found, Heatmap) and found.signed and found.layer == layer
    assert apart(found.values, placed(model, image, layer, expected)) < 1e-4


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """files(layout): a network of the layout, as a module and as the ONNX file made of it."""
    kept: dict[str, tuple[ModelAdapter, ModelAdapter]] = {}
    folder: Path = tmp_path_factory.mktemp("cam")

    def made(layout: str) -> tuple[ModelAdapter, ModelAdapter]:
        if layout not in kept:
            model = interp.open_model(network(layout, 0), options=OPTIONS)
            path = folder / f"{layout}.onnx"
            model.export(path)
            kept[layout] = (
                model,
                interp.open_model(str(path), options=ModelOptions(device="cpu")),
            )
        return kept[layout]

    return made


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("layout", NETWORKS)
@pytest.mark.parametrize("method", [*FORMULAS, "finercam", "refinecam"])
def test_a_file_gives_the_same_map(files: Pair, method: str, layout: str, positive: bool) -> None:
    """Differences stand in for gradients."""
    model, file = files(layout)
    params: dict[str, object] = {"positive": positive}
    image, known = picture(5), {each.name for each in file.maps()}
    if method == "refinecam":
        both = [each.name for each in model.maps() if each.name in known]
        params |= {"layers": (both[0], both[-1])}
    first = interp.explain(model, image, method=method, target=[0, 1], params=params)
    second = interp.explain(file, image, method=method, target=[0, 1], params=params)
    one, other = (np.stack([e.map() for e in each.of("heatmap")]) for each in (first, second))
    assert apart(other, one) < 1e-3


@pytest.mark.parametrize("method", SLOPED)
@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_directions_suffice_where_there_is_no_gradient(method: str, layer: str) -> None:
    """The toy model knows derivatives along directions alone."""
    model, image = ToyModel(), picture(1)
    cut = model.cut(layer)
    assert not cut.one_pass
    pixels = model.prepare(image)[0][None]
    leaf = cut.prefix(pixels).activation.clone().requires_grad_()
    score = model.net[cut.at :](leaf)[0, 2]
    slopes = torch.autograd.grad(score, leaf)[0]
    expected = FORMULAS[method](*(each[0].detach().double().numpy() for each in (leaf, slopes)))
    found = interp.explain(model, image, method=method, target=2, params={"layer": layer}).map()
    assert apart(found, placed(model, image, layer, expected)) < 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_eigencam_is_a_singular_vector(seed: int) -> None:
    """As LAPACK finds it, centred or not, of more channels than cells and of fewer."""
    from interp_cam.weighting import EigenCam, EigenCamParams

    for shape in ((4, 5, 6), (60, 3, 4)):
        maps = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        values = maps.flatten(1).T.double().numpy()
        for centred in (False, True):
            given = values - values.mean(0) if centred else values
            expected = given @ np.linalg.svd(given)[2][0]
            found = EigenCam(EigenCamParams(centred=centred))._component(maps).numpy().ravel()
            assert apart(found * np.sign(found @ expected), expected) < 1e-5
            assert found @ values.sum(1) >= 0


def test_eigencam_asks_for_no_class() -> None:
    found = interp.explain(ToyModel(), picture(0), method="eigencam", target=[0, 1])
    first, second = (each.arrays()["values"] for each in found.of("heatmap"))
    assert np.array_equal(first, second) and first.any()


@pytest.mark.parametrize("seed", range(3))
def test_two_sums_are_the_same(seed: int) -> None:
    """XGrad-CAM's and HiResCAM's cells add up to the same: what all values contribute together."""
    from interp.context import Context
    from interp.engine.slopes import Slopes
    from interp.target import Target
    from interp_cam.weighting import WEIGHTINGS

    model = interp.open_model(network("NCHW", seed), options=OPTIONS)
    cut = model.cut("conv")
    frontier = cut.prefix(model.prepare(picture(seed))[0][None])
    slopes = Slopes(cut, frontier, [Target(0, "0")], "logit", Context())
    kinds = [WEIGHTINGS[each] for each in ("xgradcam", "hirescam")]
    first, second = (k(k.Params()).weigh(frontier.activation, slopes).sum() for k in kinds)
    assert float(first) == pytest.approx(float(second), rel=1e-3)
