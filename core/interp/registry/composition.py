"""Methods without code: a perturbation, a weighting and a solver that a registry.yaml combines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, ValidationError, create_model

from interp.context import Context
from interp.engine.component import Experiment, Perturbation, Solver
from interp.engine.convergence import SETTLED, reliability, trust, unsettled
from interp.engine.moments import STILL_NOTE, Moments
from interp.engine.respond import accumulate, respond
from interp.engine.solve import Solution
from interp.errors import InputError, RegistryError, nearest
from interp.explanation import Explanation
from interp.method import PerImageMethod
from interp.model import ModelAdapter
from interp.params import Params
from interp.registry.manifest import CompositionEntry
from interp.spec import PROBABILITY, ModelSpec
from interp.target import Target

EMPTY_MARGIN = 0.1
"""How far above chance a class's probability on the empty image may be before a note warns."""


class CompositionParams(Params):
    """Parameters of every composition, beside those of its parts."""

    samples: int = Field(
        1000, ge=2, description="number of perturbed images, or layer activations, to evaluate"
    )
    output: Literal["logit", "prob", "logprob"] = Field(
        "prob", description="the class score that is explained"
    )


@dataclass(frozen=True)
class Composition(PerImageMethod):
    """Switches parts of something off, records the scores, and explains the scores by the parts.

    The perturbation says what the parts are and how they are switched off, the weighting how much
    each sample counts, and the solver what each part is worth.
    """

    parts: ClassVar[dict[str, Any]]
    """Kind of part -> its class."""

    params: Any

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """All targets share the samples."""
        perturbation: Perturbation = self._part("perturbation")
        count = context.samples(self.params.samples)
        experiment = perturbation.bind(model, image, count, context)
        moments, fits = self._fitted(experiment, targets, context)
        evidence, notes, scores = [], [], {}
        warnings = _empty_warnings(experiment, targets, context)
        for target, fit, warned in zip(targets, fits, warnings, strict=True):
            unit = model.unit(self.params.output)
            about = {"target": target.name, "r2": fit.r2, "unit": unit}
            evidence += perturbation.to_evidence(experiment, fit.weights, fit.error, about)
            notes += [f"{target.name}: {each}" for each in warned]
            if fit.still:
                notes.append(f"{target.name}: {STILL_NOTE}")
            if context.budget.until != "samples":
                buckets = len(moments.buckets)
                found, what = trust(context.budget, fit.weights, fit.error, buckets)
                notes += unsettled(target.name, found, moments.count, what)
            scores[target.name] = fit.scores | {"samples": moments.count}
        return Explanation(tuple(evidence), moments.count, scores, tuple(notes))

    def _part(self, kind: str) -> Any:
        """The part of a kind, with its share of the parameters."""
        part = self.parts[kind]
        return part(part.Params(**self.params.model_dump(include=set(part.Params.model_fields))))

    def _fitted(
        self, experiment: Experiment, targets: Sequence[Target], context: Context
    ) -> tuple[Moments, list[Fit]]:
        """The moments of the samples, and each target's fit to them."""
        solver: Solver = self._part("solver")
        size = experiment.design.size

        def settled(moments: Moments) -> bool:
            found = _fits(solver.solve(moments), moments)
            buckets = len(moments.buckets)
            each = (trust(context.budget, fit.weights, fit.error, buckets)[0] for fit in found)
            return all(known is not None and known >= SETTLED for known in each)

        moments = accumulate(
            context,
            experiment.subject,
            experiment.design,
            targets,
            self._part("weighting"),
            self.params.output,
            context.samples(self.params.samples) if size is None else size,
            solver.second_order,
            settled,
        )
        if size is not None and moments.count < size:
            raise InputError(
                f"the time budget ended after {moments.count} of {size} states, and each part "
                "needs its own; allow more time or choose fewer parts"
            )
        return moments, _fits(solver.solve(moments, sampled=size is None), moments)


@dataclass(frozen=True, eq=False)
class Fit:
    """What the solver found for one target.

    Weights (Q,) of the features and their standard errors, the held-out R^2, and the scores where
    all parts are on and where all are off.
    """

    weights: np.ndarray
    error: np.ndarray | None
    r2: float | None
    full: float
    empty: float
    still: bool = False
    """Whether the scores are the same whatever is switched off, so that all weights are 0."""

    @property
    def reliability(self) -> float | None:
        """The expected correlation with a repeat by another seed; None without standard errors."""
        return None if self.error is None else reliability(self.weights, self.error)

    @property
    def scores(self) -> dict[str, float]:
        """The numbers that say how far to trust the weights."""
        optional = {"r2": self.r2, "reliability": self.reliability}
        rounded = {name: round(each, 4) for name, each in optional.items() if each is not None}
        return {"full": self.full, "empty": self.empty} | rounded


def _fits(solution: Solution, moments: Moments) -> list[Fit]:
    """One fit for each target."""
    errors, r2, still = solution.standard_error, solution.r2, moments.still()
    full, empty = moments.anchors()
    return [
        Fit(
            (0 * weights if still[row] else weights).cpu().numpy(),
            None if errors is None else errors[row].cpu().numpy(),
            None if r2 is None or still[row] else float(r2[row]),
            float(full[row]),
            float(empty[row]),
            still[row],
        )
        for row, weights in enumerate(solution.weights)
    ]


def _empty_warnings(
    experiment: Experiment, targets: Sequence[Target], context: Context
) -> Iterator[list[str]]:
    """For each target, a warning where the model sees its class in the empty image.

    Only probabilities have a chance level to compare with.
    """
    if experiment.subject.model.spec.unit != PROBABILITY:
        yield from ([] for _ in targets)
        return
    answers = respond(context, experiment.subject, experiment.design, "prob", 2)
    empty = next(iter(answers)).scores[1].float().cpu().numpy()  # (K,)
    chance = chance_level(experiment.subject.model.spec)
    for each in targets:
        found = float(empty[each.index])
        warning = (
            f"the empty image is taken for {each.name} with probability {found:.2g} (chance "
            f"{chance:.2g}): parts that look like the fill may seem unimportant; try another "
            "--fill"
        )
        yield [warning] if found > chance + EMPTY_MARGIN else []


def chance_level(model: ModelSpec) -> float:
    """The probability of a class that says nothing: that of chance, or of an even bet."""
    return 1 / len(model.classes) if model.activation == "softmax" else 0.5


def compose(entry: CompositionEntry, lookup: Callable[[str, str], Any]) -> type[Composition]:
    """The method class that an entry composes of the parts that `lookup(kind, name)` finds.

    Raises RegistryError where two parts share a parameter, or a default does not fit.
    """
    recipe = entry.compose
    parts = {kind: lookup(kind, name) for kind, name in recipe.parts.items()}
    fields: dict[str, Any] = {}
    for params in (CompositionParams, *(part.Params for part in parts.values())):
        for name, info in params.model_fields.items():
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
    needs = parts["perturbation"].needs if entry.needs is None else frozenset(entry.needs)
    about = {"__doc__": entry.summary, "Params": params, "needs": needs, "parts": parts}
    return type(entry.name, (Composition,), about)
