"""The same methods on several models: one class, one scale, and how alike the maps are."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from tests.core.test_report import Page
from typer.testing import CliRunner

import interp
from interp.cli.app import app
from interp.comparison.compare import compare
from interp.comparison.models import PART, compare_models
from interp.comparison.result import Comparison, ComparisonRequest
from interp.context import Budget
from interp.errors import InputError
from interp.opening.export import export_model
from interp.registry import Registry
from interp.report.models_page import models_html
from interp.request import Choice
from interp.session import Session
from interp.spec import ModelOptions
from interp.testing import ToyModel

IMAGES = [np.random.default_rng(at).integers(0, 256, (40, 50, 3), dtype=np.uint8) for at in (0, 1)]
BUDGET = Budget(samples=100, batch_size=50)


class Turned(ToyModel):
    """The toy model with its classes in another order, as a network that answers otherwise."""

    def __init__(self, name: str = "turned") -> None:
        super().__init__()
        self.spec = self.spec.model_copy(update={"name": name, "source": name})

    def predict(self, images):
        return -super().predict(images)


@pytest.fixture
def models(registry):
    """Several toy models under the same methods: models(methods, models, images, targets)."""

    def make(methods, *opened, count=1, targets=()):
        request = ComparisonRequest(
            methods=tuple(Choice(name=each) for each in methods),
            images=tuple(str(at) for at in range(count)),
            targets=targets,
            budget=BUDGET,
        )

        def one(at: int, asked: ComparisonRequest) -> Comparison:
            session = Session(registry, opened[at])
            return compare(asked, session, images=IMAGES[:count], names=asked.images)

        return compare_models(request, [each.spec.source for each in opened], one)

    return make


def test_all_models_explain_the_class_of_the_first(models):
    found = models(["tiles", "crash"], ToyModel(), Turned())
    (targets,) = {each.records[0].targets for each in found.comparisons}
    answers = [each.records[0].prediction.classes[0] for each in found.comparisons]
    assert targets == (answers[0],) and answers[0] != answers[1]
    said = " ".join(found.sentences())
    for model, answer in zip(found.models, answers, strict=True):
        assert f"{model} says {answer}" in said
    assert "crash: not every model has a map to compare." in said


def test_a_model_beside_itself_has_the_same_maps(models):
    found = models(["tiles"], ToyModel(), ToyModel(), count=2, targets=("ant", "bee"))
    assert len(set(found.models)) == 2, "models of one name are told apart"
    for image in range(2):
        for target in ("ant", "bee"):
            np.testing.assert_allclose(found.agreement("tiles", target, image), 1, atol=1e-6)
            assert found.near("tiles", target, image) is not False
    assert found.sentences()[0] == "The models give the same answer on 2 of 2 images."
    assert "mean rank correlation 1.00" in found.sentences()[1]


def test_the_reverse_model_has_the_reverse_map(models):
    found = models(["tiles"], ToyModel(), Turned(), targets=("ant",))
    assert found.agreement("tiles", "ant")[0, 1] < -0.5


@pytest.mark.parametrize(
    ("count", "opened", "told"), [(1, 1, "found 1 model"), (2, 2, "name the class")]
)
def test_what_cannot_be_set_side_by_side_is_told_before_any_work(models, count, opened, told):
    with pytest.raises(InputError, match=told):
        models(["tiles"], *[ToyModel()] * opened, count=count)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("tile", "ant"), "'tile' was not compared; did you mean 'tiles'"),
        (("tiles", "be"), "target 'be' was not compared; did you mean 'bee'"),
        (("tiles", "cat"), "target 'cat' was not compared"),
        (("tiles", "ant", 2), "found image 2; expected one of 1, from 0"),
    ],
)
def test_what_was_not_compared_has_no_agreement(models, asked, said):
    found = models(["tiles"], ToyModel(), Turned(), targets=("ant", "bee"))
    for ask in (found.agreement, found.near):
        with pytest.raises(InputError, match=said):
            ask(*asked)


class Other(ToyModel):
    """A toy model without bees."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = self.spec.model_copy(
            update={"name": "other", "classes": ("ant", "wasp", "cat")}
        )


