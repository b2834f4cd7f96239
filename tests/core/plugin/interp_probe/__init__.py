"""A plugin package for the core's own tests: methods that behave, and methods that do not."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pluggy
from pydantic import Field

from interp.engine.component import Weighting
from interp.engine.design import ImageSubject, RegionDesign
from interp.engine.respond import accumulate
from interp.errors import InputError
from interp.evidence import Heatmap, Regions, Table
from interp.explanation import Explanation, join
from interp.knowledge import Knowledge
from interp.method import Method
from interp.params import Params
from interp.spec import Capability

hookimpl = pluggy.HookimplMarker("interp")


class Even(Weighting):
    """Every sample counts the same."""

    def __repr__(self) -> str:
        return "Even()"

    def weigh(self, design: Any, states: Any, scores: Any) -> Any:
        import torch

        return torch.ones(len(states), device=states.device)


class TileParams(Params):
    """Of Tiles."""

    cells: int = Field(4, ge=2, le=16, description="tiles per side")
    output: str = Field("prob", description="logit, prob or logprob")


class Tiles(Method):
    """Least squares of the score on which tiles are shown."""

    Params = TileParams
    needs = frozenset({Capability.PREDICT})

    def explain(
        self, model: Any, images: Any, targets: Any, knowledge: Any, context: Any
    ) -> Explanation:
        pairs = [(index, target) for index in range(len(images)) for target in targets]
        return join([self._one(model, images, *pair, context) for pair in pairs])

    def _one(self, model: Any, images: Any, index: int, target: Any, context: Any) -> Explanation:
        import torch

        pixels, placement = model.prepare(images[index])
        height, width = pixels.shape[1:]
        rows, columns = (np.arange(each) * self.params.cells // each for each in (height, width))
        labels = np.add.outer(rows * self.params.cells, columns)
        design = RegionDesign(pixels, labels, torch.full((3,), 0.5).to(pixels), context.seed)
        subject = ImageSubject(model, pixels, placement)
        count = context.samples(400)
        moments = accumulate(context, subject, design, [target], Even(), self.params.output, count)
        total = moments.total
        ridge = 1e-6 * torch.eye(total.gram.shape[1]).to(total.gram)
        weights = torch.linalg.solve(total.gram[0] + ridge, total.b[0])[1:].cpu().numpy()
        about = {"target": target.name, "image": index}
        parts = placement.to_image(labels.astype(np.int32), fill=-1)
        found = Regions(name="tiles", labels=parts, importance=weights, **about)
        heat = Heatmap(name="map", values=found.map().astype(np.float32), **about)
        return Explanation((found, heat), moments.count, {target.name: {"fit": 1.0}})


class TwinParams(TileParams):
    """Of Twin."""

    output: str = Field("logit", description="logit, prob or logprob")


class Twin(Tiles):
    """Asks what Tiles asks, and explains another score."""

    Params = TwinParams


class Crash(Method):
    """Fails in a way it did not mean to."""

    def explain(self, *arguments: Any) -> Explanation:
        raise ZeroDivisionError("by zero")


class Slip(Method):
    """Returns a map with NaN."""

    def explain(self, *arguments: Any) -> Explanation:
        return Explanation((Heatmap(name="map", values=np.full((4, 4), np.nan), image=0),))


class Greedy(Method):
    """Needs what most models do not offer."""

    needs = frozenset({Capability.MODULE, Capability.GRADIENTS})


class Learner(Method):
    """Learns the mean colour of a data set, and paints it."""

    def fit(self, model: Any, dataset: Any, context: Any) -> Knowledge:
        colours = np.stack([example.image.mean((0, 1)) for example in dataset])
        return Knowledge.of("learner", model, {"mean": colours.mean(0)}, {"images": len(colours)})

    def explain(
        self, model: Any, images: Sequence[np.ndarray], targets: Any, knowledge: Any, context: Any
    ) -> Explanation:
        if knowledge is None:
            raise InputError("learner has not learned yet; run interp fit --plugin learner")
        level = float(knowledge.arrays["mean"].mean())
        heat = Heatmap(name="map", values=np.full(images[0].shape[:2], level), image=0)
        return Explanation((heat, replace(heat, name="again")))

    def survey(self, model: Any, dataset: Any, knowledge: Any, context: Any) -> Explanation:
        levels = [[example.name, float(example.image.mean())] for example in dataset]
        if knowledge is not None:
            levels.append(["learned", float(knowledge.arrays["mean"].mean())])
        return Explanation((Table(name="levels", columns=["image", "level"], rows=levels),))


@hookimpl
def interp_register(registrar: Any) -> None:
    """Say which object stands behind each name."""
    for kind in (Tiles, Twin, Crash, Slip, Greedy, Learner):
        registrar.add("method", kind.__name__.lower(), kind)
