"""Creatures are drawn the same every time, and their truth is what is seen."""

import cv2
import numpy as np
import pytest

from interp.dataset import open_dataset, write_coco
from interp.errors import InputError
from interp_creatures.config import CONFIG
from interp_creatures.creature import outline_area, random_creature
from interp_creatures.dataset import Creatures, Easy
from interp_creatures.draw import tight_box
from interp_creatures.shape import HEADS, TAILS
from interp_creatures.species import CLASSES, DEFINING, OTHERS

COUNT = 60
PLAIN = CONFIG.eased(0.0)


@pytest.fixture(scope="module")
def examples():
    return [*Creatures(COUNT, 7), *Creatures(COUNT, 8, two=True)]


def part(instance, name):
    return next(part for part in instance.parts if part.name == name)


def test_image_depends_on_seed_and_index_alone():
    short, long = Creatures(5, 7), Creatures(500, 7)
    backwards = [long[index] for index in (4, 3, 2, 1, 0)][::-1]
    for first, second in zip(short, backwards, strict=True):
        assert np.array_equal(first.image, second.image)
        assert first.name == second.name
        assert [one.box for one in first.instances] == [one.box for one in second.instances]
    assert not np.array_equal(short[0].image, Creatures(5, 6)[0].image)
    assert short[4].name == "creatures-s7-00004"


def test_drawing_leaves_global_seeds_alone():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    Creatures(3, 1)[2]
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_classes_are_balanced():
    labels = [example.label for example in Creatures(40, 3)]
    assert np.bincount(labels).tolist() == [4] * len(CLASSES)


def test_label_is_the_larger_creature(examples):
    for example in examples:
        assert example.label == example.instances[0].label
        sizes = [instance.mask.sum() for instance in example.instances]
        assert sizes == sorted(sizes, reverse=True)


def test_two_are_of_different_classes_and_apart(examples):
    for example in examples[COUNT:]:
        first, second = example.instances
        assert first.label != second.label
        assert not (first.mask & second.mask).any()


def test_probability_of_two():
    counts = [len(example.instances) for example in Creatures(400, 5)]
    assert 0.01 < np.mean(np.array(counts) == 2) < 0.1
    assert {len(example.instances) for example in Creatures(20, 5, two=False)} == {1}


def test_box_is_tight(examples):
    for example in examples:
        for instance in example.instances:
            left, top, right, bottom = map(int, instance.box)
            inside = instance.mask[top:bottom, left:right]
            assert inside.sum() == instance.mask.sum()
            assert inside[0].any() and inside[-1].any()
            assert inside[:, 0].any() and inside[:, -1].any()
            assert min(left, top) >= 1 and max(right, bottom) <= CONFIG.size - 1


def test_parts_make_up_the_mask(examples):
    for example in examples:
        for instance in example.instances:
            total = np.sum([part.mask for part in instance.parts], axis=0)
            assert np.array_equal(total, instance.mask.astype(int))
            assert {"head", "tail", "body", "legs"} <= {part.name for part in instance.parts}


def test_centre_is_the_middle_of_the_part(examples):
    for instance in examples[0].instances:
        for one in instance.parts:
            rows, columns = np.nonzero(one.mask)
            assert one.centre == pytest.approx((columns.mean() + 0.5, rows.mean() + 0.5))


