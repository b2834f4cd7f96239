"""`interp tune`: whether other parameters make a method better, by a metric."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from interp.cli import flags, parse
from interp.cli.column import columns
from interp.cli.output import number
from interp.errors import InputError

if TYPE_CHECKING:
    from interp.suggestion.tune import Tuning


def tune_method(
    method: str = flags.argument("METHOD", "The method; see interp list methods."),
    *,
    metric: str = flags.metric_option("NAME", "The metric to improve.", default="deletion"),
    metric_set: list[str] | None = flags.metric_option(
        "KEY=VALUE", "Set a parameter of the metric; repeatable."
    ),
    try_: list[str] | None = flags.method_option(
        "KEY=V1,V2,...",
        "A parameter and the values to try; repeatable. [default: what the method names]",
        "--try",
    ),
    set_: list[str] | None = flags.SET,
    data: str = flags.EVALUATED_DATA,
    limit: int = flags.image_option(
        "N",
        "Use N of the images, always the same ones: half to search, half to measure the gain.",
        default=40,
        least=10,
    ),
    target: Literal["true", "predicted"] = flags.EVALUATED_CLASS,
    model: flags.Model,
    amount: str | None = flags.AMOUNT,
    batch_size: int | None = flags.BATCH_SIZE,
    seed: int = flags.SEED,
    folder: flags.Folder,
    shell: flags.Shell,
) -> None:
    """Search better parameters of a method, and say whether they help.

    One parameter after the other is tried on half of the images, by a metric. What the best setting
    gains over the one you began with is measured on the other half, which the search never saw,
    with a 95 % interval: where that holds 0, nothing is gained. Every setting's evaluation is
    saved, and the same command with the same --out goes on where it was stopped.

    Examples
      interp tune rise
      interp tune lime --metric energy-parts --try segments=30,60,120
      interp tune gradcam --data photos --model net.onnx --try layer=conv4,conv5
    """
    from interp.request import Choice
    from interp.suggestion.tune import TuneRequest, tune

    request = TuneRequest(
        method=Choice(name=method, params=parse.settings(set_ or ())),
        metric=Choice(name=metric, params=parse.settings(metric_set or ())),
        values=dict(map(_values, try_ or ())),
        model=model.source,
        options=model.options(),
        data=data,
        target=target,
        limit=limit,
        seed=seed,
        budget=parse.budget(amount, batch_size),
    )
    place = folder.place("tuned", method)
    with shell.session() as session:
        found = tune(request, session, out=place)
    shell.say({"folder": str(place), **found.plain()}, _lines(found, str(place)))


def _values(text: str) -> tuple[str, tuple[Any, ...]]:
    """`keep=0.3,0.5` as ("keep", (0.3, 0.5))."""
    key, value = parse.setting(text if "[" in text else text.replace("=", "=[", 1) + "]", "--try")
    if not isinstance(value, list) or not value:
        raise InputError(f"--try {text}: expected KEY=V1,V2, e.g. --try samples=500,2000")
    return key, tuple(value)


def _lines(found: Tuning, place: str) -> Iterator[str]:
    """The settings with their means, and what came of it."""
    metric = found.request.metric.name
    first = found.settings[0].mean
    arrow = "higher" if first.higher_is_better else "lower"
    yield f"{metric} of {found.request.method.name} on {first.count} images ({arrow} is better)"
    yield from columns(
        (
            _words(each.params),
            f"{number(each.mean.value)} [{number(each.mean.low)}, {number(each.mean.high)}]",
        )
        for each in found.settings
    )
    yield str(found)
    yield f"evaluations: {place}"


def _words(params: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in params.items()) or "as it was"
