"""Bundles of large images: small, and as exact as whole ones."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from typer.testing import CliRunner

import interp
from interp.cli.app import app
from interp.errors import InputError
from interp.explanation import Explanation
from interp.network.placement import InputMap, Placement
from interp.request import Request
from interp.result.bundle import open_bundle
from interp.run import run

LARGE, SIZE = (3000, 4000), (1300, 1800)
MOST = 2_000_000


def write_photo(path: Path, seed: int, size: tuple[int, int] = SIZE) -> Path:
    """A photograph of blobs, larger than a screen."""
    noise = np.random.default_rng(seed).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    Image.fromarray(cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC)).save(path)
    return path


def explained(photo: Path, out: Path, full: bool = False) -> Explanation:
    """Both classes' maps by Grad-CAM, saved."""
    request = Request(method="gradcam", images=(str(photo),), targets=("0", "1"), full_maps=full)
    return run(request, out=out).explanation


def nbytes(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.iterdir())


def test_a_large_image_makes_a_small_bundle(tmp_path: Path) -> None:
    photo, out = write_photo(tmp_path / "photo.jpg", 0, LARGE), tmp_path / "out"
    found = explained(photo, out)
    assert nbytes(out) < MOST
    _, again = open_bundle(out)
    assert again.images[0].shape == (*LARGE, 3)
    assert np.abs(again.images[0].astype(int) - found.images[0]).mean() < 3
    for kept, made in zip(again.evidence, found.evidence, strict=True):
        assert kept.map().shape == LARGE
        assert np.array_equal(kept.map(), made.map())


def test_noise_of_a_screens_size_makes_a_small_bundle(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(60, 200, (1200, 1600, 3), np.uint8)
    pixels = cv2.GaussianBlur(pixels, (0, 0), 1.0)  # as a grainy photograph
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    assert (tmp_path / "photo.png").stat().st_size > MOST
    explained(tmp_path / "photo.png", tmp_path / "out")
    assert nbytes(tmp_path / "out") < MOST
    assert open_bundle(tmp_path / "out")[1].images[0].shape == pixels.shape
    assert interp.rerun(tmp_path / "out").same


def test_another_image_in_the_same_place_is_not_taken_for_the_first(tmp_path: Path) -> None:
    photo, out = write_photo(tmp_path / "photo.jpg", 0), tmp_path / "out"
    explained(photo, out)
    assert interp.rerun(out).same  # on the file's own pixels, not on the smaller copy's
    write_photo(photo, 1)
    with pytest.raises(InputError, match="not the image that was explained"):
        interp.rerun(out)
    photo.unlink()
    with pytest.raises(InputError, match=r"no file .*photo.jpg.* name the file .* with --image"):
        interp.rerun(out)


def test_a_large_image_that_moved_is_named(tmp_path: Path) -> None:
    photo, out = write_photo(tmp_path / "photo.jpg", 0), tmp_path / "out"
    explained(photo, out)
    moved, other = photo.rename(tmp_path / "moved.jpg"), write_photo(tmp_path / "other.jpg", 1)
    assert interp.rerun(out, image=moved).same
    assert interp.rerun(out, image=[other, moved]).same
    with pytest.raises(InputError, match=r"other\.jpg: not the image that was explained"):
        interp.rerun(out, image=other)
    done = CliRunner().invoke(app, ["rerun", str(out), "--image", str(moved)])
    assert done.exit_code == 0 and done.stdout.startswith("the same")


def test_no_file_is_wanted_where_the_result_holds_its_image(tmp_path: Path) -> None:
    photo, out = write_photo(tmp_path / "photo.jpg", 0), tmp_path / "out"
    explained(photo, out, full=True)
    with pytest.raises(InputError, match=r"holds its images whole; leave out .*photo\.jpg"):
        interp.rerun(out, image=photo)


def test_full_maps_keep_everything(tmp_path: Path) -> None:
    photo, out = write_photo(tmp_path / "photo.jpg", 0), tmp_path / "out"
    found = explained(photo, out, full=True)
    arrays = load_file(out / "arrays.safetensors")
    assert {each.shape for each in arrays.values()} == {SIZE}
    assert np.array_equal(open_bundle(out)[1].images[0], found.images[0])


def test_what_a_map_was_made_of_is_known_until_it_is_changed() -> None:
    place = Placement((40, 60), (4, 6), (0.1, 0.1), (0.0, 0.0))
    values = np.arange(24, dtype=np.float32).reshape(4, 6)
    made = place.to_image(values)
    found = InputMap.behind(made)
    assert found is not None and found.values is values
    assert InputMap.behind(made.copy()) is None
    made[0, 0] += 1
    assert InputMap.behind(made) is None
