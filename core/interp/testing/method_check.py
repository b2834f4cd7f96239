"""Checking a method: the checks for every method, and the claims on scenes known by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from interp.context import Budget
from interp.errors import InterpError, UnsupportedError
from interp.explanation import Explanation
from interp.method import Method
from interp.model import ModelAdapter
from interp.opening.named import open_method
from interp.registry import Registry
from interp.registry.manifest import MethodEntry
from interp.request import Request
from interp.run import fit, run
from interp.session import Session
from interp.testing.answer import SceneAnswers
from interp.testing.claim import CLAIMS
from interp.testing.conformance import Check, MethodCase, method_checks
from interp.testing.scene import Scene, scene
from interp.testing.toy_models import CLASSES, Scenes, chance_model, known_model
from interp.testing.toy_transformer import known_transformer

CONFORMANCE = "conformance"
SAMPLES, FEW, SCENES = 1000, 300, 3
STEPS = len(method_checks()) + len(CLAIMS)
"""How many steps one check of a method has."""

Outcome = Literal["pass", "fail", "none"]
OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Finding:
    """One check of a method: its outcome, and whether the method claims it.

    The outcome is "none" where the method's explanations leave nothing to measure. Of another kind
    `method` is the name of what was checked.
    """

    method: str
    check: str
    outcome: Outcome
    claimed: bool
    said: str
    """What was measured, in words."""
    kind: str = "method"

    @property
    def broken(self) -> bool:
        """Whether the method claims it and it does not hold."""
        return self.claimed and self.outcome != "pass"


def check(
    registry: Registry,
    name: str,
    params: dict[str, Any] | None = None,
    samples: int = SAMPLES,
    on_step: OnStep = lambda _: None,
) -> list[Finding]:
    """Check a registered method by the checks for every method, then by every claim there is.

    A method that learns first is fitted to the scenes. `on_step` is called with each step's name.
    """
    if params:
        open_method(registry, name, params)  # a wrong parameter is the caller's, not the method's
    with TemporaryDirectory() as folder:
        checked = MethodCheck(registry, name, params or {}, samples, on_step, Path(folder))
        return [checked.conformance(), *checked.claims()]


@dataclass(frozen=True)
class MethodCheck:
    """A method that is checked; what it learns of a model is saved in `folder`."""

    registry: Registry
    name: str
    params: dict[str, Any]
    samples: int
    on_step: OnStep
    folder: Path
    made: dict[str, ModelAdapter] = field(default_factory=dict)
    """The models that the method learned of or made, by the original's fingerprint."""

    @cached_property
    def known(self) -> ModelAdapter:
        """The network whose explanations are known, of the kind that the method explains."""
        entry = self.registry.entry("method", self.name)
        wanted = entry.network if isinstance(entry, MethodEntry) else "any"
        return (known_transformer if wanted == "transformer" else known_model)(self.registry)

    def conformance(self) -> Finding:
        """The checks that every method must pass, on the known network and one scene."""
        checks = method_checks()
        found = {each.__name__: self._fault(each) for each in checks}
        failed = [f"{name}: {fault}" for name, fault in found.items() if fault]
        outcome: Outcome = "fail" if failed else "pass"
        message = "; ".join([f"{len(checks) - len(failed)} of {len(checks)}", *failed])
        return Finding(self.name, CONFORMANCE, outcome, True, message)

    def _fault(self, check: Check) -> str | None:
        """Why the method fails a check; None where it passes."""
        self.on_step(check.__name__.removeprefix("check_"))
        try:
            model, knowledge = self._learned(self.known)
            few, image = min(self.samples, FEW), scene(0).image
            check(MethodCase(self.name, self.registry, model, image, self.params, knowledge, few))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a method does wrong is a finding
            return " ".join(f"{type(error).__name__}: {error}".split())
        return None

    def claims(self) -> Iterator[Finding]:
        """Every claim there is, checked on the method's explanations."""
        entry = self.registry.entry("method", self.name)
        claimed = entry.claims if isinstance(entry, MethodEntry) else ()
        scenes = [scene(seed) for seed in range(SCENES)]
        answers = SceneAnswers(scenes, lambda chance: self._explain(chance, scenes))
        for name, claim in CLAIMS.items():
            self.on_step(name)
            outcome: Outcome
            try:
                holds, message = claim(answers)
                outcome = "pass" if holds else "fail"
            except UnsupportedError as error:
                outcome, message = "none", str(error)
            except InterpError as error:
                outcome, message = "fail", str(error)
            yield Finding(self.name, name, outcome, name in claimed, message)

    def _explain(self, chance: bool, scenes: Sequence[Scene]) -> Explanation:
        """Every scene explained for every class."""
        model, knowledge = self._learned(chance_model(self.registry) if chance else self.known)
        request = self._request(targets=CLASSES, knowledge=knowledge)
        images = [each.image for each in scenes]
        return run(request, Session(self.registry, model), images=images).explanation

    def _learned(self, model: ModelAdapter) -> tuple[ModelAdapter, str | None]:
        """The model, or the one that a training method made of it, and the folder of knowledge."""
        if self.registry.get("method", self.name).fit is Method.fit:
            return model, None
        key = model.spec.fingerprint
        place = self.folder / key
        if key not in self.made:
            session = Session(self.registry, model)
            knowledge = fit(self._request(), session, dataset=Scenes(model))
            replace(knowledge, made=None).save(place)
            self.made[key] = knowledge.made or model
        return self.made[key], str(place)

    def _request(self, **more: Any) -> Request:
        budget = Budget(samples=self.samples)
        return Request(method=self.name, params=self.params, budget=budget, **more)
