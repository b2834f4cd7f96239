"""Checks of every kind: what is built in passes them, and each fault is found and named."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
from pydantic import Field

from interp.dataset import Dataset, Example, Instance
from interp.engine.component import Component, Experiment, Perturbation, Solver, Weighting
from interp.engine.design import ImageSubject, RegionDesign
from interp.errors import InputError, RegistryError
from interp.evidence import Heatmap
from interp.method import Attack, Renderer
from interp.metric import ExplanationMetric, MetricParams
from interp.readout import OutputDescription, Readout
from interp.registry import Registry
from interp.spec import ModelSource
from interp.testing import EntryCase, ToyModel, check_entry, check_package, entry_checks
from interp.testing.entry_check import CHECKS, members, rule_of

HEADS = {
    "adapter": "{kind: adapter, sources: ['odd:*'], offers: [predict, gradients, module]",
    "renderer": "{kind: renderer, evidence: heatmap",
}


@pytest.fixture
def found(package) -> Callable[..., dict[str, str]]:
    """What the checks of a kind find wrong with an object: check -> what was said."""

    def checked(kind: str, thing: object, more: str = "") -> dict[str, str]:
        head = HEADS.get(kind, f"{{kind: {kind}")
        lines = f"entries:\n  - {head}, name: odd, summary: Odd, object: 'NAME:odd'}}\n{more}"
        name = package("odd = None", lines, installed=True)
        __import__(name)
        sys.modules[name].odd = thing  # type: ignore[attr-defined]
        sys.modules[name].source = ModelSource("odd:one")  # type: ignore[attr-defined]
        findings = check_entry(EntryCase(kind, "odd", Registry.load()))
        return {each.check: each.said for each in findings if each.broken}

    return checked


class Squares(Dataset):
    """A data set that is right."""

    classes = ("square",)

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed

    @property
    def fingerprint(self) -> str:
        return f"{self.count} {self.seed}"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        image = np.random.default_rng((self.seed, index)).integers(0, 255, (8, 8, 3))
        return Example(f"{index}", image.astype(np.uint8), 0, (self.place(index),))

    def place(self, index: int) -> Instance:
        return Instance(0, (0, 0, 4, 4), np.zeros((8, 8), bool))


class TooMany(Squares):
    def __len__(self) -> int:
        return self.count + 1


class Outside(Squares):
    def place(self, index: int) -> Instance:
        return Instance(0, (0, 0, 40, 4), None)


class Unseeded(Squares):
    def __getitem__(self, index: int) -> Example:
        noise = np.random.default_rng().integers(0, 255, (8, 8, 3)).astype(np.uint8)
        return Example(f"{index}", noise, 0)


class SameName(Squares):
    fingerprint = "always"


class Labelled(Squares):
    def place(self, index: int) -> Instance:
        return Instance(3, (0, 0, 4, 4), None)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Squares, {}),
        (TooMany, {"size": "found 7 images; 6 were asked for"}),
        (Outside, {"truth": "0: box (0, 0, 40, 4) in an image of 8 x 8"}),
        (Labelled, {"images": "0: found labels [0, 3]; expected 0 to 0"}),
        (SameName, {"seed": "another seed gives other images, but the same fingerprint"}),
    ],
)
def test_data_sets(found, kind, wrong):
    assert found("dataset", kind) == wrong


def test_a_data_set_without_a_seed(found):
    assert set(found("dataset", Unseeded)) == {"seed", "order"}


class Mean(ExplanationMetric):
    """A metric that is right."""

    def measure(self, case):
        return float(case.map.mean())


class Nothing(Mean):
    def measure(self, case):
        return float("nan")


class Writes(Mean):
    def measure(self, case):
        case.map[:] = case.map.clip(0) + 1
        return float(case.map.mean())


class Random(Mean):
    def measure(self, case):
        return float(np.random.default_rng().random())


class Spoils(Mean):
    def measure(self, case):
        case.model.module().train()
        return 0.0


class Undescribed(Mean):
    class Params(MetricParams):
        share: float = Field(0.5)


class Fails(Mean):
    def measure(self, case):
        raise ValueError("torn\nin two")


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Mean, {}),
        (Nothing, {"number": "found nan for a map of slopes"}),
        (Spoils, {"model kept": "left changed: training mode of the module"}),
        (Undescribed, {"parameters": "parameter share has no description"}),
        (Writes, {"again": "the map was written to"}),
    ],
)
def test_metrics(found, kind, wrong):
    assert_told(found("metric", kind), wrong)


def test_a_metric_that_varies(found):
    assert set(found("metric", Random)) == {"again"}


def test_whatever_is_raised_is_the_things_failure(found):
    told = found("metric", Fails)
    assert set(told) == {"number", "again", "model kept"}
    assert set(told.values()) == {"ValueError: torn"}


class Grey(Renderer):
    """A renderer that is right."""

    def render(self, evidence, image, style):
        return np.full((10, style.width, 3), 128, np.uint8)


class Floats(Grey):
    def render(self, evidence, image, style):
        return np.zeros((10, 10, 3))


class Scribbles(Grey):
    def render(self, evidence, image, style):
        evidence.values[:] = 0
        return super().render(evidence, image, style)


class NeedsImage(Grey):
    def render(self, evidence, image, style):
        return np.asarray(image[..., :3])


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Grey, {}),
        (Floats, {"picture": "found (10, 10, 3) float64; expected (h, w, 3) uint8"}),
        (Scribbles, {"again": "the evidence was written to"}),
        (NeedsImage, {"picture": "TypeError: 'NoneType' object is not subscriptable"}),
    ],
)
def test_renderers(found, kind, wrong):
    assert_told(found("renderer", kind), wrong)


class OffByOne(Perturbation):
    """Two halves of the image, with one of four faults."""

    fault = ""

    def bind(self, model, image, count, context):
        pixels, placement = model.prepare(image)
        labels = np.tile(np.arange(pixels.shape[2]) * 2 // pixels.shape[2], (pixels.shape[1], 1))
        design = Halves(pixels, labels, pixels.new_zeros(3), context.seed)
        object.__setattr__(design, "fault", self.fault)
        return Experiment(ImageSubject(model, pixels, placement), design, placement)

    def place(self, experiment, values):
        placed = super().place(experiment, values)
        return placed[1:] if self.fault == "map" else placed


class Halves(RegionDesign):
    def draw(self, chunk):
        states = super().draw(chunk)
        if self.fault == "anchors":
            states[0] = 0
        if self.fault == "random":
            states[2:] = states[2:][np.random.default_rng().permutation(len(states) - 2)]
        return states

    def distance(self, states):
        return super().distance(states) * (1.1 if self.fault == "distance" else 1)


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ("", {}),
        ("anchors", {"anchors": "the first state does not have all parts on"}),
        ("random", {"states": "drawn again, with the same seed, they differ"}),
        ("distance", {"distance": "they differ by"}),
        ("map", {"evidence": "map is a map of (63, 128); expected (64, 128)"}),
    ],
)
def test_perturbations(found, fault, wrong):
    assert_told(found("perturbation", type("Odd", (OffByOne,), {"fault": fault})), wrong)


class Even(Component, Weighting):
    """A weighting that is right."""

    def weigh(self, design, states, scores):
        return states.new_ones(len(states)).double()


class Negative(Even):
    def weigh(self, design, states, scores):
        return -super().weigh(design, states, scores)


class TooFew(Even):
    def weigh(self, design, states, scores):
        return super().weigh(design, states, scores)[1:]


class Backwards(Solver):
    second_order = False

    def weights(self, sums, full, empty):
        return -sums.b / sums.x


class Neighbours(Solver):
    """Each target's weights are shifted by the mean of all targets'."""

    second_order = False

    def weights(self, sums, full, empty):
        found = sums.b / sums.x
        return found + found.mean()


@pytest.mark.parametrize(
    ("kind", "thing", "wrong"),
    [
        ("weighting", Even, {}),
        ("weighting", Negative, {"weights": "found negative ones, or all 0"}),
        ("weighting", TooFew, {"weights": "found (99,); expected (100,) or (100, 2)"}),
        ("solver", Neighbours, {"targets": "solved alone, a weight differs by"}),
    ],
)
def test_weightings_and_solvers(found, kind, thing, wrong):
    assert_told(found(kind, thing), wrong)


def test_a_solver_that_turns_the_order(found):
    assert found("solver", Backwards)["order"].startswith("the most important parts are [[")


class Bright(Attack):
    """An attack that is right."""

    def perturb(self, model, images, labels, eps, steps):
        return (images + eps).clamp(0, 1)


class Far(Attack):
    def perturb(self, model, images, labels, eps, steps):
        return (images + 2 * eps).clamp(0, 1)


class Idle(Attack):
    def perturb(self, model, images, labels, eps, steps):
        return images


class InPlace(Attack):
    def perturb(self, model, images, labels, eps, steps):
        return images.add_(eps).clamp_(0, 1)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Bright, {}),
        (Far, {"bounds": "pixels move by up to 0.0627; eps is 0.0314"}),
        (Idle, {"bounds": "pixels move by up to 0.0000; eps is 0.0314"}),
        (InPlace, {"attack kept": "the images were written to"}),
    ],
)
def test_attacks(found, kind, wrong):
    assert_told(found("attack", kind), wrong)


class Doubled(ToyModel):
    """Answers probabilities, of which softmax is taken again."""

    def predict(self, images):
        return super().predict(images).softmax(1)


class Beside(ToyModel):
    """Scores depend on the batch."""

    def predict(self, images):
        scores = super().predict(images)
        return scores - scores.mean()


class Torn(ToyModel):
    def predict(self, images):
        return super().predict(images) * float("nan")


class Short(ToyModel):
    def predict(self, images):
        return super().predict(images)[:, :2]


class Training(ToyModel):
    def module(self):
        return self.net.train()


class OtherSlope(ToyModel):
    def gradient(self, images, targets):
        return 2 * super().gradient(images, targets)


MODEL = "  - {kind: model, name: odd-one, summary: One, object: 'NAME:source'}\n"


@pytest.mark.parametrize(
    ("kind", "check", "said"),
    [
        (Doubled, "probabilities", "odd-one: raw scores sum to 1 already, and softmax is applied"),
        (Beside, "batch", "odd-one: they differ by"),
        (Torn, "scores", "found NaN or infinity"),
        (Short, "scores", "found (3, 2); expected (3, 3)"),
        (Training, "module", "odd-one: in training mode: it, conv1"),
        (OtherSlope, "gradient", "odd-one: slopes differ by"),
    ],
)
def test_adapters(found, kind, check, said):
    told = found("adapter", lambda source, options, lookup: named(kind()), MODEL)
    assert said in told[check]
    assert "also offers activations, cut; add it to offers" in told["offers"]
    assert "was opened, though there is no such thing" in told["refuses"]


def test_an_adapter_that_fails_on_what_it_cannot_open(found):
    def opens(source, options, lookup):
        if source != "odd:one":
            raise KeyError(source)
        return named(ToyModel())

    told = found("adapter", opens, MODEL)
    assert "found KeyError: 'odd:no-such-thing-for-interp-check'" in told["refuses"]
    assert set(told) == {"refuses", "offers"}


def named(model: ToyModel) -> ToyModel:
    model.spec = model.spec.model_copy(update={"name": "toy"})
    return model


class Wide(Readout):
    """Names fewer scores than it gives."""

    reads_scores = True

    def read(self, output):
        return OutputDescription("none", ("one",), unit="value")


def test_readouts(found):
    told = found("readout", Wide)
    assert "found (3, 3); expected (3, 1)" in told["scores"]


def grown(network, params):
    """One tensor more each time it is called."""
    import torch

    grown.calls = getattr(grown, "calls", 0) + 1
    network.register_buffer(f"extra_{grown.calls}", torch.zeros(1))
    return network


def test_a_builder_that_builds_something_else_each_time(found):
    told = found("builder", grown)
    assert "builds again" in told and "other names or shapes" in told["builds again"]


def test_what_cannot_be_had_is_the_only_finding(package):
    name = package("", "entries:\n  - {kind: metric, name: gone, summary: x, object: 'NAME:Gone'}")
    registry = Registry.load([package_file(name)])
    (finding,) = check_entry(EntryCase("metric", "gone", registry))
    assert finding.broken and finding.check == "loads" and finding.kind == "metric"
    assert f"{name} has no 'Gone'" in finding.said


def package_file(name):
    from importlib.util import find_spec
    from pathlib import Path

    return Path(find_spec(name).origin).with_name("registry.yaml")


HOOKS = """
    from interp.hookspecs import hookimpl

    @hookimpl
    def interp_after_run(explanation):
        explanation.evidence[0].values[:] = 0

    @hookimpl
    def interp_commands(app):
        @app.command("quiet")
        def quiet():
            print("hush")

        @app.command("extra")
        def extra():
            "More."

    @hookimpl
    def interp_panels():
        return {"Empty hand": lambda: None, "Other": 3}
