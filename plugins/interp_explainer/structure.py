"""What an explainer reads of a network, what it rebuilds, and the shapes between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from interp.errors import InputError
from interp.network.preprocess import probe_images
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
    unit: float = Field(1.0, description="what the decoder's answer is multiplied by")


class Structure(Plain):
    """The layer read, (channels, *grid), the filters, their grid once pooled, and the goals."""

    layer: str
    channels: int
    grid: tuple[int, int]
    filters: int
    pooled: tuple[int, int]
    goals: tuple[Goal, ...]
    unit: float = Field(1.0, description="what the maps that are read are divided by")

    @property
    def layers(self) -> list[str]:
        """All that is asked of the performer."""
        return [self.layer, *(goal.layer for goal in self.goals)]


def find_structure(
    model: ModelAdapter, layer: str | None, decode: tuple[str, ...], filters: int | None
) -> Structure:
    """The structure for a performer; what is not named is found, or InputError says what to name.

    Of VGG-like networks: the two rectified vectors before the classes, from the last map but one.
    Of others, our extension: the last map and, where a layer is that, its mean, from the last
    rectified map before it that nothing bypasses.
    """
    names = decode or _hidden(model) or _last(model)
    start = model.map_layer(layer or _start(model, model.layer(names[0])))
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


def in_units(structure: Structure, maps: Tensor, goals: tuple[Tensor, ...]) -> Structure:
    """The structure with F and the goals counted in root mean squares of these.

    A mean over cells is in the unit of what it is the mean of.
    """
    found: list[Goal] = []
    for goal, values in zip(structure.goals, goals, strict=True):
        unit = found[-1].unit if goal.mean else _size(values)
        found.append(goal.model_copy(update={"unit": unit}))
    return structure.model_copy(update={"unit": _size(maps), "goals": tuple(found)})


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


def _start(model: ModelAdapter, goal: Layer) -> str:
    """Before a vector, the last rectified map but one; before a map, the last it is made of alone.

    InputError where there is none. A block's own rectifier may have no name, so that a map before
    a map counts as rectified by its values.
    """
    names, vector = [each.name for each in model.layers()], goal.layout == "vector"
    before = [each for each in model.maps() if names.index(each.name) < names.index(goal.name)]
    if vector:
        before = [each for each in before if "relu" in each.kind.lower()][:-1]
    for each in reversed(before):
        if _alone(model, each, goal) or (vector and each.cut != "graph"):
            return each.name
    raise InputError(
        f"found no rectified map of {model.spec.name} that {goal.name} is made of alone; name the "
        "layer to read with --layer: the end of a stage before the last"
    )


def _alone(model: ModelAdapter, layer: Layer, goal: Layer) -> bool:
    """Whether a rectified layer, not the goal itself, is all that the rest of the network reads."""
    images = probe_images(model.spec.input)
    if layer.cut != "graph" or model.activations(images, [layer.name])[layer.name].min() < 0:
        return False
    frontier = model.cut(layer.name).prefix(images)
    if any(hasattr(each, "shape") for each in frontier.live):  # a batch's size may cross as well
        return False
    reached = model.activations(images, [goal.name])[goal.name]
    same = reached.shape == frontier.activation.shape
    return not (same and bool((reached == frontier.activation).all()))


def _entering(model: ModelAdapter, start: Layer, goal: str) -> Layer:
    """The last map, from `start` on, before a layer."""
    layers = model.layers()
    names = [each.name for each in layers]
    between = layers[names.index(start.name) : names.index(goal)]
    return [each for each in between if each.layout == "NCHW" and each.grid is not None][-1]


def _size(values: Tensor) -> float:
    """The root mean square; 1 of what is zero everywhere."""
    return float(values.square().mean().sqrt()) or 1.0


def _is_mean(values: Tensor, maps: Tensor) -> bool:
    if values.shape[:2] != maps.shape[:2] or values[0, 0].numel() > 1:
        return False
    apart = (values.float().flatten(1) - maps.float().mean((2, 3))).abs().max()
    return bool(apart <= TOLERANCE * values.abs().max().clamp(min=1e-12))
