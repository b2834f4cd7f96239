"""`interp measure`: a number for a model, or for what a method learned about it, on a data set."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from interp.cli import flags
from interp.cli.parse import settings

if TYPE_CHECKING:
    from interp.metric import Measurement


def measure_model(
    metric: str = flags.argument("METRIC", "A metric of models; see interp list."),
    *,
    set_: list[str] | None = flags.metric_option(
        "KEY=VALUE", "Set a parameter of the metric, e.g. knowledge=DIR; repeatable.", "--set"
    ),
    data: str = flags.EVALUATED_DATA,
    limit: int | None = flags.image_option(
        "N", "Use N of the images, always the same ones. [default: all]", least=1
    ),
    model: flags.Model,
    seed: int = flags.SEED,
    yes: bool = flags.YES,
    shell: flags.Shell,
) -> None:
    """Measure a model, or what was learned about it, on a data set.

    Metrics of explanations belong to interp evaluate; interp show METRIC says which kind a metric
    is, and lists its parameters.

    Examples
      interp measure rebuilt-accuracy
      interp measure rebuilt-accuracy --data photos
      interp measure rebuilt-accuracy --data photos --limit 200
      interp measure part-instability --data creatures --set of=performer
    """
    from interp.evaluation.measure import measure

    with shell.session(any_time=yes) as session:
        opened = session.open_model(model.source, model.options())
        params = settings(set_ or ())
        found = measure(metric, opened, data, params, limit=limit, session=session, seed=seed)
    lines = [_line(metric, found), *(f"note: {each}" for each in found.notes)]
    shell.say({"metric": metric, **asdict(found)}, lines)


def _line(metric: str, found: Measurement) -> str:
    """`accuracy 0.955 [0.942, 0.967] share of images, 1000 of them; more is better`."""
    words = [f"{metric} {found.value:.4g}"]
    if found.low is not None and found.high is not None:
        words.append(f"[{found.low:.4g}, {found.high:.4g}]")
    words.append(f"{found.unit};")
    words.append(f"{'more' if found.higher_is_better else 'less'} is better")
    return " ".join(words)
