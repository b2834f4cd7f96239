"""How a model's answer is read: one output, independent classes, values, on both adapters."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import interp
from interp.errors import ModelError, RegistryError, UnsupportedError
from interp.model import ModelAdapter
from interp.opening.prediction import predict
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.target import parse_target

SIZE = 16
REGISTRY = Registry.load()
ENDS = {"nothing": nn.Identity(), "sigmoid": nn.Sigmoid(), "softmax": nn.Softmax(1)}


class Net(nn.Module):
    """One convolution, pooled in quarters; a head with `outputs` scores, and what ends it."""

    def __init__(self, outputs: int, end: str = "nothing", squeeze: bool = False) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()
        self.pool, self.head = nn.AvgPool2d(SIZE // 2), nn.Linear(16, outputs)
        self.end, self.squeeze = ENDS[end], squeeze

    def forward(self, images: Tensor) -> Tensor:
        found = self.end(self.head(self.pool(self.act(self.conv(images))).flatten(1)))
        return found.squeeze() if self.squeeze else found


def net(outputs: int, end: str = "nothing", squeeze: bool = False) -> Net:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made = Net(outputs, end, squeeze).eval()
        made.head.weight.data *= 4
    return made


def options(**given: object) -> ModelOptions:
    said = {"size": (SIZE, SIZE), "mean": (0.5,) * 3, "std": (0.5,) * 3}
    return ModelOptions(input=said, device="cpu", **given)  # type: ignore[arg-type]


@pytest.fixture(params=["torch", "onnx"])
def opened(request: pytest.FixtureRequest, tmp_path: Path):
    """Opens a module by either adapter, with options."""

    def open_(module: nn.Module, **given: object) -> ModelAdapter:
        source: object = module
        if request.param == "onnx":
            source = str(tmp_path / "net.onnx")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                axes = {"image": {0: "n"}, "scores": {0: "n"}}
                names = {"input_names": ["image"], "output_names": ["scores"]}
                image = torch.rand(2, 3, SIZE, SIZE)
                torch.onnx.export(
                    module, (image,), source, dynamo=False, dynamic_axes=axes, **names
                )
        return open_model(source, options(**given), REGISTRY)

    return open_


def images(count: int = 5) -> Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def answers(module: nn.Module, given: Tensor) -> Tensor:
    with torch.no_grad():
        return module((given - 0.5) / 0.5)


def test_a_logit_is_a_class_and_its_opposite(opened) -> None:
    module = net(1)
    model, z = opened(module), answers(module, images())
    assert model.spec.classes == ("class 0", "not class 0")
    assert any("one output: read as a logit" in each for each in model.spec.notes)
    scores = model.predict(images())
    for output, expected in (
        ("logit", torch.cat([z, -z], 1)),
        ("prob", torch.cat([z.sigmoid(), (-z).sigmoid()], 1)),
        ("logprob", torch.cat([z.sigmoid().log(), (-z).sigmoid().log()], 1)),
    ):
        found = model.probabilities(scores, output)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_a_sigmoids_answer_is_taken_as_it_is(opened) -> None:
    module = net(1, "sigmoid")
    model, p = opened(module), answers(module, images())
    assert any("read as the probability of 'class 0'" in each for each in model.spec.notes)
    found = model.probabilities(model.predict(images()))
    torch.testing.assert_close(found, torch.cat([p, 1 - p], 1), atol=1e-5, rtol=1e-5)


def test_cuts_and_gradients_read_the_output_alike(opened) -> None:
    """Both classes' slopes are those of z and of -z, at the cut and in the image."""
    module = net(1)
    model = opened(module)
    cut = model.cut("act")
    frontier = cut.prefix(images(1))
    torch.testing.assert_close(
        cut.suffix(frontier, frontier.activation), model.predict(images(1)), atol=1e-5, rtol=1e-4
    )
    gates = cut.gates(frontier)(torch.eye(4))
    same = cut.suffix(frontier, frontier.activation * torch.eye(4)[..., None, None])
    torch.testing.assert_close(gates, same, atol=1e-5, rtol=1e-4)
    targets = [parse_target(each, model.spec.classes) for each in model.spec.classes]
    directions = torch.randn(3, *frontier.activation.shape[1:])
    slopes = cut.derivative(frontier, directions, targets, "logit")
    assert slopes.abs().max() > 0
    torch.testing.assert_close(slopes[:, 0], -slopes[:, 1], atol=1e-5, rtol=1e-3)
    if "gradients" in model.capabilities:
        first, second = (model.gradient(images(1), [each]) for each in targets)
        torch.testing.assert_close(first, -second)


def test_an_output_without_an_axis_of_classes() -> None:
    module = net(1, squeeze=True)  # () for one image
    model = open_model(module, options(), REGISTRY)
    z = answers(net(1), images())
    torch.testing.assert_close(model.predict(images()), torch.cat([z, -z], 1))
    torch.testing.assert_close(model.predict(images(1)), torch.cat([z, -z], 1)[:1])
    frontier = model.cut("act").prefix(images(1))
    found = model.cut("act").suffix(frontier, frontier.activation)
    torch.testing.assert_close(found, model.predict(images(1)))