"""
HOOK_FILE = """
    hooks:
      - {package: NAME, hook: interp_after_run}
      - {package: NAME, hook: interp_commands, names: [quiet, missing]}
      - {package: NAME, hook: interp_panels, names: [empty-hand, other, third]}
"""


def test_hooks(package):
    name = package(HOOKS, HOOK_FILE)
    registry = Registry.load([package_file(name)])
    findings = [each for each in check_package(registry, name) if each.broken]
    told = {(each.kind, each.method, each.check): each.said for each in findings}
    assert "writes to 0 values of the result" in told.pop(
        ("hook", f"{name}:interp_after_run", "called")
    )
    more = "it also adds extra, which registry.yaml does not declare"
    assert told.pop(("command", "quiet", "command")) == more
    assert told.pop(("command", "quiet", "help")) == "it has no help; write a docstring"
    assert told.pop(("command", "missing", "command")) == "it adds quiet, extra"
    assert "KeyError" in told.pop(("command", "missing", "help"))
    assert "panel(comparison)" in told.pop(("panel", "empty-hand", "panel"))
    assert told.pop(("panel", "other", "panel")) == "found int; expected a function"
    assert "found the titles Empty hand, Other" in told.pop(("panel", "third", "panel"))
    assert told == {}


def assert_told(told: dict[str, str], wrong: dict[str, str]) -> None:
    assert set(told) == set(wrong), told
    for check, said in wrong.items():
        assert said in told[check]


BUILT_IN = [
    ("sample", "sample"),
    ("dataset", "creatures"),
    ("renderer", "curve"),
    ("perturbation", "channels"),
    ("perturbation", "smooth-cells"),
    ("weighting", "shapley-kernel"),
    ("solver", "lasso"),
    ("metric", "pointing"),
    ("metric", "stability"),
    ("attack", "pgd"),
    ("builder", "csg"),
    ("command", "dashboard"),
    ("hook", "interp_dashboard:interp_commands"),
]


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_what_is_built_in_keeps_the_rules(registry, kind, name):
    findings = check_entry(EntryCase(kind, name, registry))
    assert [each for each in findings if each.outcome != "pass"] == []


@pytest.mark.slow
def test_all_that_is_built_in_keeps_the_rules(registry):
    broken = [
        finding
        for entry in registry.entries()
        if entry.kind != "method"
        for finding in check_entry(EntryCase(entry.kind, entry.name, registry))
        if finding.broken
    ]
    assert broken == []


def test_every_check_says_what_it_asks():
    for kind in CHECKS:
        for each in entry_checks(kind):
            assert rule_of(kind, each.__name__.removeprefix("check_")).endswith(".")


def test_a_packages_members(registry):
    assert ("solver", "ridge") in members(registry, "interp_standard")
    assert ("command", "dashboard") in members(registry, "interp-dashboard")
    with pytest.raises(RegistryError, match="did you mean 'interp_standard'"):
        members(registry, "interp_standart")


def test_a_broken_packages_reason_is_told(package):
    name = package("", "entries: [3]", installed=True)
    with pytest.raises(RegistryError, match=f"{name} is broken: .*entries"):
        members(Registry.load(), name)


def test_unknown_names_are_told(registry):
    with pytest.raises(RegistryError, match="no checks for the kind 'metrik'"):
        entry_checks("metrik")
    with pytest.raises(RegistryError, match="unknown command 'dashbord'"):
        _ = EntryCase("command", "dashbord", registry).hook
    with pytest.raises(RegistryError):
        _ = EntryCase("metric", "deletoin", registry).subject


def test_examples_of_evidence_are_of_every_kind_and_sound():
    from interp.evidence import KINDS
    from interp.testing.evidence_example import evidence_examples

    found = evidence_examples(12, 16)
    own = {kind for kind, each in KINDS.items() if each.__module__ == "interp.evidence"}
    assert set(found) == own
    for each in found.values():
        each.check()
    with pytest.raises(InputError):
        Heatmap(name="m", values=np.full((2, 2), np.nan)).check()
