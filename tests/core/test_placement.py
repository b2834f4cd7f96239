"""Pixels of the original, of the network's input, and the way between them."""

import numpy as np
import pytest

from interp.network.placement import place
from interp.spec import InputSpec, ReceptiveField

SIZES = [(60, 100), (100, 60), (300, 200), (48, 48), (500, 77)]
POLICIES = ["squash", "crop", "letterbox"]


def spot(size: tuple[int, int], y: float, x: float) -> np.ndarray:
    """A black picture with a bright disc at relative position (y, x)."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    far = np.hypot(rows + 0.5 - y * size[0], columns + 0.5 - x * size[1])
    image = np.zeros((*size, 3), np.uint8)
    image[far < 0.08 * min(size)] = 255
    return image


def centre(values: np.ndarray) -> np.ndarray:
    """Centre of mass in pixel-edge coordinates."""
    total = values.sum()
    rows = (values.sum(1) * (np.arange(values.shape[0]) + 0.5)).sum() / total
    columns = (values.sum(0) * (np.arange(values.shape[1]) + 0.5)).sum() / total
    return np.array([rows, columns])


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("size", SIZES)
def test_a_spot_lands_where_the_formula_says_and_comes_back(policy, size) -> None:
    spec = InputSpec(size=(64, 64), resize=policy)
    placement = place(size, spec)
    image = spot(size, 0.45, 0.55)
    there = placement.to_input(image, pad=0.0)[..., 0]
    expected = np.array([0.45, 0.55]) * size * placement.scale + placement.shift
    assert np.abs(centre(there) - expected).max() < 0.35
    back = placement.to_image(there)
    assert back.shape == size
    assert np.abs(centre(back) - centre(image[..., 0].astype(float))).max() < 0.02 * max(size)


def test_policies_are_what_their_names_say() -> None:
    squash = place((100, 200), InputSpec(size=(50, 50), resize="squash"))
    assert squash.scale == (0.5, 0.25) and squash.shift == (0, 0)
    crop = place((100, 200), InputSpec(size=(224, 224), resize="crop", crop=0.875))
    assert crop.scale == (2.56, 2.56) and crop.shift[0] == pytest.approx(-16)
    letterbox = place((100, 200), InputSpec(size=(50, 50), resize="letterbox"))
    assert letterbox.scale == (0.25, 0.25) and letterbox.shift == (12.5, 0.0)


def test_letterbox_pads_and_the_padding_is_not_in_the_original() -> None:
    placement = place((100, 200), InputSpec(size=(40, 40), resize="letterbox"))
    there = placement.to_input(np.full((100, 200, 3), 255, np.uint8), pad=0.25)
    assert there[0, 0, 0] == pytest.approx(0.25) and there[20, 20, 0] == pytest.approx(1)
    assert (placement.to_image(np.ones((40, 40), np.float32)) == 1).all()


def test_what_a_crop_never_saw_is_filled() -> None:
    placement = place((100, 200), InputSpec(size=(40, 40), resize="crop", crop=1.0))
    back = placement.to_image(np.zeros((40, 40), np.int32), fill=-1)
    assert back.dtype == np.int32
    assert (
        (back[:, :50] == -1).all() and (back[:, 51:149] == 0).all() and (back[:, 150:] == -1).all()
    )


def test_labels_keep_their_values() -> None:
    placement = place((97, 131), InputSpec(size=(40, 40)))
    labels = np.arange(1600, dtype=np.int32).reshape(40, 40) * 1000
    assert set(np.unique(placement.to_image(labels))) <= set(labels.flatten())


def test_an_image_of_the_input_size_passes_unchanged() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    there = place((64, 64), InputSpec(size=(64, 64))).to_input(image)
    np.testing.assert_allclose(there, image / np.float32(255), atol=1e-6)


def test_a_cell_is_drawn_at_its_receptive_fields_centre() -> None:
    placement = place((64, 64), InputSpec(size=(64, 64)))
    cells = np.zeros((4, 4), np.float32)
    cells[1, 2] = 1
    shifted = ReceptiveField(size=(9, 9), stride=(16, 16), offset=(14, 11))
    peak = np.unravel_index(placement.grid_to_input(cells, shifted).argmax(), (64, 64))
    assert abs(peak[0] + 0.5 - 30) <= 1 and abs(peak[1] + 0.5 - 43) <= 1
    stretched = np.unravel_index(placement.grid_to_input(cells, None).argmax(), (64, 64))
    assert abs(stretched[0] + 0.5 - 24) <= 1 and abs(stretched[1] + 0.5 - 40) <= 1
