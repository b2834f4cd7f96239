"""CHIP as a method: the common checks, knowledge and its absence, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from interp.context import Budget, Context
from interp.dataset import Example, open_dataset
from interp.errors import InputError
from interp.evaluation.similarity import cosines
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.target import Target
from interp.testing import MethodCase, method_checks
from interp_chip import layer_fit
from interp_chip.method import Chip
from interp_chip.params import ChipParams
from interp_chip.survey import selective
from interp_chip.training_images import choose_images
from interp_chip.view import refine

PARAMS = ChipParams(layer=("act",), correct=False, masks=300)
IMAGE = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
BEE = Target(1, "bee")


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
def test_is_a_good_method(check: Callable[[MethodCase], None]) -> None:
    check(MethodCase("chip"))


def test_without_knowledge_learns_from_the_image_and_says_so(planted: ModelAdapter) -> None:
    found = Chip(PARAMS).explain(planted, [IMAGE], [BEE], None, Context())
    assert any("images given alone" in note for note in found.notes)
    assert found.samples == 300
    heatmap = found.named("map act")
    assert heatmap.target == "bee" and heatmap.r2 > 0.9


def test_the_shipped_network_has_its_knowledge() -> None:
    found = run(Request(method="chip"), registry=Registry.load()).explanation
    assert not found.notes and found.samples == 0
    layers = {each.layer for each in found.of("heatmap")}
    assert len(layers) == 2
    refined = run(Request(method="chip", params={"refined": True})).explanation
    assert refined.evidence[0].name == "refined"


def test_another_model_is_refused(
    planted: ModelAdapter, other: ModelAdapter, noise: Any, tmp_path: Path
) -> None:
    Chip(PARAMS).fit(planted, noise(12), Context()).save(tmp_path / "known")
    request = Request(method="chip", knowledge=str(tmp_path / "known"), targets=("bee",))
    assert run(request, model=planted, images=[IMAGE]).explanation.of("heatmap")
    with pytest.raises(InputError, match="learned of another model"):
        run(request, model=other, images=[IMAGE])


def test_a_layer_that_was_not_learned(planted: ModelAdapter, noise: Any) -> None:
    known = Chip(PARAMS).fit(planted, noise(12), Context())
    other = Chip(PARAMS.model_copy(update={"layer": ("features",)}))
    with pytest.raises(InputError, match=r"'features' was not learned.*interp fit"):
        other.explain(planted, [IMAGE], [BEE], known, Context())


def test_refined_needs_two_layers(planted: ModelAdapter, noise: Any) -> None:
    known = Chip(PARAMS).fit(planted, noise(12), Context())
    refined = Chip(PARAMS.model_copy(update={"refined": True}))
    with pytest.raises(InputError, match="refined combines layers"):
        refined.explain(planted, [IMAGE], [BEE], known, Context())


def test_classes_without_images(planted: ModelAdapter, noise: Any) -> None:
    known = Chip(PARAMS).fit(planted, noise(10, ("ant", "bee")), Context())
    with pytest.raises(InputError, match=r"class 3 was not learned; expected one of ant, bee"):
        Chip(PARAMS).explain(planted, [IMAGE], [Target(3, "dog")], known, Context())


def test_every_class_is_learned_from_images_without_labels(
    planted: ModelAdapter, noise: Any, tmp_path: Path
) -> None:
    """W of unlabelled images equals that of the same ones with labels."""
    labelled = noise(24)
    for at in range(24):
        Image.fromarray(labelled[at].image).save(tmp_path / f"{at:02}.png")
    chosen = PARAMS.model_copy(update={"every_class": True, "images": 24, "correct": False})
    named, plain = (
        Chip(chosen).fit(planted, data, Context())
        for data in (labelled, open_dataset(str(tmp_path)))
    )
    assert named.about["classes"] == plain.about["classes"] == [0, 1, 2, 3]
    assert named.about["layers"]["act"]["images"] == plain.about["layers"]["act"]["images"] == 24
    told = "24 of them have no label of the model's; what they show is not known"
    assert told in plain.about["notes"] and told not in named.about["notes"]
    apart = named.arrays["act/weights"] - plain.arrays["act/weights"]
    assert np.abs(apart).max() < 0.05 * np.abs(named.arrays["act/weights"]).max()


@pytest.mark.parametrize("every", [True, False])
def test_images_that_were_not_taken_are_told(
    planted: ModelAdapter, noise: Any, every: bool
) -> None:
    few = ChipParams(layer=("act",), every_class=every, images=2, correct=False)
    notes = choose_images(planted, noise(24), few, Context()).notes
    said = "learned from 8 of 24 images, at most 2 of each class"
    assert sum(note.startswith(said) and "--images N takes more" in note for note in notes) == 1
    most = few.model_copy(update={"images": 24})
    for enough in (most, few.model_copy(update={"images": None})):
        notes = choose_images(planted, noise(24), enough, Context()).notes
        assert not any("learned from 24" in note for note in notes)


def test_data_without_classes_are_told_from_images_without_labels(
    planted: ModelAdapter, tmp_path: Path
) -> None:
    Image.fromarray(IMAGE).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"found no classes in the data.*--every-class"):
        Chip(PARAMS).fit(planted, open_dataset(str(tmp_path)), Context())


def test_every_class_takes_classes_that_have_no_image(planted: ModelAdapter, noise: Any) -> None:
    every = PARAMS.model_copy(update={"every_class": True})
    known = Chip(every).fit(planted, noise(10, ("ant", "bee")), Context())
    assert Chip(PARAMS).explain(planted, [IMAGE], [Target(3, "dog")], known, Context())
    with pytest.raises(InputError, match="image_weight label cannot"):
        ChipParams(every_class=True, image_weight="label")


def test_full_classes_end_the_reading(planted: ModelAdapter, noise: Any) -> None:
    """Of labelled images no more are read than are learned, though none is without a label."""
    read = []

    class Counted(noise):
        def __getitem__(self, index: int) -> Example:
            read.append(index)
            return super().__getitem__(index)

    every = ChipParams(layer=("act",), every_class=True, images=2, correct=False)
    choose_images(planted, Counted(400), every, Context())
    assert 8 <= len(read) < 60


def test_classes_that_the_model_has_not(planted: ModelAdapter, noise: Any) -> None:
    with pytest.raises(InputError, match=r"2 classes .bea. are none of the model.s"):
        Chip(PARAMS).fit(planted, noise(10, ("ant", "bea")), Context())


def test_all_wrong_images_are_told(planted: ModelAdapter, noise: Any) -> None:
    chosen = ChipParams(layer=("act",), masks=300, image_weight="label")
    found = Chip(chosen).fit(planted, noise(24), Context())
    missing = set(range(4)) - set(found.about["classes"])
    notes = [note for note in found.about["notes"] if "is not learned" in note]
    assert len(notes) == len(missing) > 0
    assert "classified as something else" in notes[0]
    found = Chip(chosen.model_copy(update={"image_weight": "all"})).fit(
        planted, noise(24), Context()
    )
    notes = [note for note in found.about["notes"] if "images of other classes alone" in note]
    assert found.about["classes"] == [0, 1, 2, 3] and len(notes) == len(missing)


def test_a_class_needs_no_images_where_all_images_count(planted: ModelAdapter, noise: Any) -> None:
    """The rows of a class are the same whether the images bear its name or another's."""

    def rows(names: tuple[str, ...], **given: Any) -> dict[int, np.ndarray]:
        found = Chip(PARAMS).fit(planted, noise(12, names, **given), Context())
        return dict(zip(found.about["classes"], found.arrays["act/weights"], strict=True))

    every = rows(("ant", "bee", "cat", "dog"), labels=(0, 1) * 6)
    expected = rows(("ant", "bee")) | rows(("cat", "dog"))
    assert list(every) == [0, 1, 2, 3]
    for label, row in expected.items():
        np.testing.assert_allclose(every[label], row, atol=1e-6)