@pytest.mark.parametrize("target", ["bee", 1, "bee, not ant", ["ant", "bee"]])
def test_a_model_without_the_targets_class_is_named_before_any_work(target, tmp_path):
    with pytest.raises(InputError, match=r"^model other \(interp.*\): unknown target 'bee'; known"):
        interp.compare_models(
            [ToyModel(), Other()], IMAGES[0], methods=["rise"], target=target, out=tmp_path / "out"
        )
    assert not (tmp_path / "out").exists()


def test_a_model_without_the_class_that_the_first_answers_is_named(models):
    with pytest.raises(InputError, match=r"^model other: unknown target 'bee'"):
        models(["tiles"], Sure(), Other())


class Sure(ToyModel):
    """Every image shows a bee."""

    def predict(self, images):
        scores = super().predict(images)
        scores[:, 1] += 100
        return scores


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("creatures-vgg", "found 'creatures-vgg'"),
        (ToyModel(), "found .*ToyModel"),
        ([], "found a list of 0"),
        (["creatures-vgg"], "found a list of 1"),
    ],
)
def test_one_model_is_no_list(given, said):
    with pytest.raises(InputError, match=f"{said}.*; expected a list of two or more models"):
        interp.compare_models(given, "two", methods=["rise"])


def test_the_command_line_names_the_model_without_the_class(tmp_path):
    exported, out, own = tmp_path / "net.onnx", tmp_path / "out", interp.open_model("creatures-vgg")
    names = tuple(f"class {at}" for at in range(len(own.spec.classes)))
    export_model("creatures-vgg", exported, ModelOptions(classes=names), Registry.load())
    words = ["--beside", str(exported), "--target", own.spec.classes[0], "--out", str(out)]
    options = ["--plugins", "centre", "--image", "two", "--model", "creatures-vgg"]
    told = str(CliRunner().invoke(app, ["compare", *options, *words]).exception)
    assert "net.onnx" in told and f"unknown target '{own.spec.classes[0]}'" in told
    assert not out.exists()


def test_the_report_has_each_map_of_each_model_on_the_models_scale(models, registry):
    found = models(["tiles", "centre"], ToyModel(), Turned(), count=2, targets=("ant", "bee"))
    page = Page(models_html(registry, found))
    assert len(page.all("article")) == 2 * 2 * 2 * 2  # images, targets, methods, models
    assert all(each in page.text for each in found.sentences())
    headings = [int(tag[1]) for tag, _ in page.found if tag in ("h1", "h2", "h3", "h4")]
    assert all(after - before <= 1 for before, after in pairwise(headings))
    for each in found.comparisons:
        assert all(f"Full colour: {full:.3g} " in page.text for full in each.scales.values())


def test_python_and_the_command_line_do_the_same(tmp_path):
    """A network beside its export: by either, a folder for each, a report and the same words."""
    exported, network = tmp_path / "vgg.onnx", interp.open_model("creatures-vgg")
    export_model("creatures-vgg", exported, ModelOptions(), Registry.load())
    first = interp.compare_models(
        [network, exported], "two", methods=["centre", "gradcam"], out=tmp_path / "a"
    )
    words = ["--model", "creatures-vgg", "--beside", str(exported), "--out", str(tmp_path / "b")]
    command = ["compare", "--plugins", "centre,gradcam", "--image", "two", "--json", *words]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["verdict"] == first.sentences()
    assert first.near("gradcam", first.comparisons[0].records[0].targets[0])
    for place in ("a", "b"):
        assert (tmp_path / place / "report.html").is_file()
        for at in (1, 2):
            Comparison.open(tmp_path / place / PART.format(at))
