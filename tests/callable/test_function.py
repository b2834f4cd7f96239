"""A function as a model: what it is given, what it may answer, and what is said of it."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from support.server import mean_colours

from interp.errors import InterpError, ModelError
from interp.opening.source import open_model as open_any
from interp.registry import Registry
from interp.spec import Capability, ModelOptions
from interp_callable.adapter import CallableAdapter
from interp_callable.opening import open_model

SMALL = {"size": (8, 6)}
REGISTRY = Registry.load()


def opened(function: object, **options: object) -> CallableAdapter:
    return open_model(function, ModelOptions(**{"input": SMALL, **options}))  # type: ignore[arg-type]


def refused(function: object, **options: object) -> str:
    """The one line that a function is answered with."""
    with pytest.raises(ModelError) as caught:
        opened(function, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def images(count: int = 3) -> torch.Tensor:
    return torch.rand(count, 3, 8, 6, generator=torch.Generator().manual_seed(3))


def colours(given: np.ndarray) -> np.ndarray:
    return 5 * mean_colours(given)


@pytest.mark.parametrize(
    ("pixels", "dtype", "shape"),
    [
        (None, np.uint8, (3, 8, 6, 3)),
        ("uint8", np.uint8, (3, 8, 6, 3)),
        ("uint8-chw", np.uint8, (3, 3, 8, 6)),
        ("uint8-flat", np.uint8, (3, 144)),
        ("float", np.float32, (3, 8, 6, 3)),
        ("float-chw", np.float32, (3, 3, 8, 6)),
        ("float-flat", np.float32, (3, 144)),
    ],
)
def test_what_a_function_is_given(pixels, dtype, shape):
    seen = []

    def watch(given: np.ndarray) -> np.ndarray:
        seen.append(given.copy())
        given[:] = 0  # its own array: nothing of ours may change
        return np.tile([1.0, 2.0], (len(given), 1))

    model, wanted = opened(watch, pixels=pixels), images()
    kept = wanted.clone()
    model.predict(wanted)
    assert torch.equal(wanted, kept)
    found = seen[-1]
    assert (found.dtype, found.shape) == (dtype, shape)
    expected = wanted.permute(0, 2, 3, 1) if "chw" not in (pixels or "") else wanted
    scale, tolerance = (255, 0.5) if dtype == np.uint8 else (1, 1e-6)
    np.testing.assert_allclose(found, expected.numpy().reshape(shape) * scale, atol=tolerance)


def test_whole_numbers_come_back_as_they_were():
    seen = []
    model = opened(lambda given: seen.append(given) or np.ones((len(given), 2)))
    image = np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)
    model.predict(model.prepare(image)[0][None])
    np.testing.assert_array_equal(seen[-1][0], image)


def test_normalisation_and_order():
    seen = []
    given = {**SMALL, "mean": (0.5, 0.4, 0.3), "std": (0.5, 0.5, 0.25), "order": "BGR"}
    watch = lambda each: seen.append(each) or np.ones((len(each), 2))  # noqa: E731
    model = opened(watch, input=given, pixels="float-chw")
    model.predict(images())
    mean, std = (np.reshape(given[each], (3, 1, 1)) for each in ("mean", "std"))
    np.testing.assert_allclose(seen[-1], (images().flip(1).numpy() - mean) / std, atol=1e-6)
    assert "normalised, BGR" in model.spec.notes[0]
    assert "choose --pixels float" in refused(watch, input=given)


def as_list(given):
    return colours(given).tolist()


def as_tensor(given):
    return torch.tensor(colours(given), requires_grad=True)


def as_rows_of_tensors(given):
    return list(as_tensor(given))


def as_bfloat(given):
    return torch.tensor(colours(given)).bfloat16()


@pytest.mark.parametrize("function", [colours, as_list, as_tensor, as_rows_of_tensors, as_bfloat])
def test_what_a_function_may_answer(function):
    model = opened(function, classes=("r", "g", "b"))
    found = model.predict(images())
    expected = torch.tensor(colours((images() * 255).permute(0, 2, 3, 1).numpy()))
    loose = {"atol": 0.02, "rtol": 0.01} if function is as_bfloat else {"atol": 0.01, "rtol": 0}
    torch.testing.assert_close(found, expected.float(), **loose)
    assert found.dtype == torch.float32
    assert (model.spec.name, model.spec.classes) == (function.__name__, ("r", "g", "b"))
    assert model.spec.source == f"python:{function.__name__}"


def test_the_function_may_use_its_answer_again():
    held = np.zeros((8, 2))

    def reuse(given):
        held[: len(given)] = mean_colours(given)[:, :2]
        return held[: len(given)]

    model = opened(reuse)
    first = model.predict(images())
    kept = first.clone()
    model.predict(1 - images())
    assert torch.equal(first, kept)


def one_row(given):
    assert len(given) == 1
    return mean_colours(given)


def one_image(given):
    assert given.shape == (8, 6, 3)
    return mean_colours(given[None])[0]


def four_numbers(given):
    """As many as there are test images, whatever the batch."""
    return [float(given[..., at % 3].mean()) for at in range(4)]


@pytest.mark.parametrize("function", [one_row, one_image, four_numbers])
def test_single_images(function):
    model = opened(function)
    assert any("takes no batches" in each for each in model.spec.notes)
    found = model.predict(images())
    alone = torch.cat([model.predict(each[None]) for each in images()])
    torch.testing.assert_close(found, alone)
    assert len(found) == 3


@pytest.mark.parametrize("column", [True, False])
def test_one_score_per_image(column):
    def redness(given):
        found = 9 * mean_colours(given)[:, :1] - 4
        return found if column else found[:, 0]

    model = opened(redness, classes=["red"])
    assert model.spec.classes == ("red", "not red")
    scores = model.predict(images())
    assert scores.shape == (3, 2)
    torch.testing.assert_close(scores[:, 1], -scores[:, 0])
    value = opened(redness, classes=["redness"], readout="value")
    assert (value.spec.unit, value.spec.classes) == ("value", ("redness",))
    torch.testing.assert_close(value.predict(images()), scores[:, :1])


def test_independent_probabilities_are_recognised():
    model = opened(mean_colours)
    assert (model.spec.activation, model.normalised) == ("none", True)
    beyond = opened(lambda given: 1.4 * mean_colours(given))  # above 1 on a white image
    assert beyond.spec.activation == "softmax"


def test_a_batch_that_mixes_its_images():
    model = opened(lambda given: mean_colours(given) - mean_colours(given).mean(0) / 2)
    assert any("given one by one" in each for each in model.spec.notes)
    alone = torch.cat([model.predict(each[None]) for each in images()])
    torch.testing.assert_close(model.predict(images()), alone)


def test_answers_that_vary_are_noted():
    random = np.random.default_rng(0)

    def dice(given):
        return mean_colours(given) + random.normal(0, 0.1, (len(given), 3))

    first, second = opened(dice), opened(dice)
    assert any("differently from call to call" in each for each in first.spec.notes)
    assert first.spec.fingerprint == second.spec.fingerprint
    assert not any("differently" in each for each in opened(colours).spec.notes)


def test_the_fingerprint_follows_the_answers():
    def shaded(by: float):
        def score(given):
            return colours(given) * np.array([1, 1, 1 + by])

        return score

    first = opened(shaded(0.0)).spec.fingerprint
    assert first == opened(shaded(0.0)).spec.fingerprint
    assert first == opened(shaded(1e-8)).spec.fingerprint  # rounding
    assert first != opened(shaded(0.01)).spec.fingerprint
    assert first != opened(colours).spec.fingerprint  # another name


def test_probabilities_are_recognised():
    def chances(given):
        found = np.exp(colours(given))
        return found / found.sum(1, keepdims=True)

    model = opened(chances)
    assert model.spec.activation == "none"
    scores = model.predict(images())
    torch.testing.assert_close(model.probabilities(scores), scores)
    logits = opened(colours)
    assert logits.spec.activation == "softmax"
    assert any("one class among several" in each for each in logits.spec.notes)


class Forest:
    """As scikit-learn's: predict_proba, and classes_ as an array."""

    classes_ = np.array([3, 5, 7])

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        assert rows.ndim == 2
        return rows.reshape(len(rows), -1, 3).mean(1)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return self.predict_proba(rows)


