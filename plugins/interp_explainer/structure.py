"""What an explainer reads of a network, what it rebuilds, and the shapes between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from interp.encoding import probe_images
from interp.errors import InputError
from interp.spec import Plain

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter
    from interp.spec import Layer

TOLERANCE = 1e-4
"""How far a layer may be from the means of the one before, relative to its largest."""


class Goal(Plain):
    """A layer of the performer that is rebuilt."""

    layer: str
    channels: int
    grid: tuple[int, int] | None = Field(None, description="None for a vector")
    rectified: bool = Field(description="never below zero")
    mean: bool = Field(False, description="the mean over cells of the goal before")


class Structure(Plain):
    """The layer read, (channels, *grid), the filters, their grid once pooled, and the goals."""

    layer: str
    channels: int
    grid: tuple[int, int]
    filters: int
    pooled: tuple[int, int]
    goals: tuple[Goal, ...]

    @property
    def layers(self) -> list[str]:
        """All that is asked of the performer."""
        return [self.layer, *(goal.layer for goal in self.goals)]


def find_structure(
    model: ModelAdapter, layer: str | None, decode: tuple[str, ...], filters: int | None
) -> Structure:
    """The structure for a performer; what is not named is found, or InputError says what to name.

    Of VGG-like networks: the two rectified vectors before the classes, from the last map but one.
    Of others, our extension: the last map and, where a layer is that, its mean.
    """
    hidden = _hidden(model)
    names = decode or hidden or _last(model)
    start = model.map_layer(layer or _start(model, bool(hidden or decode)))
    order = [each.name for each in model.layers()]
    places = [order.index(model.layer(each).name) for each in (start.name, *names)]
    if places != sorted(set(places)):
        raise InputError(
            f"found the layers {', '.join((start.name, *names))}; expected them in the order in "
            "which the network computes them, the one that is read first"
        )
    goals = find_goals(model, names)
    assert start.grid is not None  # noqa: S101 - map_layer has looked
    last = _entering(model, start, names[0])
    pooled = goals[0].grid or last.grid
    given = last.channels if goals[0].grid is None else start.channels
    return Structure(
        layer=start.name,
        channels=start.channels,
        grid=start.grid,
        filters=filters or given,
        pooled=pooled or start.grid,
        goals=goals,
    )


def find_goals(model: ModelAdapter, names: tuple[str, ...]) -> tuple[Goal, ...]:
    """The goals' shapes and signs, seen on random images."""
    seen = model.activations(probe_images(model.spec.input), names)
    found: list[Goal] = []
    for name in names:
        values, before = seen[name], found[-1] if found else None
        if values.dim() not in (2, 4):
            raise InputError(f"{name} gives {tuple(values.shape[1:])}; expected a map or a vector")
        grid = tuple(values.shape[2:]) if values[0, 0].numel() > 1 else None
        if grid and before and not before.grid:
            raise InputError(
                f"found {name}, a map, after {before.layer}, a vector; expected maps before vectors"
            )
        mean = before is not None and before.grid and _is_mean(values, seen[before.layer])
        found.append(
            Goal(
                layer=name,
                channels=values.shape[1],
                grid=grid,
                rectified=bool(values.min() >= 0),
                mean=bool(mean),
            )
        )
    return tuple(found)


def flat(values: Tensor, goal: Goal) -> Tensor:
    """A goal's activation as the decoder gives it: (B, C) for a vector, else (B, C, h, w)."""
    return values.float() if goal.grid else values.float().flatten(1)


def _hidden(model: ModelAdapter) -> tuple[str, ...]:
    """The last two rectified vectors; none unless there are two."""
    found = [e.name for e in model.layers() if e.layout == "vector" and "relu" in e.kind.lower()]
    return tuple(found[-2:]) if len(found) > 1 else ()


def _last(model: ModelAdapter) -> tuple[str, ...]:
    """The last map and, if there is one, the first later layer that is its mean."""
    last, layers = model.maps()[-1], model.layers()
    later = [e for e in layers[layers.index(last) + 1 :] if e.channels == last.channels]
    names = (last.name, *(e.name for e in later if e.grid in (None, (1, 1))))
    seen = model.activations(probe_images(model.spec.input), names)
    means = [name for name in names[1:] if _is_mean(seen[name], seen[last.name])]
    return (last.name, *means[:1])


def _start(model: ModelAdapter, plain: bool) -> str:
    """The last rectified map but one; InputError where it could lie inside a block."""
    found = [each.name for each in model.maps() if "relu" in each.kind.lower()]
    if not plain or len(found) < 2:
        raise InputError(
            f"{model.spec.name} does not end as VGG does, so no layer to read is found; name one "
            "with --layer: the end of a stage before the last"
        )
    return found[-2]


def _entering(model: ModelAdapter, start: Layer, goal: str) -> Layer:
    """The last map, from `start` on, before a layer."""
    layers = model.layers()
    names = [each.name for each in layers]
    between = layers[names.index(start.name) : names.index(goal)]
    return [each for each in between if each.layout == "NCHW" and each.grid is not None][-1]


def _is_mean(values: Tensor, maps: Tensor) -> bool:
    if values.shape[:2] != maps.shape[:2] or values[0, 0].numel() > 1:
        return False
    apart = (values.float().flatten(1) - maps.float().mean((2, 3))).abs().max()
    return bool(apart <= TOLERANCE * values.abs().max().clamp(min=1e-12))
