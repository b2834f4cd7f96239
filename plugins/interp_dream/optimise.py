"""Finding the picture of an objective: Adam on what the picture is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from interp.context import Context
from interp.engine.random import draw_bits
from interp_dream.image_statistics import Statistics
from interp_dream.params import DreamParams
from interp_dream.picture import Picture
from interp_dream.probe import Objective, Probe
from interp_dream.transformation import transformed


@dataclass(frozen=True, eq=False)
class Dream:
    """A picture (C, h, w) in [0, 1] in steps of 1 / 255, as it is shown, and what it reaches."""

    objective: Objective
    pixels: np.ndarray
    importance: np.ndarray
    """Mean size of the slopes of the score on each pixel over all steps, (h, w)."""
    score: float
    """The objective's score of the picture, without any transformation."""
    steps: int


@dataclass(eq=False)
class Dreamer:
    """Finds pictures of objectives, each by itself, all with the same random numbers.

    So a picture depends neither on the others nor on their order.
    """

    probe: Probe
    statistics: Statistics
    kind: type[Picture]
    params: DreamParams
    context: Context
    total: int = 0
    """Pictures that will be asked for, for progress."""
    found: dict[tuple[str, str], Dream] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Steps for each picture: as many as its parameters say, or as the budget allows."""
        return min(self.params.steps, self.context.samples(self.params.steps))

    @property
    def taken(self) -> int:
        """Transformed copies that the model was run on."""
        return self.params.copies * sum(each.steps for each in self.found.values())

    def dream(self, objective: Objective) -> Dream:
        """The objective's picture; it is found once."""
        key = (objective.of, objective.name)
        if key not in self.found:
            self.found[key] = self._optimise(objective)
        return self.found[key]

    def notes(self) -> list[str]:
        """What is said where the time ended before the steps did."""
        short = [each for each in self.found.values() if each.steps < self.steps]
        least = min((each.steps for each in short), default=0)
        said = (
            f"the time was up: {len(short)} of {len(self.found)} pictures had fewer than "
            f"{self.steps} steps, one of them {least}; raise --budget"
        )
        return [said] if short else []

    def _optimise(self, objective: Objective) -> Dream:
        import torch

        random = generator(self.context.seed, "pictures")
        picture = self.kind.draw(self.statistics, random)
        adam = torch.optim.Adam([picture.leaf], lr=self.params.rate)
        seen, done = torch.zeros(self.statistics.size, device=picture.leaf.device), 0
        while done < self.steps:
            late = self.context.out_of_time()
            if late and done:
                break
            with torch.enable_grad():
                pixels = picture.pixels()
                copies = transformed(pixels, self.params, random)
                score = self.probe.score(copies, objective).mean()
            slope, picture.leaf.grad = torch.autograd.grad(-score, [pixels, picture.leaf])
            adam.step()
            seen += slope[0].abs().mean(0)
            done += 1
            before = sum(each.steps for each in self.found.values())
            self.context.progress("steps", before + done, self.total * self.steps)
        shown = (picture.pixels().detach()[0] * 255).round() / 255
        score = self.probe.score(shown[None], objective)
        return Dream(
            objective,
            shown.cpu().numpy(),
            (seen / done).cpu().numpy(),
            float(score.detach()[0]),
            done,
        )


def generator(seed: int, stream: str) -> np.random.Generator:
    """Random numbers of a seed and a name."""
    return np.random.Generator(np.random.Philox(draw_bits(seed, stream, 0, 4)))
