"""Methods that a registry.yaml composes of a perturbation, a weighting and a solver: no code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, ValidationError, create_model

from interp.engine.component import Experiment, Perturbation, Solver, Weighting
from interp.engine.convergence import SETTLED, reliability, unsettled
from interp.engine.respond import accumulate, respond
from interp.errors import InputError, RegistryError, nearest
from interp.evidence import Evidence
from interp.explanation import Explanation, finding_key, join
from interp.method import Method
from interp.params import Params
from interp.registry.manifest import PARTS, CompositionEntry

if TYPE_CHECKING:
    from interp.context import Context
    from interp.engine.moments import Moments
    from interp.engine.solve import Solution
    from interp.knowledge import Knowledge
    from interp.model import ModelAdapter
    from interp.target import Target

TOO_MUCH = 0.1
"""Probability above chance from which on an empty image's score is warned of."""


class CompositionParams(Params):
    """What every composition is asked, beside its parts' own parameters."""

    samples: int = Field(1000, ge=2, description="perturbed images or layers that are asked")
    output: Literal["logit", "prob", "logprob"] = Field(
        "prob", description="the class score that is explained"
    )


@dataclass(frozen=True)
class Composition(Method):
    """Switch parts of something off, watch the scores, explain the scores by the states.

    What the parts are and how they are switched off is the perturbation's, how much each state
    counts the weighting's, what a part is worth the solver's.
    """

    kinds: ClassVar[dict[str, Any]]
    """Kind of part -> its class."""

    params: Any

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """One pool of answers for each image, whatever the number of targets."""
        perturbation: Perturbation = self._part("perturbation")
        solver: Solver = self._part("solver")
        count = context.samples(self.params.samples)
        parts = []
        for at, image in enumerate(images):
            context.out_of_time()
            experiment = perturbation.bind(model, image, count, context)
            moments = self._moments(experiment, solver, targets, count, context)
            solution = solver.solve(moments, sampled=experiment.design.size is None)
            known = _reliability(solution)
            chances = _anchor_chances(experiment, context)
            for row, target in enumerate(targets):
                finding = TargetResult(
                    target, row, solution, moments, known[row] if known else None
                )
                key = finding_key(target.name, at, len(images))
                about = {"target": target.name, "image": at, "r2": finding.r2, "unit": self._unit}
                parts.append(
                    Explanation(
                        tuple(finding.to_evidence(perturbation, experiment, about)),
                        samples=moments.count if row == 0 else 0,
                        scores={key: finding.scores()},
                        notes=tuple(finding.notes(key, chances, context.budget.until == "stable")),
                    )
                )
        return join(parts)

    @property
    def _unit(self) -> str:
        return {"prob": "probability", "logprob": "log probability"}.get(
            self.params.output, self.params.output
        )

    def _part(self, kind: str) -> Any:
        own = self.kinds[kind]
        wanted = {name: getattr(self.params, name) for name in own.Params.model_fields}
        return own(own.Params(**wanted))

    def _moments(
        self,
        experiment: Experiment,
        solver: Solver,
        targets: Sequence[Target],
        count: int,
        context: Context,
    ) -> Moments:
        weighting: Weighting = self._part("weighting")
        design = experiment.design

        def settled(moments: Moments) -> bool:
            known = _reliability(solver.solve(moments))
            return known is not None and min(known) >= SETTLED

        moments = accumulate(
            context,
            experiment.subject,
            design,
            targets,
            weighting,
            self.params.output,
            count if design.size is None else design.size,
            solver.second_order,
            settled,
        )
        if design.size is not None and moments.count < design.size:
            raise InputError(
                f"the time budget ended after {moments.count} of {design.size} states, and each "
                "part needs its own; allow more time or choose fewer parts"
            )
        return moments