def test_hiding_changes_only_the_parts(examples):
    dataset = Creatures(COUNT, 7)
    for index in range(12):
        whole, headless = dataset[index], dataset.without(index, ("head",))
        changed = (whole.image.astype(int) != headless.image).any(axis=2)
        heads = np.sum([part(instance, "head").mask for instance in whole.instances], axis=0)
        near = cv2.dilate(heads.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        assert changed.any()
        assert (changed & ~near).mean() < 0.002  # the coat's window may follow the box
        assert all(part.name != "head" for one in headless.instances for part in one.parts)


@pytest.mark.parametrize("name", DEFINING)
def test_class_is_drawn_with_its_shape(name):
    """Shapes of one class look alike, of different shapes unlike, once turned upright."""
    column, shapes = DEFINING.index(name), (HEADS, TAILS)[DEFINING.index(name)]
    outlines = {shape: _stamp(shapes[shape]) for shape in shapes}
    for label, pair in enumerate(CLASSES.values()):
        rng = np.random.default_rng(label)
        creature = random_creature(label, np.zeros((5, 3)), PLAIN, rng)
        drawn = next(piece for piece in creature.pieces if piece.part == name)
        fit = {shape: _best_overlap(_stamp(drawn.outline), outlines[shape]) for shape in outlines}
        assert max(fit, key=fit.get) == pair[column], fit


def _stamp(outline, size=64):
    """The outline, filled, centred and scaled to a common area."""
    points = np.concatenate(outline)
    scale = np.sqrt(size * size / 8 / outline_area(outline))
    canvas = np.zeros((size, size), np.uint8)
    for contour in outline:
        shifted = (contour - (points.min(axis=0) + points.max(axis=0)) / 2) * scale + size / 2
        cv2.fillPoly(canvas, [np.round(shifted).astype(np.int32)], 1)
    return _centred(canvas)


def _centred(canvas):
    moment = cv2.moments(canvas, binaryImage=True)
    shift = [len(canvas) / 2 - moment[key] / moment["m00"] for key in ("m10", "m01")]
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    return cv2.warpAffine(canvas, matrix, canvas.shape, flags=cv2.INTER_NEAREST)


def _best_overlap(stamp, model):
    best = 0.0
    for angle in range(0, 360, 5):
        matrix = cv2.getRotationMatrix2D((len(stamp) / 2,) * 2, angle, 1)
        turned = cv2.warpAffine(stamp, matrix, stamp.shape, flags=cv2.INTER_NEAREST)
        best = max(best, (turned & model).sum() / (turned | model).sum())
    return best


def test_defining_shapes_have_one_area():
    """So that neither the size of a part nor of the creature betrays the class."""
    for name in DEFINING:
        areas = []
        for label in range(len(CLASSES)):
            creature = random_creature(label, np.zeros((5, 3)), PLAIN, np.random.default_rng(0))
            areas.append(outline_area(next(p for p in creature.pieces if p.part == name).outline))
        assert max(areas) < 1.01 * min(areas)


def test_tight_box_by_hand():
    mask = np.zeros((6, 9), bool)
    mask[2:4, 5:8] = True
    assert tight_box(mask) == (5.0, 2.0, 8.0, 4.0)


def test_truth_survives_export(tmp_path):
    dataset = Creatures(6, 8, two=True)
    read = open_dataset(write_coco(dataset, tmp_path / "out"))
    assert read.classes == dataset.classes
    for first, second in zip(dataset, read, strict=True):
        assert (first.name, first.label) == (second.name, second.label)
        assert np.array_equal(first.image, second.image)
        for truth, found in zip(first.instances, second.instances, strict=True):
            assert (truth.label, truth.box) == (found.label, found.box)
            assert np.array_equal(truth.mask, found.mask)
            for one, other in zip(truth.parts, found.parts, strict=True):
                assert (one.name, one.centre) == (other.name, tuple(other.centre))
                assert np.array_equal(one.mask, other.mask)


def test_fingerprint_follows_what_is_drawn():
    prints = {
        Creatures(5, 7).fingerprint,
        Creatures(6, 7).fingerprint,
        Creatures(5, 8).fingerprint,
        Creatures(5, 7, True).fingerprint,
        Creatures(5, 7, config=PLAIN).fingerprint,
    }
    assert len(prints) == 5
    assert Creatures(5, 7).fingerprint in prints


def test_negative_seed_is_refused():
    with pytest.raises(InputError, match="seed"):
        Creatures(3, -1)[0]


def test_index_past_the_end():
    with pytest.raises(IndexError):
        Creatures(3, 1)[3]


def test_every_part_is_defining_or_other(examples):
    names = {part.name for example in examples for one in example.instances for part in one.parts}
    assert names == {*DEFINING, *OTHERS}


def test_easy_creatures_are_head_and_tail_alone():
    easy, whole = Easy(9, 7), Creatures(9, 7, two=False, config=PLAIN)
    for example, other in zip(easy, whole, strict=True):
        (instance,) = example.instances
        assert {part.name for part in instance.parts if part.mask.any()} == set(DEFINING)
        assert instance.box == tight_box(instance.mask)
        same = (example.image == other.image).all(2)[instance.mask]
        assert same.mean() > 0.85  # edges to the body are not
        assert example.label == other.label and example.image.shape == other.image.shape
    assert len({Easy(9, 7).fingerprint, Easy(9, 6).fingerprint, whole.fingerprint}) == 3