def test_unreadable_images_are_counted_and_named(planted: ModelAdapter, noise: Any) -> None:
    found = Chip(PARAMS).fit(planted, noise(12, broken=(3, 7)), Context())
    assert found.about["layers"]["act"]["images"] == 10
    (note,) = [each for each in found.about["notes"] if "unreadable" in each]
    assert note.startswith("2 unreadable images were left out") and "image 7" in note
    with pytest.raises(InputError, match="none of 12 images"):
        Chip(PARAMS).fit(planted, noise(12, broken=tuple(range(12))), Context())


def test_fewer_masks_than_channels_is_told(planted: ModelAdapter, noise: Any) -> None:
    context = Context(budget=Budget(samples=20))
    found = Chip(PARAMS).fit(planted, noise(12), context)
    (note,) = [each for each in found.about["notes"] if "channels" in each]
    assert note.startswith("act: 20 networks per image for 24 channels (R²")


def test_a_full_disk_keeps_the_old_state(
    planted: ModelAdapter, noise: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safetensors.torch

    monkeypatch.setattr(layer_fit, "SAVE_EVERY", 0.0)
    save, calls = safetensors.torch.save_file, []

    def full(tensors: Any, path: Path, **rest: Any) -> None:
        calls.append(path)
        if len(calls) == 4:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        save(tensors, path, **rest)

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    context = Context(checkpoint=tmp_path)
    with pytest.raises(InputError, match=r"No space left.*kept before is whole"):
        Chip(PARAMS).fit(planted, noise(12), context)
    (kept,) = tmp_path.iterdir()
    assert kept.suffix == ".safetensors" and kept.read_bytes() != b"half"
    again = Chip(PARAMS).fit(planted, noise(12), context)
    whole = Chip(PARAMS).fit(planted, noise(12), Context())
    np.testing.assert_allclose(again.arrays["act/weights"], whole.arrays["act/weights"], rtol=1e-9)


def test_knowledge_survives_a_file(planted: ModelAdapter, noise: Any, tmp_path: Path) -> None:
    known = Chip(PARAMS).fit(planted, noise(12), Context())
    known.save(tmp_path / "known")
    again = Knowledge.open(tmp_path / "known")
    first, second = (
        Chip(PARAMS).explain(planted, [IMAGE], [BEE], each, Context()) for each in (known, again)
    )
    assert np.array_equal(first.named("map act").values, second.named("map act").values)


def test_survey(planted: ModelAdapter, noise: Any) -> None:
    known = Chip(PARAMS).fit(planted, noise(12), Context())
    found = Chip(PARAMS).survey(planted, noise(12), known, Context())
    for each in found.evidence:
        each.check()
    assert [each.kind for each in found.evidence] == ["matrix", "matrix", "table", "gallery"]
    gallery = found.evidence[-1]
    assert gallery.pictures.any(axis=(1, 2, 3)).all()  # type: ignore[attr-defined]


def test_similarity_and_selectivity_by_hand() -> None:
    weights = np.array([[1.0, 0, 0, 2], [1.0, 3, 0, 0], [0, 0, 0, 0]])
    found = cosines(weights)
    assert found[0, 1] == pytest.approx(1 / np.sqrt(5 * 10))
    assert found[2].tolist() == [0, 0, 0]
    assert set(selective(weights)[:2]) == {1, 3}


def test_refine_by_hand() -> None:
    shallow, deep = np.array([[-4.0, 2.0, 1.0]]), np.array([[5.0, 10.0, -3.0]])
    assert refine([shallow, deep], "product").tolist() == [[0, 1, 0]]
    assert refine([shallow, deep], "absolute").tolist() == [[1, 1, 0]]
    np.testing.assert_allclose(refine([shallow, deep], "mean"), [[0.25, 1, 0.25]])
    assert refine([-shallow * 0, deep], "product").tolist() == [[0, 0, 0]]
