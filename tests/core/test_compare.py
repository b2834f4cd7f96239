"""Comparisons: every method in its own cell, shared passes, agreement, folders that go on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from interp.comparison.agreement import agreement
from interp.comparison.compare import compare
from interp.comparison.result import Comparison, ComparisonRequest
from interp.context import Budget
from interp.errors import Cancelled, InputError, RegistryError
from interp.network.placement import place
from interp.request import Choice
from interp.session import Session
from interp.spec import InputSpec
from interp.testing import ToyModel

RANDOM = np.random.default_rng(0)
IMAGES = [RANDOM.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(3)]


class Counting(ToyModel):
    """Counts the images it is asked for; interrupts beyond `most`."""

    def __init__(self, most: int = 10**9) -> None:
        super().__init__()
        self.seen, self.most = 0, most

    def predict(self, images):
        self.seen += len(images)
        if self.seen > self.most:
            raise KeyboardInterrupt
        return super().predict(images)


def request(*methods: str, **changes) -> ComparisonRequest:
    chosen = tuple(Choice(name=each) for each in methods)
    return ComparisonRequest(methods=chosen, budget=Budget(samples=200, batch_size=50), **changes)


def go(registry, *methods: str, count: int = 1, model=None, out=None, **changes) -> Comparison:
    return compare(
        request(*methods, **changes),
        Session(registry=registry, model=model or ToyModel()),
        images=IMAGES[:count],
        out=out,
    )


def test_every_method_has_a_cell_and_fails_in_its_own(registry) -> None:
    found = go(registry, "tiles", "crash", "slip", "greedy", "learner")
    cells = found.cases[0].cells
    assert [each.method for each in cells] == found.methods
    assert cells[0].explanation is not None and cells[0].error is None
    reasons = ["by zero", "NaN", "explains no single image", "not learned yet"]
    for cell, reason in zip(cells[1:], reasons, strict=True):
        assert cell.explanation is None and reason in cell.error and "\n" not in cell.error
    assert np.isnan(found.agreement[0, 1]) and found.agreement[0, 0] == 1


@pytest.mark.parametrize("stored", [False, True])
def test_answers_are_handed_over_as_they_come(tmp_path, registry, stored) -> None:
    heard: list[tuple[str, list[str]]] = []

    def on_image(case) -> None:
        heard.append((case.name, [each.method for each in case.cells if not each.waiting]))

    compare(
        request("tiles", "crash"),
        Session(registry=registry, model=ToyModel()),
        images=IMAGES[:2],
        names=["a", "b"],
        out=tmp_path / "c" if stored else None,
        on_image=on_image,
    )
    steps = [[], ["tiles"], ["tiles", "crash"]]
    assert heard == [(name, step) for name in ("a", "b") for step in steps]


def test_methods_without_samples_go_first_and_keep_their_place() -> None:
    heard: list[list[bool]] = []
    found = compare(
        request("rise", "centre"),
        Session(model=ToyModel()),
        images=IMAGES[:1],
        on_image=lambda case: heard.append([each.waiting for each in case.cells]),
    )
    assert heard == [[True, True], [True, False], [False, False]]
    assert found.methods == ["rise", "centre"]


def test_what_concerns_all_is_told_before_any_work(registry) -> None:
    model = Counting()
    for changes, error, words in (
        ({"methods": ("tile",)}, RegistryError, "did you mean 'tiles'"),
        ({"methods": ("tiles", "tiles")}, InputError, "twice"),
        ({"methods": ()}, InputError, "no method"),
        ({"targets": ("be",)}, InputError, "did you mean 'bee'"),
    ):
        wanted = {"methods": ("tiles",), **changes}
        with pytest.raises(error, match=words):
            go(registry, *wanted.pop("methods"), model=model, **wanted)
    asked = request("tiles", images=("nowhere.png",))
    with pytest.raises(InputError, match=r"nowhere\.png"):
        compare(asked, Session(registry=registry, model=model))
    slip = ComparisonRequest(methods=(Choice(name="tiles", params={"cell": 3}),))
    with pytest.raises(InputError, match="did you mean 'cells'"):
        compare(slip, Session(registry=registry, model=model), images=IMAGES[:1])
    assert model.seen == 0


def test_methods_and_targets_that_ask_the_same_share_the_passes(registry) -> None:
    model = Counting()
    found = go(registry, "tiles", "twin", model=model, targets=("ant", "bee, not cat"))
    first, second = found.records[0].outcomes
    assert (first.samples, first.evaluated) == (400, 200)
    assert (second.samples, second.evaluated) == (400, 0)
    assert model.seen < 210  # 200 samples, a prediction for each call, one to warm up
    alone = go(registry, "twin", targets=("ant", "bee, not cat")).cases[0].cells[0]
    shared = found.cases[0].cells[1]
    for target in found.records[0].targets:
        np.testing.assert_array_equal(shared.explanation.map(target), alone.explanation.map(target))


def test_methods_that_keep_no_answers_count_their_samples(registry) -> None:
    found = go(registry, "learner", "tiles")
    assert [each.evaluated for each in found.records[0].outcomes] == [0, 200]


@pytest.mark.parametrize("shape", [(12, 18), (31, 9)])
@pytest.mark.parametrize("resize", ["squash", "crop", "letterbox"])
def test_agreement_is_spearmans_over_what_the_model_sees(shape, resize) -> None:
    spec = InputSpec(size=(8, 8), resize=resize)
    maps = [*RANDOM.normal(size=(2, *shape)), RANDOM.integers(0, 3, shape) * 1.0]
    found = agreement([*maps, None, np.ones(shape)], spec)
    seen = place(shape, spec).to_image(np.ones((8, 8), np.float32)) > 0
    assert seen.all() == (resize != "crop")
    for i, one in enumerate(maps):
        for j, other in enumerate(maps):
            assert found[i, j] == pytest.approx(spearmanr(one[seen], other[seen])[0])
    assert np.isnan(found[3:]).all() and np.isnan(found[:, 3:]).all()


def test_opposite_maps_disagree() -> None:
    values = RANDOM.normal(size=(9, 9))
    found = agreement([values, values * 3 + 1, -values], InputSpec(size=(9, 9)))
    np.testing.assert_allclose(found, [[1, 1, -1], [1, 1, -1], [-1, -1, 1]])


def test_without_targets_each_image_has_its_own_top_class(registry) -> None:
    found = go(registry, "tiles", count=3)
    for case in found.cases:
        assert case.targets == (case.prediction.classes[0],)


def test_a_folder_is_the_comparison(tmp_path, registry) -> None:
    held = go(registry, "tiles", "crash", count=2, targets=("bee",), seed=3)
    stored = go(registry, "tiles", "crash", count=2, targets=("bee",), seed=3, out=tmp_path / "c")
    opened = Comparison.open(tmp_path / "c")
    assert opened.methods == held.methods and opened.request.seed == 3
    for one, other, again in zip(held.cases, stored.cases, opened.cases, strict=True):
        values = [each.cells[0].explanation.map("bee") for each in (one, other, again)]
        np.testing.assert_array_equal(values[0], values[1])
        np.testing.assert_array_equal(values[0], values[2])
        assert again.cells[1].error == one.cells[1].error
        np.testing.assert_array_equal(one.image, again.image)
    np.testing.assert_array_equal(held.agreement, opened.agreement)
    assert held.scales == opened.scales and held.scales["tiles"] > 0


def test_an_interrupted_folder_goes_on(tmp_path, registry) -> None:
    out = tmp_path / "c"
    with pytest.raises(Cancelled, match=r"1 of the images are whole .* goes on"):
        go(registry, "tiles", count=3, model=Counting(most=300), out=out)
    assert not (out / "manifest.json").exists()
    model = Counting()
    found = go(registry, "tiles", count=3, model=model, out=out)
    assert 400 < model.seen < 420 and len(found.records) == 3
    whole = go(registry, "tiles", count=3)
    for one, other in zip(found.cases, whole.cases, strict=True):
        target = one.targets[0]
        np.testing.assert_array_equal(
            one.cells[0].explanation.map(target), other.cells[0].explanation.map(target)
        )
    model = Counting()
    go(registry, "tiles", count=3, model=model, out=out)
    assert model.seen == 0
    asked = request("tiles")
    others = (
        (request("tiles", "twin"), ToyModel(), IMAGES),
        (asked, ToyModel(seed=1), IMAGES),
        (asked, ToyModel(), IMAGES[::-1]),
    )
    for other, model, images in others:
        with pytest.raises(InputError, match="holds something else"):
            compare(other, Session(registry=registry, model=model), images=images, out=out)


def test_full_colour_is_shared_by_targets_and_images(registry) -> None:
    found = go(registry, "tiles", count=2, targets=("ant", "bee"))
    every = [
        np.percentile(np.abs(case.cells[0].explanation.map(target)), 99.5)
        for case in found.cases
        for target in case.targets
    ]
    assert found.scales["tiles"] == pytest.approx(max(every))
