"""What interp check finds of the registered methods, and that it finds out bad ones."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import pytest
from reference import truth

from interp.registry import Registry
from interp.registry.manifest import MethodEntry, read_manifest
from interp.registry.registry import builtin
from interp.testing import Finding, check

METHODS = [e for e in read_manifest(builtin()).entries if isinstance(e, MethodEntry)]
QUICK = ("gradcam", "saliency", "guided-backprop", "kernelshap", "edges")
TRUTH = {name: list(found) for name, found in groupby(truth(), lambda each: each.method)}
SEED = """
    import numpy as np
    from interp.errors import InputError
    from interp.evidence import Heatmap
    from interp.explanation import Explanation
    from interp.hookspecs import hookimpl
    from interp.knowledge import Knowledge
    from interp.method import Method

    class Bad(Method):
        "Says that every class is everywhere, another every time; swallows the model's failures."

        def explain(self, model, images, targets, knowledge, context):
            context.stop()
            try:
                for image in images:
                    for _ in range(4):
                        model.predict(model.prepare(image)[0][None])
            except RuntimeError:
                pass
            values = np.random.default_rng().random(images[0].shape[:2])
            return Explanation(tuple(
                Heatmap(name="map", target=target.name, image=at, values=values)
                for target in targets for at in range(len(images))
            ))

    class Learner(Bad):
        "Learns how many images it saw of each class."

        def fit(self, model, dataset, context):
            labels = np.array([each.label for each in dataset], np.float32)
            return Knowledge.of("learner", model, {"labels": labels})

        def explain(self, model, images, targets, knowledge, context):
            if knowledge is None or len(set(knowledge.arrays["labels"])) != 4:
                raise InputError("nothing was learned; learn it from images first: interp fit")
            return super().explain(model, images, targets, knowledge, context)

    class Torn(Bad):
        def fit(self, model, dataset, context):
            raise InputError("32 images are too few; give 1000")

    @hookimpl
    def interp_register(registrar):
        registrar.add("method", "bad", Bad)
        registrar.add("method", "learner", Learner)
        registrar.add("method", "torn", Torn)
"""
REGISTRY = """
    entries:
      - {kind: method, name: bad, package: NAME, summary: Noise, needs: [predict], answers: where,
         claims: [region]}
      - {kind: method, name: learner, package: NAME, summary: L, needs: [predict], answers: where}
      - {kind: method, name: torn, package: NAME, summary: T, needs: [predict], answers: where,
         claims: [shuffled]}
"""


@pytest.fixture
def findings(package: Callable[..., str]) -> Callable[[str], dict[str, Finding]]:
    """What is found of a method of the package, by check."""

    def of(name: str) -> dict[str, Finding]:
        package(SEED, REGISTRY, installed=True)
        return {each.check: each for each in check(Registry.load(), name, samples=100)}

    return of


def test_a_bad_method_is_found_out(findings: Callable[[str], dict[str, Finding]]) -> None:
    found = findings("bad")
    rules = found["conformance"]
    assert rules.broken and rules.said.startswith("6 of 10; ")
    for each in ("seed", "batch_size", "alone_or_beside", "restored_after_failure"):
        assert each in rules.said
    assert found["region"].broken
    assert not found["dummy"].claimed and not found["dummy"].broken
    assert found["channel"].outcome == found["shuffled"].outcome == "none"


def test_a_method_that_learns_learns_first(findings: Callable[[str], dict[str, Finding]]) -> None:
    found = findings("learner")
    assert "nothing was learned" not in str(found.values())
    assert found["region"].outcome == "fail" and not found["region"].claimed


def test_a_method_that_cannot_learn_says_so(findings: Callable[[str], dict[str, Finding]]) -> None:
    found = findings("torn")
    assert "32 images are too few" in found["conformance"].said
    assert found["region"].said == "32 images are too few; give 1000"
    assert found["shuffled"].broken


def test_every_method_is_in_the_table() -> None:
    assert list(TRUTH) == [each.name for each in METHODS], "run make docs"


@pytest.mark.parametrize("method", METHODS, ids=lambda each: each.name)
def test_every_promise_is_kept(method: MethodEntry) -> None:
    found = TRUTH[method.name]
    assert [each.said for each in found if each.broken] == []
    claimed = {each.check for each in found if each.claimed}
    assert claimed == {"conformance", *method.claims}, "run make docs"


@pytest.mark.parametrize("name", sorted({"random", "centre", "edges"} & set(TRUTH)))
def test_what_never_asks_the_model_explains_nothing(name: str) -> None:
    found = {each.check: each.outcome for each in TRUTH[name]}
    assert {found[each] for each in ("region", "additive", "dummy", "symmetric")} == {"fail"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(e.name, marks=() if e.name in QUICK else pytest.mark.slow) for e in METHODS],
)
def test_the_table_is_true(name: str) -> None:
    found = check(Registry.load(), name)
    assert [(each.check, each.outcome) for each in found] == [
        (each.check, each.outcome) for each in TRUTH[name]
    ], "run make docs"
