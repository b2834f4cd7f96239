"""The mapping between the original image and the network's input, for images and maps."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np

from interp.spec import InputSpec, ReceptiveField

_known: dict[int, tuple[weakref.ref[np.ndarray], InputMap]] = {}
"""What maps over images were made of, by the maps' ids, as long as they are there."""


@dataclass(frozen=True)
class Placement:
    """The mapping input = original * scale + shift, per axis (y, x), between pixels' edges.

    `original` (H, W) and `size` (h, w) are in pixels.
    """

    original: tuple[int, int]
    size: tuple[int, int]
    scale: tuple[float, float]
    shift: tuple[float, float]

    def to_input(self, image: np.ndarray, pad: float = 0.5) -> np.ndarray:
        """The original (H, W, C), or a map (H, W), at the input size, float32.

        uint8 becomes [0, 1]; other numbers stay as they are. `pad` is the value of padding.
        """
        if image.ndim == 2:
            return self._scaled(_shares(image), pad)
        groups = range(0, image.shape[2], 3)  # OpenCV takes four channels at most
        parts = [self._scaled(_shares(image[..., at : at + 3]), pad) for at in groups]
        return np.concatenate([each.reshape(*self.size, -1) for each in parts], 2)

    def _scaled(self, values: np.ndarray, pad: float) -> np.ndarray:
        """A map (H, W), or up to three channels (H, W, C), at the input size."""
        import cv2

        (height, width), (sy, sx) = self.original, self.scale
        if min(sy, sx) < 1:  # average first, else fine texture aliases
            reach = (max(1, round(width * sx)), max(1, round(height * sy)))
            values = cv2.resize(values, reach, interpolation=cv2.INTER_AREA)
        rest = (sy * height / values.shape[0], sx * width / values.shape[1])
        matrix = self._matrix(rest)
        return self._warp(values, matrix, self.size, cv2.INTER_LINEAR, pad)

    def to_image(self, values: np.ndarray, fill: float = 0.0) -> np.ndarray:
        """A map (h, w) over the input as one (H, W) over the original image.

        `fill` is the value outside the input. Integer maps (labels) keep their values; floating
        maps are interpolated. `InputMap.behind` finds the map over the input again.
        """
        source = InputMap(values, self, fill)
        found = source.over_image()
        key = id(found)
        _known[key] = (weakref.ref(found, lambda _: _known.pop(key)), source)
        return found

    def _to_image(self, values: np.ndarray, fill: float) -> np.ndarray:
        import cv2

        discrete = values.dtype.kind in "biu"
        matrix = np.linalg.inv(np.vstack([self._matrix(self.scale), [0, 0, 1]]))[:2]
        how = cv2.INTER_NEAREST if discrete else cv2.INTER_LINEAR
        warped = self._warp(values.astype(np.float32), matrix, self.original, how, None)
        warped[~self._seen()] = fill
        return warped.astype(values.dtype)

    def grid_to_input(self, cells: np.ndarray, field: ReceptiveField | None) -> np.ndarray:
        """Grid values (gh, gw) over the input (h, w), each at its receptive field's centre.

        Where the field is not known, the grid is stretched over the input.
        """
        import cv2

        centres = self._centres(cells.shape, field)
        rows, columns = (
            (np.arange(side) + 0.5 - first) / stride
            for side, (first, stride) in zip(self.size, centres, strict=True)
        )
        return cv2.remap(
            cells.astype(np.float32),
            *_mesh(rows, columns),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def input_to_grid(
        self, values: np.ndarray, grid: tuple[int, ...], field: ReceptiveField | None
    ) -> np.ndarray:
        """Means (gh, gw) of values (h, w) around the cells' centres, each over a stride's area."""
        import cv2

        centres = self._centres(grid, field)
        sides = [max(1, round(stride)) for _, stride in centres]
        smooth = cv2.blur(values.astype(np.float32), sides[::-1], borderType=cv2.BORDER_CONSTANT)
        rows, columns = (
            np.arange(count) * stride + first - 0.5
            for count, (first, stride) in zip(grid, centres, strict=True)
        )
        return cv2.remap(smooth, *_mesh(rows, columns), cv2.INTER_LINEAR)

    def _centres(
        self, grid: tuple[int, ...], field: ReceptiveField | None
    ) -> list[tuple[float, float]]:
        """For each axis the first cell's centre and the distance to the next one, in pixels."""
        if field is not None:
            return list(zip(field.offset, field.stride, strict=True))
        strides = [side / count for side, count in zip(self.size, grid, strict=True)]
        return [(stride / 2, stride) for stride in strides]

    def interpolation(
        self, axis: int, grid: tuple[int, ...], field: ReceptiveField | None
    ) -> np.ndarray:
        """Weights of the grid's rows (axis 0) or columns (1) in grid_to_input, (side, cells)."""
        columns = []
        for unit in np.eye(grid[axis], dtype=np.float32):
            cells = unit[:, None].repeat(grid[1], 1) if axis == 0 else unit[None].repeat(grid[0], 0)
            columns.append(self.grid_to_input(cells, field).take(0, 1 - axis))
        return np.stack(columns, 1)

    def _matrix(self, scale: tuple[float, float]) -> np.ndarray:
        """Affine map for pixel centres: x' + .5 = (x + .5) * scale + shift, as OpenCV's 2 x 3."""
        (sy, sx), (ty, tx) = scale, self.shift
        return np.array([[sx, 0, tx + (sx - 1) / 2], [0, sy, ty + (sy - 1) / 2]], np.float64)

    def _warp(
        self,
        values: np.ndarray,
        matrix: np.ndarray,
        size: tuple[int, int],
        interpolation: int,
        pad: float | None,
    ) -> np.ndarray:
        import cv2

        padded = pad is not None and max(self.shift) > 1e-6
        border = cv2.BORDER_CONSTANT if padded else cv2.BORDER_REPLICATE
        fill = (pad or 0.0,) * 3
        return cv2.warpAffine(
            values, matrix, size[::-1], flags=interpolation, borderMode=border, borderValue=fill
        )

    def _seen(self) -> np.ndarray:
        """The original pixels inside the network's input, (H, W) bool."""
        inside = []
        for axis in (0, 1):
            centre = np.arange(self.original[axis]) + 0.5
            at = centre * self.scale[axis] + self.shift[axis]
            inside.append((at >= 0) & (at <= self.size[axis]))
        return np.logical_and.outer(*inside)


@dataclass(frozen=True, eq=False)
class InputMap:
    """A map over the network's input, values (h, w), and how it lies over the original image.

    `fill` is the value outside the input.
    """

    values: np.ndarray
    placement: Placement
    fill: float = 0.0

    @classmethod
    def behind(cls, image_map: np.ndarray) -> InputMap | None:
        """What a map over an image was made of; None if it was not made so, or changed since."""
        kept, found = _known.get(id(image_map), (None, None))
        if kept is None or found is None or kept() is not image_map:
            return None
        return found if np.array_equal(found.over_image(), image_map) else None

    def over_image(self) -> np.ndarray:
        """The map over the original image, (H, W)."""
        return self.placement._to_image(self.values, self.fill)


def prepare(image: np.ndarray, spec: InputSpec) -> tuple[np.ndarray, Placement]:
    """An original (H, W, 3) uint8 as input (3, h, w) float32 in [0, 1], and the mapping."""
    placement = place(image.shape[:2], spec)
    pixels = placement.to_input(image, pad=sum(spec.mean) / len(spec.mean))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)), placement


def _shares(image: np.ndarray) -> np.ndarray:
    """Values as float32, uint8 ones in [0, 1]; divided in place, since images may be large."""
    shares = image.astype(np.float32)
    if image.dtype == np.uint8:
        shares /= 255
    return shares


def _mesh(rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every point of a grid, as cv2.remap takes them."""
    across, down = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    return across, down


def place(original: tuple[int, int], spec: InputSpec) -> Placement:
    """The mapping of an image of size `original` (H, W) to the network's input size."""
    (height, width), (h, w) = original, spec.size
    if spec.resize == "squash":
        return Placement(original, spec.size, (h / height, w / width), (0.0, 0.0))
    ratios = (h / height, w / width)
    scale = max(ratios) / spec.crop if spec.resize == "crop" else min(ratios)
    shift = ((h - height * scale) / 2, (w - width * scale) / 2)
    return Placement(original, spec.size, (scale, scale), shift)
