"""Parameters that are filled in from a named training schedule."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from interp.params import Params


class ScheduledParams(Params):
    """Parameters of which those that are None are taken from `SCHEDULES[self.schedule]`."""

    SCHEDULES: ClassVar[dict[str, dict[str, Any]]]

    def scheduled(self) -> Self:
        """The same parameters with the schedule's values for those that are None."""
        values = self.SCHEDULES[vars(self)["schedule"]]
        return self.model_copy(
            update={name: value for name, value in values.items() if getattr(self, name) is None}
        )


def schedules(*names: str, **rows: tuple[Any, ...]) -> dict[str, dict[str, Any]]:
    """Schedules by name, from one row for each parameter with a value for every schedule."""
    return {name: {key: row[at] for key, row in rows.items()} for at, name in enumerate(names)}


def rate_factor(epoch: int, epochs: int, drops: tuple[float, ...]) -> float:
    """What learning rates are multiplied by: a tenth after each share of the epochs in `drops`."""
    return 0.1 ** sum(epoch >= share * epochs for share in drops)
