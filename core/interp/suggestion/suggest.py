"""Advice on methods: which can explain a model's answer here, at what cost, and which three to run.

Costs are measured on the image. How well a method keeps its promises is what `interp check` holds
it to, and what evaluations say of it beside maps that see no model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from interp.comparison.result import ComparisonRequest
from interp.context import Budget, no_progress
from interp.dataset import for_channels
from interp.errors import InputError, PluginError, nearest
from interp.evaluation.summary import Evaluations, Verdict
from interp.network.plain_tensors import plain_tensors
from interp.opening.images import named_images
from interp.opening.prediction import choose_targets
from interp.registry import Registry
from interp.registry.answer import find_answer
from interp.registry.manifest import MethodEntry
from interp.request import BASELINES, DEFAULT_MODEL, SAMPLE_IMAGE, AnyRequest, Choice, Request
from interp.session import Session
from interp.spec import Capability, ModelOptions, ModelSpec
from interp.storage.pixel import LoadedImage
from interp.suggestion.cost import Cost, measure_cost

CHOSEN = 3
TRIAL = 3.0
"""Seconds for which each method is tried."""
ANSWERS = "only asks the model for answers"
INSIDE = "looks inside a layer"
SLOPES = "follows slopes back to the pixels"
"""Ways in which methods look at a model: where methods of different ways agree, it tells more."""


class SuggestionRequest(AnyRequest):
    """One job for suggest: what is to be explained, by which kind of answer, and in what time."""

    model: str = Field(DEFAULT_MODEL, description="registered name, file, factory or bundle")
    options: ModelOptions = Field(ModelOptions(), description="what the model file does not say")
    image: str = Field(SAMPLE_IMAGE, description="image file or sample name")
    targets: tuple[str, ...] = Field((), description="classes; none: the predicted one")
    question: str = Field("where", description="question that the methods should answer")
    seconds: float = Field(60, gt=0, description="longest time for a method and image, in seconds")
    evaluations: tuple[str, ...] = Field((), description="folders of interp evaluate to go by too")
    seed: int = Field(0, ge=0, description="seed of the methods' random samples")
    budget: Budget = Field(Budget(), description="samples and memory that each method may take")

    def of(self, method: str) -> Request:
        """The request of one method."""
        names = ("model", "options", "targets", "seed", "budget")
        fields = {each: getattr(self, each) for each in names}
        return Request(method=method, images=(self.image,), **fields)


@dataclass(frozen=True)
class MethodAdvice:
    """What is known of one method for a model and an image."""

    name: str
    summary: str
    look: str
    """How it looks at the model: ANSWERS, INSIDE or SLOPES."""
    cost: Cost
    claims: tuple[str, ...]
    """What it promises where the right answer is known; interp check holds it to that."""
    verdict: Verdict | None

    @property
    def order(self) -> tuple[float, int, float]:
        """The better method comes first: by evaluations, then by promises, then by its cost."""
        score = 0.0 if self.verdict is None else self.verdict.score
        return -score, -len(self.claims), self.cost.seconds or 0.0

    @property
    def words(self) -> dict[str, str]:
        """What is known of it, by the heading of a table."""
        return {
            "method": self.name,
            "takes": str(self.cost),
            "promises kept": ", ".join(self.claims) or "-",
            "evaluated": "-" if self.verdict is None else str(self.verdict),
        }

    def plain(self) -> dict[str, Any]:
        """The facts, for JSON."""
        said = None if self.verdict is None else str(self.verdict)
        return {**asdict(self), "said": said}


@dataclass(frozen=True, repr=False)
class Suggestion:
    """Every method that answers the question, and the three that are recommended."""

    request: SuggestionRequest
    model: ModelSpec
    methods: tuple[MethodAdvice, ...]
    """Those that can be run in the time, best first, then the others."""
    chosen: dict[str, str]
    """Recommended method -> the reason."""

    def __repr__(self) -> str:
        head = f"Suggestion for {self.request.image} and {self.model.name}"
        chosen = (f"  {name}: {reason}" for name, reason in self.chosen.items())
        return "\n".join((head, *chosen, f"  {len(self.methods)} methods were tried"))

    def plain(self) -> dict[str, Any]:
        """The facts, for JSON."""
        return {
            "request": self.request.model_dump(mode="json"),
            "model": self.model.model_dump(mode="json"),
            "chosen": self.chosen,
            "methods": [each.plain() for each in self.methods],
        }

    def comparison(self) -> ComparisonRequest:
        """The request that compares the recommended methods."""
        given = self.request
        return ComparisonRequest(
            methods=tuple(Choice(name=each) for each in self.chosen),
            images=(given.image,),
            **{
                key: getattr(given, key)
                for key in ("model", "options", "targets", "seed", "budget")
            },
        )


@plain_tensors(recorded=True)
def suggest(
    request: SuggestionRequest,
    session: Session | None = None,
    *,
    image: Any = None,
    trial: float = TRIAL,
) -> Suggestion:
    """Try every method that answers the question on one image, and recommend three.

    Each is run for about `trial` seconds. `image`, as read_image takes it, takes the place of the
    request's. The recommended ones are the best of each way of looking at a model, then the next
    best: a method comes before another by the evaluations of this model or of another of its kind,
    then by the number of its promises, then by its cost. Raises InputError for a question that no
    method answers, and the errors of opening the model and the image.
    """
    session = session or Session()
    entries = list(_answering(session.registry, request.question))
    model = session.open_model(request.model, request.options)
    session = replace(session, model=model)
    evaluations = Evaluations.of(session.registry, model, map(Path, request.evaluations))
    given = None if image is None else [image]
    dataset = named_images(session.registry, (request.image,), given)
    (read,) = for_channels(dataset, model.spec.input.channels)
    choose_targets(model, request.targets, [read.image], [read.name])  # before any work
    images = [LoadedImage(read.image)]
    found = []
    for at, entry in enumerate(entries):
        session.progress("methods tried", at, len(entries))
        silent = replace(session, progress=no_progress)
        cost = measure_cost(request.of(entry.name), silent, trial, images)
        verdict = evaluations.verdict(entry.name)
        found.append(
            MethodAdvice(entry.name, entry.summary, _look(entry), cost, entry.claims, verdict)
        )
    session.progress("methods tried", len(entries), len(entries))
    fit = sorted((e for e in found if _in_time(e, request)), key=lambda each: each.order)
    others = [each for each in found if each not in fit]
    return Suggestion(request, model.spec, (*fit, *others), _choose(fit))


def _answering(registry: Registry, question: str) -> Iterator[MethodEntry]:
    """The methods that answer a question, without those that see no model."""
    listed = [each for each in registry.entries("method") if isinstance(each, MethodEntry)]
    entries = [_completed(registry, each) for each in listed]
    known = dict.fromkeys(each.answers for each in entries)
    answer = find_answer(question, known)
    if answer is None:
        raise InputError(f"found no method that answers {question!r}; {nearest(question, known)}")
    yield from (e for e in entries if e.answers == answer and e.name not in BASELINES)


def _completed(registry: Registry, entry: MethodEntry) -> MethodEntry:
    """The entry with its needs; as it is where the package fails, which its trial then tells."""
    try:
        return registry.complete(entry)
    except PluginError:
        return entry


def _look(entry: MethodEntry) -> str:
    """How a method looks at a model, by what it needs."""
    needs = set(entry.needs or ())
    if Capability.GRADIENTS in needs:
        return SLOPES
    return ANSWERS if needs <= {Capability.PREDICT} else INSIDE


def _in_time(advice: MethodAdvice, request: SuggestionRequest) -> bool:
    return advice.cost.seconds is not None and advice.cost.seconds <= request.seconds


def _choose(fit: Sequence[MethodAdvice]) -> dict[str, str]:
    """The best of each way of looking, then the next best, each with the reason; best first."""
    firsts = {each.look: each for each in reversed(fit)}
    ordered = sorted(fit, key=lambda each: (firsts[each.look] is not each, each.order))
    return {each.name: _reason(each, firsts[each.look] is each) for each in ordered[:CHOSEN]}


def _reason(advice: MethodAdvice, best: bool) -> str:
    """Why a method is recommended, as a sentence without its name."""
    said = "no evaluation measured it" if advice.verdict is None else str(advice.verdict)
    place = "the best" if best else "the next best"
    kept = f"keeps {len(advice.claims)} promises of interp check" if advice.claims else ""
    return "; ".join(filter(None, (f"{place} that {advice.look}", said, kept, str(advice.cost))))
