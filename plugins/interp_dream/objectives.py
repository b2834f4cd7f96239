"""The objectives that are asked for: channels, neurons, classes, and a random direction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from interp.errors import InputError
from interp.target import Target
from interp_dream.optimise import generator
from interp_dream.probe import Objective, Of, Probe


def channel_objectives(probe: Probe, channels: Iterable[int]) -> list[Objective]:
    """One for each channel; of neurons where the probe reads a cell. InputError for none such."""
    count, found = probe.layer.channels, []
    for each in channels:
        if each >= count:
            raise InputError(
                f"found channel {each}; {probe.layer.name} has channels 0 to {count - 1}"
            )
        name = f"channel {each}"
        if probe.cell:
            name += f" at {probe.cell[0]},{probe.cell[1]}"
        found.append(Objective(name, "channels", np.eye(1, count, each, dtype=np.float32)[0]))
    return found


def class_objectives(targets: Sequence[Target], count: int) -> list[Objective]:
    """One for each target, its logit or difference of logits, among `count` classes."""
    found = []
    for each in targets:
        direction = np.eye(1, count, each.index, dtype=np.float32)[0]
        if each.against is not None:
            direction[each.against] = -1
        found.append(Objective(each.name, "classes", direction))
    return found


def random_objective(of: Of, count: int, seed: int) -> Objective:
    """The control: a random direction of length 1 among all directions of channels or classes."""
    drawn = generator(seed, f"direction of {of}").standard_normal(count)
    return Objective("random direction", of, (drawn / np.linalg.norm(drawn)).astype(np.float32))
