"""Which layers of a network an explainer reads and rebuilds, and their shapes."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from interp.errors import InputError
from interp.model import ModelAdapter
from interp.network.preprocess import probe_images
from interp.network.scores import close
from interp.spec import Layer, Plain

TOLERANCE = 1e-4
"""Largest difference between a layer and the means of the one before, relative to its largest."""


class Goal(Plain):
    """A layer of the performer that is rebuilt."""

    layer: str
    channels: int
    grid: tuple[int, int] | None = Field(None, description="None for a vector")
    rectified: bool = Field(description="never below zero")
    mean: bool = Field(False, description="the mean over cells of the goal before")
    unit: float = Field(1.0, description="factor of the decoder's output")


class Structure(Plain):
    """The layer that is read, its shape, the filters with their pooled grid, and the goals."""

    layer: str
    channels: int
    grid: tuple[int, int]
    filters: int
    pooled: tuple[int, int]
    goals: tuple[Goal, ...]
    unit: float = Field(1.0, description="divisor of the maps that are read")

    @property
    def layers(self) -> list[str]:
        """All layers whose activations are needed."""
        return [self.layer, *(goal.layer for goal in self.goals)]


def find_structure(
    model: ModelAdapter, layer: str | None, decode: tuple[str, ...], filters: int | None
) -> Structure:
    """The structure for a performer; what is not given is found, or InputError says what to name.

    In VGG-like networks the two rectified vectors before the classes are rebuilt, from the last
    map but one. In others (our extension) the last map and, where a layer is that, its mean, from
    the last rectified map before it that nothing bypasses.
    """
    names = decode or _hidden_vectors(model) or _last_map(model)
    start = model.map_layer(layer or _start(model, model.layer(names[0])))
    layers = model.layers()
    order = [each.name for each in layers]
    places = [order.index(model.layer(each).name) for each in (start.name, *names)]
    if places != sorted(set(places)):
        raise InputError(
            f"found the layers {', '.join((start.name, *names))}; expected them in the order in "
            "which the network computes them, the one that is read first"
        )
    goals = find_goals(model, names)
    assert start.grid is not None  # noqa: S101 - map_layer has looked
    between = layers[places[0] : places[1]]
    last = [each for each in between if each.layout == "NCHW" and each.grid is not None][-1]
    return Structure(
        layer=start.name,
        channels=start.channels,
        grid=start.grid,
        filters=filters or (last if goals[0].grid is None else start).channels,
        pooled=goals[0].grid or last.grid or start.grid,
        goals=goals,
    )


def find_goals(model: ModelAdapter, names: tuple[str, ...]) -> tuple[Goal, ...]:
    """The shapes and signs of the layers to rebuild, seen on random images."""
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
        found.append(
            Goal(
                layer=name,
                channels=values.shape[1],
                grid=grid,
                rectified=bool(values.min() >= 0),
                mean=bool(before and before.grid and _is_mean(values, seen[before.layer])),
            )
        )
    return tuple(found)


def in_units(structure: Structure, maps: Tensor, goals: tuple[Tensor, ...]) -> Structure:
    """The structure with F and the goals measured in root mean squares of these activations.

    A mean over cells keeps the unit of what it is the mean of.
    """
    found: list[Goal] = []
    for goal, values in zip(structure.goals, goals, strict=True):
        unit = found[-1].unit if goal.mean else _root_mean_square(values)
        found.append(goal.model_copy(update={"unit": unit}))
    units = {"unit": _root_mean_square(maps), "goals": tuple(found)}
    return structure.model_copy(update=units)


def _hidden_vectors(model: ModelAdapter) -> tuple[str, ...]:
    """The last two rectified vectors; none unless there are two."""
    found = [e.name for e in model.layers() if e.layout == "vector" and "relu" in e.kind.lower()]
    return tuple(found[-2:]) if len(found) > 1 else ()


def _last_map(model: ModelAdapter) -> tuple[str, ...]:
    """The last map and, if there is one, the first later layer that is its mean."""
    maps = model.maps() or [model.map_layer()]  # which says that there is none
    last, layers = maps[-1], model.layers()
    later = [e for e in layers[layers.index(last) + 1 :] if e.channels == last.channels]
    names = (last.name, *(e.name for e in later if e.grid in (None, (1, 1))))
    seen = model.activations(probe_images(model.spec.input), names)
    means = [name for name in names[1:] if _is_mean(seen[name], seen[last.name])]
    return (last.name, *means[:1])


def _start(model: ModelAdapter, goal: Layer) -> str:
    """The layer to read for a first goal; InputError where there is none.

    Before a vector, the last rectified map but one; before a map, the last one that it is computed
    from alone. A block's own rectifier may have no name, so that a map before a map counts as
    rectified by its values.
    """
    names, vector = [each.name for each in model.layers()], goal.layout == "vector"
    before = [each for each in model.maps() if names.index(each.name) < names.index(goal.name)]
    if vector:
        before = [each for each in before if "relu" in each.kind.lower()][:-1]
    for each in reversed(before):
        if _is_bottleneck(model, each, goal) or (vector and each.cut != "graph"):
            return each.name
    raise InputError(
        f"found no rectified map of {model.spec.name} that {goal.name} is computed from alone; "
        "name the layer to read with --layer: the end of a stage before the last"
    )


def _is_bottleneck(model: ModelAdapter, layer: Layer, goal: Layer) -> bool:
    """Whether a rectified layer, not the goal itself, is all that the rest of the network reads."""
    images = probe_images(model.spec.input)
    if layer.cut != "graph" or model.activations(images, [layer.name])[layer.name].min() < 0:
        return False
    frontier = model.cut(layer.name).prefix(images)
    # a batch's size, a number or a tensor of whole numbers, may cross as well
    if any(isinstance(each, Tensor) and each.dtype != torch.int64 for each in frontier.live):
        return False
    reached, read = model.activations(images, [goal.name])[goal.name], frontier.activation
    return not close(reached, read, TOLERANCE)  # the two are computed by other operations


def _root_mean_square(values: Tensor) -> float:
    """1 for values that are zero everywhere."""
    return float(values.square().mean().sqrt()) or 1.0


def _is_mean(values: Tensor, maps: Tensor) -> bool:
    if values.shape[:2] != maps.shape[:2] or values[0, 0].numel() > 1:
        return False
    apart = (values.float().flatten(1) - maps.float().mean((2, 3))).abs().max()
    return bool(apart <= TOLERANCE * values.abs().max().clamp(min=1e-12))
