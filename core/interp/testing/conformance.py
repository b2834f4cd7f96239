"""The checks that every method must pass: functions of a case that raise AssertionError."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from interp.context import Budget
from interp.engine.random import draw_states
from interp.errors import Cancelled, InterpError
from interp.evidence import KINDS, Evidence
from interp.explanation import Explanation
from interp.guard import LEFT, watched
from interp.model import ModelAdapter
from interp.opening.named import open_method
from interp.registry import Registry
from interp.registry.manifest import MethodEntry
from interp.request import Request
from interp.run import run
from interp.session import Session
from interp.spec import Capability
from interp.testing.toy import SIZE, ToyModel

TOLERANCE = 1e-4
"""The largest difference between two batch sizes, relative to the largest value."""


@dataclass(frozen=True)
class MethodCase:
    """A registered method, with a model and an image that are small enough to run in a second."""

    method: str
    registry: Registry = field(default_factory=Registry.load)
    model: ModelAdapter = field(default_factory=ToyModel)
    image: np.ndarray | None = None
    params: dict[str, Any] = field(default_factory=dict)
    knowledge: str | None = None
    samples: int = 300
    targets: tuple[str, ...] = ("0", "1")
    global_seed: bool = False
    """True where the method cannot do without a global seed, and says so in its documentation."""

    def request(self, **changes: Any) -> Request:
        """The case's request, with changes."""
        request = Request(
            method=self.method,
            params=self.params,
            targets=self.targets,
            knowledge=self.knowledge,
            budget=Budget(samples=self.samples, batch_size=16),
        )
        return request.model_copy(update=changes)

    def picture(self) -> np.ndarray:
        """The case's image, by default a bright square on noise."""
        if self.image is not None:
            return self.image
        noise = draw_states(1, "picture", 0, (SIZE, SIZE * 3)).reshape(SIZE, SIZE, 3)
        image = (noise * 60 + 40).astype(np.uint8)
        image[6:18, 8:20] = (230, 60, 40)
        return image

    def explain(self, model: ModelAdapter | None = None, **changes: Any) -> Explanation:
        """The explanation that run makes for the case's request, with changes."""
        session = Session(self.registry, model or self.model)
        return run(self.request(**changes), session, images=[self.picture()]).explanation


Check = Callable[[MethodCase], None]


def method_checks() -> list[Check]:
    """All checks, for pytest.mark.parametrize."""
    return [each for name, each in globals().items() if name.startswith("check_")]


def check_parameters(case: MethodCase) -> None:
    """Parameters are the same after JSON, and each has a default and a description."""
    params = open_method(case.registry, case.method, case.params).params
    kind = type(params)
    assert kind.model_validate_json(params.model_dump_json()) == params
    for name, info in kind.model_fields.items():
        assert not info.is_required(), f"parameter {name} has no default"
        assert info.description, f"parameter {name} has no description"


def check_needs(case: MethodCase) -> None:
    """The registry and the class declare the same needs, and these suffice."""
    entry = case.registry.complete(case.registry.entry("method", case.method))
    assert isinstance(entry, MethodEntry)
    declared = frozenset(entry.needs or ())
    needs = open_method(case.registry, case.method, case.params).needs
    assert declared == needs, f"registry.yaml says {sorted(declared)}, the class {sorted(needs)}"
    case.explain(Narrowed(case.model, needs))


def check_evidence(case: MethodCase) -> None:
    """The evidence is of known kinds, finite, of the image's size, and for the targets given."""
    found = case.explain()
    assert found.evidence, "no evidence"
    names = {case.model.spec.classes[int(each)] for each in case.targets}
    for each in found.evidence:
        assert each.kind in KINDS, f"{each.kind} is no kind of evidence"
        each.check()
        assert each.target is None or each.target in names, f"{each.name}: {each.target}"
        for name in ("values", "labels"):
            values = each.arrays().get(name)
            if each.kind in ("heatmap", "regions") and values is not None:
                assert values.shape == case.picture().shape[:2], f"{each.name}: {values.shape}"


def check_seed(case: MethodCase) -> None:
    """The same seed gives the same evidence."""
    first, second = case.explain(seed=3), case.explain(seed=3)
    assert_alike(first.evidence, second.evidence, 1e-6)


def check_global_seeds(case: MethodCase) -> None:
    """The global random generators of Python, NumPy and torch are left as they were."""
    import torch

    def states() -> list[Any]:
        legacy = np.random.get_state()  # noqa: NPY002
        return [random.getstate(), str(legacy), torch.get_rng_state().tolist()]

    before = states()
    case.explain()
    assert case.global_seed or states() == before, "a global generator was moved"


