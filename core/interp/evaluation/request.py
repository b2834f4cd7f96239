"""What is asked of an evaluation, and what it notes of each image, in plain types."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from interp.context import Budget
from interp.request import DEFAULT_MODEL, Choice
from interp.spec import ModelOptions, Plain

BASELINES = ("random", "centre", "edges")


class EvaluationRequest(Plain):
    """One job for evaluate. The same request with the same seed gives the same answer."""

    methods: tuple[Choice, ...]
    metrics: tuple[Choice, ...] = Field((), description="none: all that are registered")
    baselines: tuple[str, ...] = Field(BASELINES, description="methods to be compared with")
    model: str = DEFAULT_MODEL
    options: ModelOptions = ModelOptions()
    data: str = Field("creatures", description="folder of images, or a registered data set")
    target: Literal["true", "predicted"] = Field(
        "true", description="explain the image's class, or the model's first answer"
    )
    limit: int | None = Field(None, ge=1, description="images; a fixed choice among all")
    shard: tuple[int, int] | None = Field(None, description="part i of n of the images: (i, n)")
    seed: int = 0
    budget: Budget = Budget()


class MetricSpec(Plain):
    """A metric as it was used."""

    unit: str
    higher_is_better: bool
    images: int | None = Field(description="the first so many are measured; None: all")
    params: dict[str, Any] = {}


class EvaluationRecord(Plain):
    """One image: what every metric says of every method, or why it does not."""

    position: int = Field(description="in the order of the evaluation")
    image: str
    target: str | None = None
    values: dict[str, dict[str, float]] = Field({}, description="metric -> method -> value")
    skipped: dict[str, str] = Field({}, description="metric (or image) -> why it was left out")
    failures: dict[str, dict[str, str]] = Field(
        {}, description="method -> metric (or explain) -> error"
    )
    explaining: dict[str, float] = Field({}, description="method -> seconds")
    measuring: dict[str, float] = Field({}, description="metric -> seconds, all methods together")
