"""Occlusion on a grid: p(X) - p(X with a cell painted in X's mean colour)."""

import numpy as np
from pydantic import Field

from interp.evidence import Heatmap
from interp.explanation import Explanation
from interp.method import Method, Params


class OccludeShort(Method):
    class Params(Params):
        cells: int = Field(8, ge=2, le=64, description="cells along each side of the grid")

    def explain(self, model, images, targets, knowledge, context):
        maps, cells = [], self.params.cells
        for at, image in enumerate(images):
            rows, columns = (np.arange(side) * cells // side for side in image.shape[:2])
            labels = rows[:, None] * cells + columns  # (H, W), each pixel's cell
            scores = []
            for cell in range(-1, cells**2):  # -1: nothing is painted over
                context.out_of_time()
                painted = np.where((labels == cell)[..., None], image.mean((0, 1)), image)
                pixels, _ = model.prepare(painted.astype(np.uint8))
                scores.append(model.probabilities(model.predict(pixels[None]))[0].cpu().numpy())
            falls = (scores[0] - scores[1:])[labels]  # (H, W, K)
            for target in targets:
                values = target.select(falls)
                maps.append(Heatmap(name="fall", target=target.name, image=at, values=values))
        return Explanation(tuple(maps), samples=len(images) * (cells**2 + 1))