def check_batch_size(case: MethodCase) -> None:
    """The evidence does not depend on the batch size."""
    some = case.explain(budget=Budget(samples=case.samples, batch_size=1))
    many = case.explain(budget=Budget(samples=case.samples, batch_size=64))
    assert_alike(some.evidence, many.evidence, TOLERANCE)


def check_alone_or_beside(case: MethodCase) -> None:
    """The evidence for a target does not depend on the other targets."""
    first, *_ = case.targets
    name = case.model.spec.classes[int(first)]
    alone, beside = case.explain(targets=(first,)), case.explain()
    kept = [each for each in beside.evidence if each.target == name]
    assert_alike([each for each in alone.evidence if each.target == name], kept, TOLERANCE)


def check_model_restored(case: MethodCase) -> None:
    """The model, the image, PyTorch's modes and the working directory are left as they were."""
    with unchanged(case.model):
        found = case.explain()
    left = [each for each in found.notes if LEFT in each]
    assert not left, left[0]


def check_model_restored_after_failure(case: MethodCase) -> None:
    """The model is also left as it was when it fails in the middle of a run."""
    counted = Narrowed(case.model, case.model.capabilities)
    case.explain(counted)
    own = counted.calls - 1  # the first is run's, for the prediction
    if not own:
        return
    with unchanged(case.model):
        try:
            case.explain(Narrowed(case.model, case.model.capabilities, 1 + own // 2))
        except InterpError as error:
            told = str(error)
        else:
            raise AssertionError("the model failed, and the method did not say so")
    assert LEFT not in told, told


def check_cancelled(case: MethodCase) -> None:
    """A cancelled run ends in Cancelled."""
    session = Session(case.registry, case.model, cancelled=lambda: True)
    try:
        run(case.request(), session, images=[case.picture()])
    except Cancelled:
        return
    raise AssertionError("context.out_of_time() was never called")


class Narrowed(ModelAdapter):
    """A model reduced to some capabilities, which may fail after a number of calls."""

    def __init__(
        self, model: ModelAdapter, capabilities: frozenset[Capability], most: int | None = None
    ) -> None:
        self.model, self.spec, self.capabilities = model, model.spec, capabilities
        self.calls, self.most = 0, most

    def probabilities(self, scores: Any, output: Any = "prob") -> Any:
        return self.model.probabilities(scores, output)

    def evaluating(self) -> Any:
        return self.model.evaluating()

    def layers(self) -> Any:
        return self.model.layers()

    def to_device(self, values: np.ndarray) -> Any:
        return self.model.to_device(values)

    @staticmethod
    def _limited(name: str, need: Capability) -> Callable[..., Any]:
        """The model's method, where it is allowed and the calls are not used up."""

        def call(self: Narrowed, *args: Any) -> Any:
            if need not in self.capabilities:
                raise self.lacks(need)
            if self.calls == self.most:
                raise RuntimeError("the model failed on purpose")
            self.calls += 1
            return getattr(self.model, name)(*args)

        return call

    predict = _limited("predict", Capability.PREDICT)
    activations = _limited("activations", Capability.ACTIVATIONS)
    attention = _limited("attention", Capability.ACTIVATIONS)
    cut = _limited("cut", Capability.CUT)
    forward = _limited("forward", Capability.GRADIENTS)
    gradient = _limited("gradient", Capability.GRADIENTS)
    module = _limited("module", Capability.MODULE)


@contextmanager
def unchanged(model: ModelAdapter) -> Iterator[None]:
    """Assert that the block leaves the model's module and the process as they were.

    All values of the weights are compared, where a run compares a sample.
    """
    with watched(model, whole=True) as watch:
        yield
    assert not watch.changes, f"the method {watch.words}"


def assert_alike(first: Sequence[Evidence], second: Sequence[Evidence], tolerance: float) -> None:
    """Assert that two lists of evidence differ by at most a share of each array's largest value.

    For standard errors it is a share of what they are errors of: in an exact fit they are rounding.
    """
    names, others = [each.name for each in first], [each.name for each in second]
    assert names == others, f"evidence {names} became {others}"
    for one, other in zip(first, second, strict=True):
        found, expected = one.arrays(), other.arrays()
        for name, values in found.items():
            against = expected[name].astype(np.float64)
            assert values.shape == against.shape, f"{one.name}: {name} has another shape"
            whole = [against]
            if name == "standard_error":
                whole = [each for each in expected.values() if each.dtype.kind == "f"]
            scale = max(1e-9, *(float(np.abs(each).max(initial=0)) for each in whole))
            apart = float(np.abs(values - against).max(initial=0)) / scale
            assert apart <= tolerance, f"{one.name}: {name} differs by {apart:.2g} of its largest"