def test_names_of_one_output(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    module = net(1)
    z = answers(module, images())
    names.write_text("dog\n")
    model = open_model(module, options(classes=str(names)), REGISTRY)
    assert model.spec.classes == ("dog", "not dog")
    torch.testing.assert_close(model.predict(images()), torch.cat([z, -z], 1))
    names.write_text("cat\ndog\n")  # as folders are sorted: labels 0 and 1
    model = open_model(module, options(classes=str(names)), REGISTRY)
    assert model.spec.classes == ("cat", "dog")
    assert any("the probability of 'dog'" in each for each in model.spec.notes)
    torch.testing.assert_close(model.predict(images()), torch.cat([-z, z], 1))
    names.write_text("a\nb\nc\n")
    with pytest.raises(ModelError, match="names 3 classes; the model has 1 outputs"):
        open_model(module, options(classes=str(names)), REGISTRY)


def test_an_export_is_read_as_its_model(tmp_path: Path) -> None:
    made = interp.open_model(net(1), options=options())
    made.export(tmp_path / "one.onnx")
    again = open_model(str(tmp_path / "one.onnx"), ModelOptions(device="cpu"), REGISTRY)
    assert again.spec.classes == made.spec.classes
    torch.testing.assert_close(again.predict(images()), made.predict(images()), atol=1e-5, rtol=0)
    assert again.spec.notes == ()


def test_softmax_of_one_output_is_refused() -> None:
    with pytest.raises(ModelError, match="softmax would always make 1; choose --activation"):
        open_model(net(1), options(activation="softmax"), REGISTRY)


def test_a_logit_in_the_unit_interval_on_usual_images_is_no_probability() -> None:
    module = net(1)
    module.head.weight.data *= 1e-3
    module.head.bias.data.fill_(0.5)
    assert ((z := answers(module, images())) > 0).all() and (z < 1).all()
    model = open_model(module, options(), REGISTRY)
    assert model.spec.activation == "sigmoid"


def test_classes_that_do_not_exclude_each_other(opened) -> None:
    module = net(3, "sigmoid")
    model, p = opened(module), answers(module, images())
    assert any(each.startswith("answers lie in [0, 1]") for each in model.spec.notes)
    torch.testing.assert_close(
        model.probabilities(model.predict(images())), p, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("end", "given", "said"),
    [
        ("nothing", None, True),
        ("nothing", "softmax", False),
        ("nothing", "sigmoid", False),
        ("softmax", None, False),
    ],
)
def test_a_softmax_that_is_assumed_is_told(opened, end: str, given: str, said: bool) -> None:
    model = opened(net(3, end), activation=given)
    assert any("read as one class among several" in each for each in model.spec.notes) == said


def test_values(opened) -> None:
    module = net(2)
    model, expected = opened(module, readout="value"), answers(module, images())
    assert (model.spec.classes, model.spec.unit) == (("value 0", "value 1"), "value")
    scores = model.predict(images())
    for output in ("prob", "logit"):
        found = model.probabilities(scores, output)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        assert model.unit(output) == "value"
    with pytest.raises(
        UnsupportedError, match=r"found output logprob, but .* no probabilities \(unit: value\)"
    ):
        model.probabilities(scores, "logprob")
    told = predict(model, images(1)[0])
    assert (told.classes, told.unit) == (("value 0", "value 1"), "value")
    assert told.probabilities == pytest.approx(expected[0].tolist(), abs=1e-5)


def test_values_are_explained_as_values(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("width\nheight\n")
    photo = (images(1)[0].permute(1, 2, 0) * 255).byte().numpy()
    given = options(readout="value", classes=str(names))
    for method in ("occlusion", "gradcam", "mint"):
        found = interp.explain(net(2), photo, method=method, target="height", options=given)
        assert found.provenance.targets == ("height",)
        assert not [each for each in found.evidence if "prob" in getattr(each, "unit", "")]
        assert "probability" not in found.scores_of("height")
    assert interp.explain(net(2), photo, method="occlusion", options=given).provenance.targets == (
        "width",
    )


def test_mistakes_about_readouts() -> None:
    with pytest.raises(ModelError, match="--activation sigmoid with --readout value"):
        open_model(net(2), options(readout="value", activation="sigmoid"), REGISTRY)
    with pytest.raises(RegistryError, match=r"valu.*did you mean.*value"):
        open_model(net(2), options(readout="valu"), REGISTRY)


def test_readings_of_one_network_do_not_share_cached_scores() -> None:
    module = net(1)
    kinds = [open_model(module, options(readout=each), REGISTRY) for each in ("classes", "value")]
    first, second = (each.cut("act").prefix(images(1)).key for each in kinds)
    assert first != second


def test_shipped_models_get_no_note() -> None:
    assert open_model("creatures-vgg", ModelOptions(device="cpu"), REGISTRY).spec.notes == ()
