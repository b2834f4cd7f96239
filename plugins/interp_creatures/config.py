"""The ranges from which everything random about an image is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

Range = tuple[float, float]


@dataclass(frozen=True)
class Config:
    """Each range is (low, high), drawn uniformly; colours and contrasts are in [0, 1]."""

    size: int = 112  # image side, pixels
    area: Range = (0.108, 0.22)  # creature's mask, fraction of the image, to 5 %
    box_limit: float = 0.40  # creature's box, largest fraction of the image
    rotation: Range = (-180.0, 180.0)  # degrees, about the body's centre
    mirror: float = 0.5  # probability
    bend: float = 30.0  # degrees that head and tail may lean from the body's axis, each way
    contrast: Range = (0.24, 0.60)  # colour distance of a creature to its background
    part_contrast: float = 0.14  # colour spread between the parts of one creature
    coat: Range = (0.0, 0.28)  # strength of stripes and spots on a creature
    texture: Range = (0.05, 0.26)  # strength of the background's texture
    distractor: tuple[int, int] = (3, 9)  # loose blobs, lines and part-like shapes, high included
    decoy: float = 0.15  # share of distractors with the shape of a head or a tail, but smaller
    light: Range = (0.0, 0.25)  # strength of the illumination gradient
    noise: Range = (0.0, 0.04)  # amplitude of the pixel noise
    blur: Range = (0.0, 0.6)  # pixels
    off_centre: float = 0.52  # largest IoU of a creature's box with the centred box of its size
    two: float = 0.05  # probability of a second creature of another class
    two_area: Range = (0.12, 0.16)  # mask of the larger where there are two
    two_ratio: float = 0.88  # of the smaller mask to the larger, at most

    def eased(self, difficulty: float) -> Config:
        """The same with less nuisance: `difficulty` 1 is this configuration, 0 the easiest."""
        low, high = self.contrast
        return replace(
            self,
            rotation=_scaled(self.rotation, 0.15 + 0.85 * difficulty),
            bend=self.bend * (0.3 + 0.7 * difficulty),
            contrast=(high + (low - high) * difficulty, high),
            coat=_scaled(self.coat, difficulty),
            texture=_scaled(self.texture, 0.3 + 0.7 * difficulty),
            decoy=self.decoy * difficulty,
            distractor=(0, round(self.distractor[1] * difficulty)),
            light=_scaled(self.light, difficulty),
            noise=_scaled(self.noise, difficulty),
            blur=_scaled(self.blur, difficulty),
        )


def _scaled(limits: Range, share: float) -> Range:
    return limits[0] * share, limits[1] * share


CONFIG = Config()
EASY = CONFIG.eased(0)
SCENE = replace(CONFIG, area=(0.06, 0.22))
