"""Checks of registered data sets."""

from __future__ import annotations

import numpy as np

from interp.dataset import Example
from interp.testing.entry_case import EntryCase, EntryCheck
from interp.testing.kind.data import COUNT, opened_data


def check_size(case: EntryCase) -> str:
    """It has as many images as are asked for, each under a name of its own."""
    data = opened_data(case)
    assert len(data) == COUNT, f"found {len(data)} images; {COUNT} were asked for"
    names = [each.name for each in data]
    assert len(set(names)) == COUNT, f"found names {', '.join(names)}; expected each once"
    return f"{COUNT} images of {len(data.classes)} classes"


def check_images(case: EntryCase) -> None:
    """Images are (H, W, 3) uint8, and labels are numbers of the classes."""
    data = opened_data(case)
    for each in data:
        image = each.image
        fits = image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8
        assert fits, f"{each.name}: found {image.shape} {image.dtype}; expected (H, W, 3) uint8"
        labels = [each.label, *(instance.label for instance in each.instances)]
        known = all(label is None or 0 <= label < len(data.classes) for label in labels)
        assert known, f"{each.name}: found labels {labels}; expected 0 to {len(data.classes) - 1}"


def check_truth(case: EntryCase) -> str:
    """Boxes lie in their image, and masks and parts are of its size."""
    found = 0
    for example in opened_data(case):
        height, width = example.image.shape[:2]
        for each in example.instances:
            left, top, right, bottom = each.box
            inside = 0 <= left < right <= width and 0 <= top < bottom <= height
            assert inside, f"{example.name}: box {each.box} in an image of {width} x {height}"
            for mask in (each.mask, *(part.mask for part in each.parts)):
                fits = mask is None or (mask.shape == (height, width) and mask.dtype == bool)
                assert fits, f"{example.name}: a mask is not ({height}, {width}) bool"
            found += 1
    return f"{found} boxes"


def check_seed(case: EntryCase) -> None:
    """The same seed gives the same images, another seed others."""
    first, again, other = (opened_data(case, seed) for seed in (3, 3, 4))
    assert first.fingerprint == again.fingerprint, "the fingerprint changes from time to time"
    same = all(_alike(one, two) for one, two in zip(first, again, strict=True))
    assert same, "an image or label changes from time to time"
    if not all(_alike(one, two) for one, two in zip(first, other, strict=True)):
        differs = first.fingerprint != other.fingerprint
        assert differs, "another seed gives other images, but the same fingerprint"


def check_order(case: EntryCase) -> None:
    """An image is the same in whatever order images are read."""
    data = opened_data(case)
    backwards = [data[at] for at in reversed(range(len(data)))]
    for one, two in zip(opened_data(case), reversed(backwards), strict=True):
        assert _alike(one, two), f"{one.name} is another image when it is read first"


CHECKS: dict[str, tuple[EntryCheck, ...]] = {
    "dataset": (check_size, check_images, check_truth, check_seed, check_order)
}


def _alike(one: Example, two: Example) -> bool:
    same = (one.name, one.label) == (two.name, two.label)
    return same and np.array_equal(one.image, two.image)