def test_names_and_classes_of_what_can_be_called():
    method = opened(Forest().predict_proba, pixels="float-flat")
    assert method.spec.name == "Forest.predict_proba"
    assert method.spec.classes == ("3", "5", "7")
    assert any("classes_" in each for each in method.spec.notes)
    assert opened(Forest(), pixels="float-flat").spec.name == "Forest"
    assert opened(functools.partial(colours)).spec.name == "colours"
    assert opened(lambda given: colours(given)).spec.name == "lambda"
    named = opened(colours, classes=np.array(["a", "b", "c"]))
    assert named.spec.classes == ("a", "b", "c")
    assert "names 2 classes; the model has 3 outputs" in refused(colours, classes=["a", "b"])


def test_options_that_a_function_carries():
    def score(given):
        assert given.dtype == np.float32
        return colours(given)

    score.interp_options = {"pixels": "float", "classes": ["a", "b", "c"], "input": SMALL}
    model = open_model(score)
    assert (model.spec.classes, model.spec.input.size) == (("a", "b", "c"), (8, 6))
    assert open_model(score, ModelOptions(classes=("x", "y", "z"))).spec.classes[0] == "x"
    score.interp_options = {"pixel": "float"}
    with pytest.raises(ModelError, match="interp_options is not usable"):
        open_model(score)


