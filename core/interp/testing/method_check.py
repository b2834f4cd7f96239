"""The truth about a method: the common checks, and its answers where the right ones are known."""

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
from interp.testing.answer import SceneAnswers
from interp.testing.claim import CLAIMS, Verdict
from interp.testing.conformance import Check, MethodCase, method_checks
from interp.testing.scene import Scene, scene
from interp.testing.toy_models import CLASSES, Scenes, chance_model, known_model

CONFORMANCE = "conformance"
SAMPLES, FEW, SCENES = 1000, 300, 3
STEPS = len(method_checks()) + len(CLAIMS)
"""How often one check of a method tells of its progress."""

Outcome = Literal["pass", "fail", "none"]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Finding:
    """One check of a method: how it came out, whether it was claimed, what was measured.

    "none": the method's answers leave nothing to measure.
    """

    method: str
    check: str
    outcome: Outcome
    claimed: bool
    said: str

    @property
    def broken(self) -> bool:
        """Whether it was promised and does not hold."""
        return self.claimed and self.outcome != "pass"


def check(
    registry: Registry,
    name: str,
    params: dict[str, Any] | None = None,
    samples: int = SAMPLES,
    tell: Tell = lambda _: None,
) -> list[Finding]:
    """A registered method's conformance, then every claim there is; `tell` hears each step begin.

    A method that learns first learns the known scenes.
    """
    if params:
        open_method(registry, name, params)  # a slip here is the caller's, not the method's
    with TemporaryDirectory() as folder:
        trial = MethodCheck(registry, name, params or {}, samples, tell, Path(folder))
        return [trial.conformance(), *trial.claims()]


@dataclass(frozen=True)
class MethodCheck:
    """A method about to be checked; what it learns of a model is kept in `folder`."""

    registry: Registry
    name: str
    params: dict[str, Any]
    samples: int
    tell: Tell
    folder: Path
    made: dict[str, ModelAdapter] = field(default_factory=dict)
    """What is explained, by the fingerprint of the model it was learned of."""

    @cached_property
    def known(self) -> ModelAdapter:
        """The network whose explanations are known."""
        return known_model(self.registry)

    def conformance(self) -> Finding:
        """The checks that every method must pass, on the known network and one scene."""
        checks = method_checks()
        found = {each.__name__: self._fault(each) for each in checks}
        failed = [f"{name}: {fault}" for name, fault in found.items() if fault]
        outcome: Outcome = "fail" if failed else "pass"
        said = "; ".join([f"{len(checks) - len(failed)} of {len(checks)}", *failed])
        return Finding(self.name, CONFORMANCE, outcome, True, said)

    def _fault(self, check: Check) -> str | None:
        """What a check has against the method."""
        self.tell(check.__name__.removeprefix("check_"))
        try:
            model, knowledge = self._learned(self.known)
            check(
                MethodCase(
                    self.name,
                    registry=self.registry,
                    model=model,
                    image=scene(0).image,
                    params=self.params,
                    knowledge=knowledge,
                    samples=min(self.samples, FEW),
                )
            )
        except Exception as error:  # whatever a stranger's method does is a finding
            return " ".join(f"{type(error).__name__}: {error}".split())
        return None

    def claims(self) -> Iterator[Finding]:
        """Every claim there is, held against the method's answers."""
        entry = self.registry.entry("method", self.name)
        claimed = entry.claims if isinstance(entry, MethodEntry) else ()
        scenes = [scene(seed) for seed in range(SCENES)]
        answers = SceneAnswers(scenes, lambda chance: self._explain(chance, scenes))
        for name, holds in CLAIMS.items():
            outcome, said = self._held(holds, answers)
            yield Finding(self.name, name, outcome, name in claimed, said)

    def _held(
        self, holds: Callable[[SceneAnswers], Verdict], answers: SceneAnswers
    ) -> tuple[Outcome, str]:
        self.tell(holds.__name__)
        try:
            right, said = holds(answers)
        except UnsupportedError as error:
            return "none", str(error)
        except InterpError as error:
            return "fail", str(error)
        return "pass" if right else "fail", said

    def _explain(self, chance: bool, scenes: Sequence[Scene]) -> Explanation:
        """Every scene explained for every class."""
        model, knowledge = self._learned(chance_model(self.registry) if chance else self.known)
        request = self._request(targets=CLASSES, knowledge=knowledge)
        images = [each.image for each in scenes]
        return run(request, registry=self.registry, model=model, images=images).explanation

    def _learned(self, model: ModelAdapter) -> tuple[ModelAdapter, str | None]:
        """The model, or what a method that trains made of it, and the folder of what it learned."""
        if self.registry.get("method", self.name).fit is Method.fit:
            return model, None
        key = model.spec.fingerprint
        place = self.folder / key
        if key not in self.made:
            data = Scenes(model)
            known = fit(self._request(), registry=self.registry, model=model, dataset=data)
            replace(known, made=None).save(place)
            self.made[key] = known.made or model
        return self.made[key], str(place)

    def _request(self, **more: Any) -> Request:
        budget = Budget(samples=self.samples)
        return Request(method=self.name, params=self.params, budget=budget, **more)