@dataclass(frozen=True, eq=False)
class TargetResult:
    """What a composition found for one target on one image."""

    target: Target
    row: int
    solution: Solution
    moments: Moments
    reliability: float | None

    @property
    def r2(self) -> float | None:
        """Held-out R^2 of the fit, where it is one."""
        return None if self.solution.r2 is None else float(self.solution.r2[self.row])

    def to_evidence(
        self, perturbation: Perturbation, experiment: Experiment, about: dict[str, Any]
    ) -> list[Evidence]:
        """The perturbation's evidence."""
        errors = self.solution.standard_error
        error = None if errors is None else errors[self.row].cpu().numpy()
        return perturbation.to_evidence(
            experiment, self.solution.weights[self.row].cpu().numpy(), error, about
        )

    def scores(self) -> dict[str, Any]:
        """The numbers that tell how far to trust it."""
        full, empty = self.moments.anchors()
        told = {"full": float(full[self.row]), "empty": float(empty[self.row])}
        if self.r2 is not None:
            told["r2"] = round(self.r2, 4)
        if self.reliability is not None:
            told["reliability"] = round(self.reliability, 4)
        return told | {"samples": self.moments.count}

    def notes(self, key: str, chances: tuple[float, np.ndarray], stable: bool) -> list[str]:
        """What a reader must know: an empty image that is none, an answer that has not settled."""
        chance, empty = chances
        told = []
        score = float(empty[self.target.index])
        if score > chance + TOO_MUCH:
            told.append(
                f"{key}: the empty image is taken for {self.target.name} with probability "
                f"{score:.2g} (chance {chance:.2g}): parts that look like the fill may seem "
                "unimportant; try another --fill"
            )
        return told + (unsettled(key, self.reliability, self.moments.count) if stable else [])


def compose(entry: CompositionEntry, lookup: Callable[[str, str], Any]) -> type[Composition]:
    """The method that an entry composes of the parts that `lookup(kind, name)` finds.

    RegistryError where the parts do not go together.
    """
    recipe = entry.compose
    kinds = {kind: lookup(kind, getattr(recipe, kind)) for kind in PARTS}
    fields: dict[str, Any] = {}
    for each in (CompositionParams, *(part.Params for part in kinds.values())):
        for name, info in each.model_fields.items():
            if name in fields:
                raise RegistryError(f"{entry.name}: two of its parts have a parameter {name!r}")
            fields[name] = (info.annotation, info)
    for name, value in recipe.defaults.items():
        if name not in fields:
            raise RegistryError(f"{entry.name}: no part has {name!r}; {nearest(name, fields)}")
        annotation, info = fields[name]
        changed = copy(info)
        changed.default = value
        fields[name] = (annotation, changed)
    params = create_model(f"{entry.name}-params", __base__=Params, **fields)
    try:
        params.model_validate(recipe.defaults)
    except ValidationError as error:
        first = error.errors()[0]
        raise RegistryError(
            f"{entry.name}: default {'.'.join(map(str, first['loc']))} = {first['input']!r}: "
            f"{first['msg'].lower()}"
        ) from error
    about = {
        "__doc__": entry.summary,
        "Params": params,
        "needs": frozenset(entry.needs),
        "kinds": kinds,
    }
    return type(entry.name, (Composition,), about)


def _reliability(solution: Solution) -> list[float] | None:
    """Of each target; None where there are no standard errors."""
    if solution.standard_error is None:
        return None
    pairs = zip(solution.weights.cpu().numpy(), solution.standard_error.cpu().numpy(), strict=True)
    return [reliability(values, errors) for values, errors in pairs]


def _anchor_chances(experiment: Experiment, context: Context) -> tuple[float, np.ndarray]:
    """Chance, and what the model says of the empty state as probabilities (K,)."""
    asked = respond(context, experiment.subject, experiment.design, "prob", 2)
    chances = next(iter(asked)).scores[1].float().cpu().numpy()
    softmax = experiment.subject.model.spec.activation == "softmax"
    return (1 / len(chances) if softmax else 0.5), chances
