"""Evaluations: what fails, what is kept, what is merged, and the means against slow ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from interp.context import Budget
from interp.dataset import Dataset, Example, ImageArrays, Instance
from interp.errors import Cancelled, InputError, RegistryError, UnsupportedError
from interp.evaluation.bootstrap import compare, estimate, paired_shares, wilson
from interp.evaluation.cross_fit import cross_fitted
from interp.evaluation.data import ChosenImages
from interp.evaluation.evaluate import evaluate
from interp.evaluation.evaluation_run import duration
from interp.evaluation.folder import is_evaluation, merge_evaluations, open_evaluation
from interp.evaluation.request import EvaluationRequest
from interp.evaluation.result import Evaluation
from interp.evaluation.table import COLUMNS, figure, words
from interp.evaluation.verdict import failures
from interp.knowledge import Knowledge
from interp.registry import Registry
from interp.request import Choice
from interp.session import Session
from interp.spec import Capability, ModelOptions
from interp.testing import ToyModel
from interp.testing.conformance import Narrowed

SIZE = 32
CLASSES = ("ant", "bee", "cat")
METRICS = ("deletion", "pointing", "energy-mask", "stability")


class Scenes(Dataset):
    """Noise with one object of each class in turn; some without a mask, one that is torn."""

    classes = ("cat", "ant", "newt")
    fingerprint = "scenes"

    def __init__(self, count: int = 6, torn: int = -1, masks: bool = True) -> None:
        self.count, self.torn, self.masks = count, torn, masks

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        if index == self.torn:
            raise InputError(f"{index}.png is torn")
        image = np.random.default_rng(index).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
        mask = np.zeros((SIZE, SIZE), bool)
        mask[4 + index : 14 + index, 8:20] = True
        box = (8.0, 4.0 + index, 20.0, 14.0 + index)
        object_ = Instance(index % 2, box, mask if self.masks else None)
        return Example(f"scene-{index}", image, index % 2, (object_,))


def asked(*methods: str, **changes: Any) -> EvaluationRequest:
    fields: dict[str, Any] = {
        "methods": tuple(Choice(name=name) for name in methods or ("tiles",)),
        "metrics": tuple(
            Choice(name=name, params={"images": 2, "seeds": 2} if name == "stability" else {})
            for name in METRICS
        ),
        "budget": Budget(samples=60, batch_size=20),
        **changes,
    }
    return EvaluationRequest(**fields)


@pytest.fixture
def go(registry: Registry) -> Callable[..., Evaluation]:
    """Evaluate on the toy model and six scenes."""

    def call(*methods: str, **options: Any) -> Evaluation:
        given, around = (
            {name: options.pop(name) for name in names if name in options}
            for names in (("dataset", "out", "on_message"), ("model", "cancelled", "progress"))
        )
        session = Session(registry, **{"model": ToyModel(), **around})
        return evaluate(asked(*methods, **options), session, **{"dataset": Scenes(), **given})

    return call


def values(found: Evaluation) -> list[Any]:
    return [(each.position, each.values, each.skipped, each.failures) for each in found.records]


def test_every_metric_of_every_method_with_baselines(go) -> None:
    found = go()
    assert found.methods == ["tiles", "random", "centre", "edges"]
    assert found.baselines == ["random", "centre", "edges"]
    assert found.metrics == list(METRICS)
    counts = {name: cell["tiles"].mean.count for name, cell in found.table.items()}
    assert counts == {"deletion": 6, "pointing": 6, "energy-mask": 6, "stability": 2}
    assert [note.split(";")[0] for note in found.notes()] == [
        "1 of the data's 3 classes (newt) are none of the model's (ant, bee, cat)"
    ]
    assert found.table["stability"]["centre"].mean.value == 1
    assert found.table["stability"]["random"].mean.value < 0.5


def test_means_intervals_and_differences_are_those_of_the_values(go) -> None:
    found = go()
    own, other = (list(found.values("deletion", name).values()) for name in ("tiles", "centre"))
    cell = found.table["deletion"]["tiles"]

    def random() -> np.random.Generator:
        return np.random.default_rng(0)

    mean = estimate(np.array(own), random(), resamples=2000)
    apart = compare(np.array(own), np.array(other), random(), resamples=2000)
    assert (cell.mean.value, cell.mean.low, cell.mean.high) == (mean.value, mean.low, mean.high)
    less = cell.less["centre"]
    assert (less.value, less.low, less.high) == (apart.value, apart.low, apart.high)
    assert less.value == pytest.approx(np.mean(own) - np.mean(other))
    assert cell.mean.higher_is_better is False and cell.mean.unit == "mean probability"


def test_a_metric_with_a_threshold_takes_it_from_the_other_half_of_the_images(go, here) -> None:
    found = go(metrics=(Choice(name="localization"),), out=here / "out")
    curves = {each.position: each.curves["localization"]["tiles"] for each in found.records}
    assert found.values("localization", "tiles") == cross_fitted(curves)
    assert found.table["localization"]["tiles"].mean.count == 6
    assert open_evaluation(here / "out").plain() == found.plain()
    alone = go(metrics=(Choice(name="localization"),), limit=1)
    assert not alone.metrics
    assert any(note.startswith("localization has no value") for note in alone.notes())


def test_the_class_that_is_explained_is_the_images_or_the_models_first(go) -> None:
    true, predicted = go(), go(target="predicted")
    assert {each.target for each in true.records} == {"cat", "ant"}
    model, data = ToyModel(), ChosenImages(Scenes(), None, CLASSES)
    for record in predicted.records:
        pixels = model.prepare(data[record.position].image)[0]
        best = int(model.predict(pixels[None]).argmax())
        assert record.target == model.spec.classes[best]


def test_methods_are_asked_for_that_class(go, registry, monkeypatch) -> None:
    kind, asked_for = registry.get("method", "tiles"), []
    fine = kind.explain

    def explain(self: Any, model: Any, images: Any, targets: Any, *rest: Any) -> Any:
        asked_for.extend(target.name for target in targets)
        return fine(self, model, images, targets, *rest)

    monkeypatch.setattr(kind, "explain", explain)
    found = go(metrics=_one())
    assert asked_for == [record.target for record in found.records]


def test_truth_is_for_the_class_that_is_explained(go) -> None:
    found = go(target="predicted", metrics=(Choice(name="energy-mask"),))
    classes = {record.position: record.target for record in found.records}
    chosen = ChosenImages(Scenes(), None, CLASSES)
    right = [at for at, name in classes.items() if CLASSES[chosen[at].label or 0] == name]
    assert sorted(found.values("energy-mask", "tiles")) == right
    assert len(right) < 6
    assert any("energy-mask left out on" in note for note in found.notes())


def test_data_without_masks_leave_a_metric_out_and_say_so(go) -> None:
    found = go(dataset=Scenes(masks=False))
    assert "energy-mask" not in found.metrics and "pointing" in found.metrics
    assert "energy-mask left out on 6 of 6 images: the data give no mask of" in "\n".join(
        found.notes()
    )


NEEDED = {"pointing": "boxes", "energy-mask": "masks", "energy-parts": "masks of parts"}
"""What of an image each of these metrics needs."""


class Knowing(Scenes):
    """Scenes that say beforehand what is known of them."""

    truths: Any = None

    def __init__(self, *truths: str) -> None:
        super().__init__(3)
        self.truths = frozenset(truths)


@pytest.mark.parametrize("metric", NEEDED)
def test_a_metric_of_what_the_data_do_not_give_is_refused_before_any_work(go, metric) -> None:
    def work() -> bool:
        raise AssertionError("nothing is to be measured")

    said = f"no metric is left: {metric} needs {NEEDED[metric]} .*which the data do not give"
    with pytest.raises(UnsupportedError, match=said):
        go(dataset=Knowing("label"), metrics=(Choice(name=metric),), cancelled=work)


def test_other_metrics_go_on_without_a_column_for_it(go) -> None:
    found = go(dataset=Knowing("label", "box"))
    assert found.metrics == ["deletion", "pointing", "stability"]
    assert list(found.refused) == ["energy-mask"]
    assert "energy-mask is refused: energy-mask needs masks" in "\n".join(found.notes())


def test_knowledge_of_a_model_is_not_used_on_another(go, here) -> None:
    """Nothing was learned of a network with random weights; another seed needs no such network."""
    model = Session().open_model("creatures-vgg", ModelOptions())
    Knowledge.of("learner", model, {"mean": np.zeros(3)}).save(here / "known")
    found = go(
        methods=(Choice(name="learner", knowledge=str(here / "known")),),
        metrics=(Choice(name="randomization"), Choice(name="stability")),
        model=model,
        target="predicted",
        limit=2,
    )
    failed = [(each.what, each.reason) for each in failures(found)]
    assert [what for what, _ in failed] == ["randomization"] * 2
    said = "explains creatures-vgg by knowledge that it learned of it; another network"
    assert all(said in reason for _, reason in failed)
    assert found.table["stability"]["learner"].mean.count == 2
    assert found.table["randomization"]["centre"].mean.count == 2


def test_a_method_that_fails_is_counted_and_the_others_go_on(go) -> None:
    found, alone = go("tiles", "crash"), go("tiles")
    assert "crash" not in found.table["deletion"]
    assert found.table["deletion"]["tiles"] == alone.table["deletion"]["tiles"]
    _, note = found.notes()
    assert note.startswith("crash failed on 6 of 6 images") and "by zero" in note


def test_a_method_that_fails_on_one_image_is_measured_on_the_others(go, registry) -> None:
    scenes, kind = ChosenImages(Scenes(), None, CLASSES), registry.get("method", "tiles")
    fine = kind.explain

    def explain(self: Any, model: Any, images: Any, *rest: Any) -> Any:
        if np.array_equal(images[0], scenes[3].image):
            raise ValueError("not this one")
        return fine(self, model, images, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "explain", explain)
        found = go()
    assert sorted(found.values("deletion", "tiles")) == [0, 1, 2, 4, 5]
    assert sorted(found.values("deletion", "random")) == list(range(6))
    cell = found.table["deletion"]["tiles"]
    assert (cell.mean.count, cell.less["random"].count) == (5, 5)
    assert "tiles failed on 1 of 6 images (explain; not in its mean)" in found.notes()[1]


def test_what_the_model_cannot_serve_is_refused_first(go) -> None:
    narrow = Narrowed(ToyModel(), frozenset({Capability.PREDICT}))
    metrics = tuple(Choice(name=name) for name in ("deletion", "randomization"))
    found = go("tiles", "greedy", metrics=metrics, model=narrow)
    assert found.methods == ["tiles", "random", "centre", "edges"]
    assert found.metrics == ["deletion"]
    assert list(found.refused) == ["greedy", "randomization"]
    assert "randomization needs MODULE; toy offers predict" in "\n".join(found.notes())
    with pytest.raises(UnsupportedError, match="no method is left: greedy needs"):
        go("greedy", model=narrow)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"methods": (Choice(name="tils"),)}, RegistryError, "did you mean 'tiles'"),
        ({"metrics": (Choice(name="deletio"),)}, RegistryError, "did you mean 'deletion'"),
        ({"methods": (Choice(name="tiles", params={"cell": 4}),)}, InputError, "'cells'"),
        ({"metrics": (Choice(name="deletion", params={"steps": 1}),)}, InputError, "steps = 1"),
        ({"methods": (Choice(name="tiles"),) * 2}, InputError, "a method twice"),
        ({"data": "nowhere", "dataset": None}, InputError, "no folder nowhere"),
    ],
)
def test_a_wrong_request_comes_before_any_work(go, tmp_path, changes, error, words) -> None:
    with pytest.raises(error, match=words):
        go(**changes, out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_classes_of_nobody_are_told(go) -> None:
    class Strange(Scenes):
        classes = ("newt", "toad", "frog")

    with pytest.raises(InputError, match=r"\(newt, toad, frog\) are none of the model's \(ant"):
        go(dataset=Strange())
    assert len(go(dataset=Strange(), target="predicted").records) == 6


def test_an_image_that_cannot_be_read_is_left_out_and_told(go) -> None:
    found = go(dataset=Scenes(torn=2))
    assert found.table["deletion"]["tiles"].mean.count == 5
    assert found.notes()[1:] == ["images left out on 1 of 6 images: 2.png is torn"]


def stop_after(images: int) -> Callable[[], bool]:
    """Cancelled once so many files of images are there."""
    return lambda: len(list(Path("out.partial").glob("image-*"))) >= images


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_that_was_killed_goes_on_as_if_it_had_not_been(go, here) -> None:
    said = "3 images are kept in out.partial, and the same command goes on"
    with pytest.raises(Cancelled, match=said):
        go(out=Path("out"), cancelled=stop_after(3))
    assert not Path("out").exists()
    times = {each: each.stat().st_mtime_ns for each in here.glob("out.partial/image-*")}
    with pytest.raises(Cancelled):
        go(out=Path("out"), cancelled=stop_after(5))
    assert all(each.stat().st_mtime_ns == time for each, time in times.items())
    resumed, whole = go(out=Path("out")), go()
    assert values(resumed) == values(whole)
    assert resumed.table == whole.table
    assert not Path("out.partial").exists()


def test_a_whole_evaluation_is_opened_by_the_same_call(go, here) -> None:
    first, told = go(out=Path("out")), list[str]()
    times = {each: each.stat().st_mtime_ns for each in here.rglob("*")}

    def measured() -> bool:
        raise AssertionError("nothing is to be measured")

    again = go(out=Path("out"), on_message=told.append, cancelled=measured)
    assert again.plain() == first.plain()
    assert told == ["out holds this evaluation already; nothing was measured"]
    assert {each: each.stat().st_mtime_ns for each in here.rglob("*")} == times


@pytest.mark.parametrize(
    ("changes", "others"),
    [
        ({"seed": 1}, "seed"),
        ({"limit": 3}, "limit"),
        ({"model": ToyModel(seed=1)}, "model"),
        ({"dataset": ImageArrays([np.zeros((9, 9, 3), np.uint8)], ["a"])}, "data and target"),
    ],
)
def test_a_whole_evaluation_of_something_else_is_refused(go, here, changes, others) -> None:
    go(out=Path("out"), metrics=_one())
    if "dataset" in changes:
        changes = {**changes, "target": "predicted"}
    with pytest.raises(InputError, match=f"out holds another evaluation, of other {others};"):
        go(out=Path("out"), metrics=_one(), **changes)


def test_what_was_begun_is_not_mixed_with_something_else(go, here) -> None:
    with pytest.raises(Cancelled):
        go(out=Path("out"), cancelled=stop_after(1))
    for other in ({"seed": 1}, {"model": ToyModel(seed=1)}, {"limit": 3}):
        with pytest.raises(InputError, match="holds something else"):
            go(out=Path("out"), **other)


def test_two_shards_are_one_run(go, here) -> None:
    parts = [go(out=here / f"part{i}", shard=(i, 2)) for i in (0, 1)]
    assert [len(each.records) for each in parts] == [3, 3]
    merged = merge_evaluations([here / "part1", here / "part0"], here / "whole")
    whole = go()
    assert values(merged) == values(whole) and merged.table == whole.table
    assert merged.request == whole.request
    assert values(open_evaluation(here / "whole")) == values(whole)


def test_shards_that_do_not_belong_together_are_refused(go, here) -> None:
    for number, seed in ((0, 0), (1, 0), (1, 1)):
        go(out=here / f"part{number}{seed}", shard=(number, 2), seed=seed, metrics=_one())
    with pytest.raises(InputError, match="different requests, models or data"):
        merge_evaluations([here / "part00", here / "part11"], here / "whole")
    with pytest.raises(InputError, match="found 3 images in 1 parts, expected each of 6 once"):
        merge_evaluations([here / "part00"], here / "whole")
    with pytest.raises(InputError, match="found 6 images in 2 parts"):
        merge_evaluations([here / "part00", here / "part00"], here / "whole")
    assert not (here / "whole").exists()


def _one() -> tuple[Choice, ...]:
    return (Choice(name="deletion"),)


def test_a_folder_holds_table_plot_and_every_value(go, here) -> None:
    found = go(out=here / "out")
    assert is_evaluation(here / "out") and not is_evaluation(here)
    opened = open_evaluation(here / "out")
    assert opened.plain() == found.plain()
    facts = json.loads((here / "out" / "results.json").read_text())
    mean = found.table["deletion"]["tiles"].mean
    assert facts["table"]["deletion"]["tiles"]["value"] == mean.value
    rows = (here / "out" / "table.csv").read_text().splitlines()
    assert rows[0] == ",".join(COLUMNS)
    assert f"deletion,mean probability,lower,tiles,,{mean.value},{mean.low},{mean.high},6" in rows
    assert any(row.startswith("deletion,mean probability,lower,tiles,centre,") for row in rows)
    text = (here / "out" / "table.md").read_text()
    assert "| method | deletion ↓ | pointing ↑ |" in text and "| *centre* |" in text
    picture = np.asarray(Image.open(here / "out" / "plot.png"))
    blue, grey = ((picture == colour).all(-1).sum() for colour in ((0, 114, 178), (150,) * 3))
    assert grey > 2 * blue > 0
    (here / "out" / "table.csv").write_text("else")
    with pytest.raises(InputError, match="altered"):
        open_evaluation(here / "out")


def test_the_best_is_the_one_in_the_metrics_direction(go) -> None:
    found = go()
    for metric, sign in (("deletion", -1), ("pointing", 1)):
        means = {name: sign * cell.mean.value for name, cell in found.table[metric].items()}
        best = [name for name, mean in means.items() if mean == max(means.values())]
        assert found.best(metric) == best


def test_a_star_is_alone_only_beyond_chance(go) -> None:
    found = go()
    for at, metric in enumerate(found.metrics):
        ranked = found.ranks[metric]
        first = {name for name, (low, _) in ranked.items() if low == 1}
        assert first
        mark = "]*" if len(first) == 1 else "] tie*"
        starred = {name for name in found.methods if words(found, name)[at].endswith(mark)}
        assert starred == first


def test_equal_means_are_a_tie(go) -> None:
    found = go()
    same = {"tiles": 0.5, "centre": 0.5, "edges": 0.25}
    records = tuple(
        each.model_copy(update={"values": {"pointing": same}}) for each in found.records
    )
    tied = replace(found, records=records)
    assert tied.best("pointing") == ["tiles", "centre"]
    starred = [name for name in same if words(tied, name)[0].endswith("tie*")]
    assert starred == tied.leading("pointing")
    assert starred[:2] == ["tiles", "centre"]


@pytest.mark.parametrize(("hits", "low", "high"), [(4, 0.51, 1.0), (0, 0.0, 0.49), (2, 0.15, 0.85)])
def test_shares_of_few_images_have_wilsons_interval(hits: int, low: float, high: float) -> None:
    values = np.arange(4) < hits
    found = estimate(values.astype(float), np.random.default_rng(0))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)


def test_wilsons_interval_is_where_the_share_is_as_far_as_chance_allows() -> None:
    """The slow way: the shares p whose binomial standard error still reaches the one found."""
    grid = np.linspace(1e-6, 1 - 1e-6, 200_001)
    for count, hits in ((4, 4), (7, 2), (50, 31)):
        reached = np.abs(hits / count - grid) <= 1.959964 * np.sqrt(grid * (1 - grid) / count)
        low, high = wilson(hits / count, count)
        assert (low, high) == pytest.approx((grid[reached][0], grid[reached][-1]), abs=1e-4)


def test_other_values_than_shares_keep_their_own_interval() -> None:
    found = estimate(np.ones(4), np.random.default_rng(0), "rank correlation")
    assert (found.low, found.high) == (1, 1)


def test_a_single_image_has_no_interval() -> None:
    found = estimate(np.array([0.3]), np.random.default_rng(0))
    assert (found.value, found.low, found.high, found.count) == (0.3, None, None, 1)


def test_two_shares_of_the_same_few_images_are_not_certain_to_be_equal() -> None:
    ones = np.ones(4)
    found = compare(ones, ones, np.random.default_rng(0))
    assert found.value == 0 and found.low < -0.3 and found.high > 0.3


def test_paired_shares_cover_their_difference_about_as_often_as_they_say() -> None:
    random, hits = np.random.default_rng(0), 0
    shown = (random.random(10**6) + random.normal(0, 0.3, 10**6) < 0.5).mean()
    for _ in range(400):
        easy = random.random(30)
        first, second = (easy < 0.7).astype(float), (easy + random.normal(0, 0.3, 30) < 0.5)
        low, high = paired_shares(first, second.astype(float))
        truth = 0.7 - shown
        hits += low <= truth <= high
    assert 0.9 <= hits / 400 <= 0.99


def test_the_time_is_estimated_after_one_image(go) -> None:
    messages: list[str] = []
    go(on_message=messages.append)
    (line,) = messages
    assert line.startswith("6 images x 4 methods: about ")


def test_an_estimate_counts_expensive_metrics_on_their_images_alone(go, registry) -> None:
    from interp.evaluation.evaluate import prepare
    from interp.evaluation.request import EvaluationRecord

    run = prepare(asked(baselines=()), Session(registry, ToyModel()), Scenes())
    record = EvaluationRecord(
        position=0,
        image="",
        explaining={"tiles": 20.0},
        measuring={"deletion": 10, "stability": 90},
    )
    left = [1, 2, 3, 4, 5]  # stability is measured on one of these
    assert run.time_estimate(record, left) == f"6 images x 1 methods: about {duration(5 * 30 + 90)}"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 second"), (80, "80 seconds"), (840, "14 minutes"), (7300, "2 hours")],
)
def test_durations_are_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_few_images_are_the_first_of_more() -> None:
    few, many = (ChosenImages(Scenes(100), limit, CLASSES).order for limit in (10, 60))
    assert many[:10] == few and len(set(many)) == 60
    assert max(few) > 50  # spread, where classes lie one after another
    assert sorted(ChosenImages(Scenes(4), 9, CLASSES).order) == [0, 1, 2, 3]


def test_labels_are_the_models() -> None:
    chosen = ChosenImages(Scenes(2), None, CLASSES)
    assert chosen.labels == [2, 0, None]
    for position, index in enumerate(chosen.order):
        example = chosen[position]
        assert example.label == chosen.labels[index % 2] == example.instances[0].label


def test_objects_of_other_classes_are_left_out() -> None:
    class Two(Scenes):
        @cached_property
        def classes(self) -> tuple[str, ...]:  # type: ignore[override]
            return ("newt", "cat")

    chosen = ChosenImages(Two(2), None, CLASSES)
    found = {chosen.order[at]: chosen[at] for at in range(2)}
    assert (found[0].label, found[0].instances) == (None, ())
    assert (found[1].label, found[1].instances[0].label) == (2, 2)


@pytest.mark.parametrize(
    ("value", "text"), [(0.314, "0.31"), (-1.5, "-1.50"), (0.0123, "0.012"), (0.0, "0.00")]
)
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text
