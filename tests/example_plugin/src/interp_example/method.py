"""Occlusion on a grid: the smallest complete method."""

from typing import Any

from pydantic import Field

from interp.evidence import Heatmap
from interp.explanation import Explanation
from interp.method import Method, Params
from interp.spec import Capability


class OccludeGridParams(Params):
    """How fine the grid is."""

    cells: int = Field(8, ge=2, le=64, description="cells along each side of the grid")


class OccludeGrid(Method):
    """Importance of a cell: p(X) - p(X with the cell painted in X's mean colour)."""

    Params = OccludeGridParams
    needs = frozenset({Capability.PREDICT})

    def explain(
        self, model: Any, images: Any, targets: Any, knowledge: Any, context: Any
    ) -> Explanation:
        evidence = []
        for index, image in enumerate(images):
            pixels, placement = model.prepare(image)
            drops = self._drops(model, pixels, context)  # (h, w, K)
            for target in targets:
                values = placement.to_image(target.select(drops).cpu().numpy())
                evidence.append(
                    Heatmap(name="drop", target=target.name, image=index, values=values)
                )
        return Explanation(tuple(evidence), samples=len(images) * (self.params.cells**2 + 1))

    def _drops(self, model: Any, pixels: Any, context: Any) -> Any:
        """How far each class falls where its pixel's cell is painted over, (h, w, K)."""
        cells, (_, height, width) = self.params.cells, pixels.shape
        whole = model.probabilities(model.predict(pixels[None]))[0]
        drops = whole.new_zeros(height, width, len(whole))
        for step in range(cells**2):
            context.stop()
            context.progress("cells", step, cells**2)
            row, column = divmod(step, cells)
            rows = slice(height * row // cells, height * (row + 1) // cells)
            columns = slice(width * column // cells, width * (column + 1) // cells)
            painted = pixels.clone()
            painted[:, rows, columns] = pixels.mean((1, 2), keepdim=True)
            drops[rows, columns] = whole - model.probabilities(model.predict(painted[None]))[0]
        return drops