def torn(given):
    raise KeyError("no such\nfilter")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (torn, "torn fails on uint8 (4, 8, 6, 3): KeyError: 'no such"),
        (lambda given: {"a": 1}, "lambda answers dict; expected scores (4, classes)"),
        (lambda given: None, "lambda answers NoneType"),
        (lambda given: ["cat"] * len(given), "lambda answers list"),
        (lambda given: given, "lambda answers (4, 8, 6, 3) to 4 images; expected scores"),
        (lambda given: np.zeros((7, 3)), "lambda answers (7, 3) to 4 images"),
        (lambda given: np.full((len(given), 2), np.nan), "answers NaN or infinity"),
        (lambda given: np.zeros((len(given), 0)), "answers (4, 0) to 4 images"),
        (Forest, "is the class Forest"),
    ],
)
def test_functions_that_are_no_models(function, words):
    assert words in refused(function)


def test_options_that_no_function_has():
    assert "has no weights" in refused(colours, weights="net.pth")
    assert "its own precision" in refused(colours, precision="bf16")
    assert "has one output" in refused(colours, output_name="scores")
    assert "its own device" in refused(colours, device="cuda")


def test_failures_after_opening_name_the_function():
    calls = []

    def tires(given):
        calls.append(len(given))
        if len(calls) > 6:
            raise ValueError("tired")
        return colours(given) if len(calls) < 6 else colours(given)[:, :2]

    model = opened(tires)
    with pytest.raises(ModelError, match="tires answers 2 scores per image; expected 3"):
        model.predict(images())
    with pytest.raises(ModelError, match=r"tires fails on uint8 \(3, 8, 6, 3\): ValueError: tired"):
        model.predict(images())


def test_memory_that_runs_out_is_left_to_the_engine():
    def large(given):
        if len(given) > 5:
            raise RuntimeError("CUDA out of memory")
        return colours(given)

    model = opened(large)
    with pytest.raises(MemoryError):
        model.predict(images(6))
    assert len(model.predict(images(5))) == 5


def test_it_offers_scores_only():
    model = opened(colours)
    assert model.capabilities == {Capability.PREDICT}
    assert model.layers() == [] == model.maps()
    for call in (
        lambda: model.activations(images(), ["0"]),
        lambda: model.cut("0"),
        lambda: model.gradient(images(), []),
        model.module,
        model.map_layer,
    ):
        with pytest.raises(InterpError, match="colours") as caught:
            call()
        assert "\n" not in str(caught.value)


CODE = """
    import numpy as np

    def score(images):
        return images.mean((1, 2)) / 255

    class Holder:
        score = staticmethod(score)

    number = 3
"""


def test_functions_by_name(package):
    name = package(CODE)
    source = f"callable:{name}:score"
    options = ModelOptions(input=SMALL)
    model = open_any(source, options, REGISTRY)
    assert (model.spec.name, model.spec.source) == ("score", source)
    assert open_any(f"callable:{name}:Holder.score", options, REGISTRY).spec.name == "score"
    for wrong, words in (
        (f"callable:{name}:scare", "cannot be imported; .*: AttributeError"),
        ("callable:no_such_module:score", "cannot be imported; .*: ModuleNotFoundError"),
        (f"callable:{name}:number", "is a int; expected a function"),
        ("callable:score", "expected callable:module:function"),
    ):
        with pytest.raises(ModelError, match=words) as caught:
            open_any(wrong, options, REGISTRY)
        assert "\n" not in str(caught.value)


def test_the_current_folder_is_importable(tmp_path, monkeypatch):
    (tmp_path / "of_this_folder.py").write_text(
        "def score(images):\n    return images.mean((1, 2))"
    )
    monkeypatch.chdir(tmp_path)
    assert open_any("callable:of_this_folder:score", ModelOptions(), REGISTRY).spec.name == "score"


def test_a_live_function_and_its_name_are_one_model(package):
    name = package(CODE)
    live = __import__(name).score
    options = ModelOptions(input=SMALL)
    first = open_any(live, options, REGISTRY)
    assert isinstance(first, CallableAdapter)
    second = open_any(f"callable:{name}:score", options, REGISTRY)
    assert first.spec.fingerprint == second.spec.fingerprint


def test_modules_are_opened_by_their_framework():
    module = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    model = open_any(module, ModelOptions(input=SMALL, device="cpu"), REGISTRY)
    assert Capability.MODULE in model.capabilities
