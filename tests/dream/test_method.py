"""dream and maco: what is known by hand, the common checks, refusals, notes, seeds, stopping."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.known_filters import EDGE, OPTIONS, PAD, SIDE, Known

from interp.context import Budget, Context
from interp.errors import Cancelled, InputError, UnsupportedError
from interp.explanation import Explanation
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run, survey
from interp.target import Target
from interp.testing import MethodCase, ToyModel, method_checks
from interp_dream.method import Dream, Maco
from interp_dream.optimise import Dreamer
from interp_dream.params import DreamParams, MacoParams
from interp_dream.probe import Objective, Probe
from interp_dream.real_images import RealImages

STILL: dict[str, Any] = {"crop_low": 1.0, "crop_high": 1.0, "rotate": 0.0, "jitter": 0.0}
"""No transformation."""
KINDS = {"dream": (Dream, DreamParams), "maco": (Maco, MacoParams)}


def asked(known: Known, name: str = "dream", context: Context | None = None, **params: Any) -> Any:
    """The survey of the known network."""
    kind, of = KINDS[name]
    given = of(**{"layer": "filters", "control": False, **STILL, **params})
    return kind(given).survey(known.model, known.data, None, context or Context())


def pixels(found: Explanation, name: str, caption: str) -> np.ndarray:
    """The optimised picture of a gallery, (h, w, 3) in [0, 1]."""
    gallery = found.named(name)
    (at,) = (n for n, each in enumerate(gallery.captions) if each.startswith(f"{caption}: opt"))
    return np.asarray(gallery.pictures[at] / 255)


def column(found: Explanation, name: str, which: str) -> list[float]:
    table = found.named(name)
    return [row[table.columns.index(which)] for row in table.rows]


def test_the_picture_of_a_channel_that_sees_red_is_red(known: Known) -> None:
    """The optimum is a red plane of 1, of which Adam leaves some high frequencies."""
    found = asked(known, channels=(0,), of="channels", decay=1.5)
    assert pixels(found, "pictures filters", "channel 0")[..., 0].mean() > 0.9
    (reached,) = column(found, "scores filters", "reaches")
    cells = (32 / 33) ** 2  # of 33 x 33 cells, the last row and column see the padding
    assert 0.4 * cells < reached <= 0.5 * cells + 1e-6


def test_the_picture_of_an_edge_neuron_is_the_edge(known: Known) -> None:
    """At cell (16, 16) the filter sees the pixels from 16 - PAD on."""
    found = asked(known, channels=(1,), of="channels", cell=(16, 16))
    picture = pixels(found, "pictures filters", "channel 1 at 16,16")
    seen = picture[16 - PAD : 16 - PAD + SIDE, 16 - PAD : 16 - PAD + SIDE].mean(2)
    assert np.corrcoef(seen.ravel(), EDGE.ravel())[0, 1] > 0.9


def test_under_transformations_the_edge_stays(known: Known) -> None:
    moving = {"crop_low": 0.95, "crop_high": 1.05, "rotate": 5.0, "jitter": 0.03}
    found = asked(known, channels=(1,), of="channels", cell=(16, 16), **moving)
    picture = pixels(found, "pictures filters", "channel 1 at 16,16")
    seen = picture[16 - PAD : 16 - PAD + SIDE, 16 - PAD : 16 - PAD + SIDE].mean(2)
    assert np.corrcoef(seen.ravel(), EDGE.ravel())[0, 1] > 0.8


def test_maco_finds_the_edge_and_leaves_the_mean_colour(known: Known) -> None:
    """Phases change no plane's mean, so that red cannot be gained but by what is cut off."""
    found = asked(known, "maco", channels=(0, 1), of="channels", cell=(16, 16), noise=0.0)
    picture = pixels(found, "pictures filters", "channel 1 at 16,16")
    seen = picture[16 - PAD : 16 - PAD + SIDE, 16 - PAD : 16 - PAD + SIDE].mean(2)
    assert np.corrcoef(seen.ravel(), EDGE.ravel())[0, 1] > 0.8
    data = np.mean([each.image[..., 0].mean() / 255 for each in known.data])
    red = pixels(found, "pictures filters", "channel 0 at 16,16")[..., 0].mean()
    assert red == pytest.approx(data, abs=0.03)


def test_the_picture_of_a_class_is_that_of_its_channel(known: Known) -> None:
    """Cells that the rectifier has shut at first have no slope, and are reached through others."""
    found = asked(known, of="classes", classes=("red",))
    assert pixels(found, "pictures classes", "red")[..., 0].mean() > 0.7
    (row,) = found.named("scores classes").rows
    assert row[1] > 2 * row[2]


def test_scores_are_those_of_the_picture_as_shown(known: Known) -> None:
    """Each number of the table by a second road: the model's own activations."""
    found = asked(known, channels=(0, 1), of="channels")
    table = found.named("scores filters")
    real = np.stack(
        [means(known.model, each.image.transpose(2, 0, 1) / 255) for each in known.data]
    )
    for channel, (name, reached, best, mean, _) in enumerate(table.rows):
        picture = pixels(found, "pictures filters", name).transpose(2, 0, 1)
        assert reached == pytest.approx(means(known.model, picture)[channel], abs=1e-4)
        assert best == pytest.approx(real[:, channel].max(), abs=1e-4)
        assert mean == pytest.approx(real[:, channel].mean(), abs=1e-4)


def means(model: ModelAdapter, image: np.ndarray) -> np.ndarray:
    """The mean of each channel of `filters` for an image (3, h, w) in [0, 1]."""
    given = torch.from_numpy(image[None].astype(np.float32))
    return model.activations(given, ["filters"])["filters"].mean((2, 3))[0].numpy()


def test_the_best_image_is_beside_the_picture(known: Known) -> None:
    found = asked(known, channels=(0,), of="channels").named("pictures filters")
    real = [means(known.model, each.image.transpose(2, 0, 1) / 255)[0] for each in known.data]
    assert np.array_equal(found.pictures[1], known.data[int(np.argmax(real))].image)
    assert found.captions[1].startswith("channel 0: best real image, ")


def test_a_picture_that_real_images_surpass_is_named(known: Known) -> None:
    """Channel 2 is always 0: no picture excites it more than an image."""
    found = asked(known, channels=(1, 2), of="channels", steps=1)
    assert any("channel 2: the picture reaches 0, no more than" in each for each in found.notes)
    assert not any(each.startswith("channel 1") for each in asked(known, channels=(1,)).notes)


@pytest.mark.parametrize("name", KINDS)
def test_importance_lies_where_the_neuron_looks(known: Known, name: str) -> None:
    kind, of = KINDS[name]
    params = of(layer="filters", cell=(8, 8), **STILL, steps=4)
    probe = Probe.at(known.model, "filters", (8, 8))
    real = RealImages.read(probe, known.data, params, Context())
    dreamer = Dreamer(probe, real.statistics, kind.kind, params, Context())
    found = dreamer.dream(Objective("edge", "channels", np.eye(3)[1])).importance
    inside = np.zeros((32, 32), bool)
    inside[8 - PAD : 8 - PAD + SIDE, 8 - PAD : 8 - PAD + SIDE] = True
    assert (found[inside] > 0).all() and (found[~inside] < 1e-9).all()


def test_maco_shows_each_picture_faded(known: Known) -> None:
    captions = asked(known, "maco", channels=(1,), of="channels", steps=2)
    found = captions.named("pictures filters")
    assert [each.split(": ")[1].split(",")[0] for each in found.captions] == [
        "optimised",
        "where it matters",
        "best real image",
    ]
    assert (found.pictures[1] >= found.pictures[0]).all()  # towards white


def test_channels_that_vary_most_are_pictured(known: Known) -> None:
    found = asked(known, of="channels", shown=2, steps=1).named("scores filters")
    assert {row[0] for row in found.rows} == {"channel 0", "channel 1"}


def test_the_control_is_a_direction_of_length_1(known: Known) -> None:
    rows = asked(known, control=True, steps=1, shown=1).named("scores filters").rows
    assert [row[0] for row in rows][1:] == ["random direction"]


def test_explain_ranks_channels_by_slope_times_map(known: Known) -> None:
    """The head is linear and its rectifier open where A > 0: channel k gives v_k mean(relu A_k)."""
    image = known.data[0].image
    method = Dream(DreamParams(layer="filters", steps=1, shown=1, control=False, **STILL))
    targets = [Target(0, "red"), Target(1, "edge, not red", 0)]
    found = method.explain(known.model, [image], targets, None, Context())
    given = torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    maps = known.model.activations(given, ["filters"])["filters"].relu().mean((2, 3))[0].numpy()
    assert found.named("channels", "red").values == pytest.approx([maps[0], 0, 0], abs=1e-5)
    less = [-maps[0], maps[1], 0]
    assert found.named("channels", "edge, not red").values == pytest.approx(less, abs=1e-5)
    assert [row[0] for row in found.named("scores", "red").rows] == ["red", "channel 0"]
    assert found.notes[0].startswith("pictures have the colours and the spectrum of natural")


@pytest.mark.parametrize("name", KINDS)
def test_equal_seeds_give_equal_pictures_and_others_do_not(known: Known, name: str) -> None:
    first, second, other = (
        asked(known, name, Context(seed=seed), steps=5, jitter=0.1) for seed in (1, 1, 2)
    )
    for one, two in zip(first.evidence, second.evidence, strict=True):
        for field, values in one.arrays().items():
            assert np.array_equal(values, two.arrays()[field])
    galleries = [each.named("pictures filters").pictures for each in (first, other)]
    assert not np.array_equal(*galleries)


def test_a_picture_does_not_depend_on_the_others(known: Known) -> None:
    alone, both = (asked(known, channels=each, steps=5, jitter=0.1) for each in ((1,), (0, 1)))
    name = "pictures filters"
    assert np.array_equal(pixels(alone, name, "channel 1"), pixels(both, name, "channel 1"))


def test_the_budget_is_the_number_of_steps(known: Known) -> None:
    context = Context(budget=Budget(samples=3))
    assert asked(known, context=context, channels=(0, 1), of="channels", copies=2).samples == 12


def test_a_spent_time_budget_leaves_one_step_and_says_so(known: Known) -> None:
    context = Context(budget=Budget(seconds=1e-9))
    found = asked(known, context=context, channels=(0, 1), of="channels")
    assert found.samples == 2
    said = "the time was up: 2 of 2 pictures had fewer than 128 steps, one of them 1"
    assert any(each.startswith(said) for each in found.notes)


@pytest.mark.parametrize("name", KINDS)
def test_it_stops_on_request_in_the_middle_of_a_picture(known: Known, name: str) -> None:
    seen: list[tuple[str, int, int | None]] = []
    context = Context(
        progress=lambda *each: seen.append(each),
        cancelled=lambda: bool(seen) and seen[-1][:2] == ("steps", 7),
    )
    with pytest.raises(Cancelled):
        asked(known, name, context, channels=(0, 1), of="channels")
    assert seen[-1] == ("steps", 7, 2 * 128)
    assert all(not each._forward_hooks for each in known.model.module().modules())


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"channels": (3,)}, "found channel 3; filters has channels 0 to 2"),
        ({"cell": (33, 0)}, "found cell 33, 0; filters has a grid of 33 x 33"),
        ({"cell": (4,)}, "give a row and a column"),
        ({"layer": "filtres"}, "no layer 'filtres'; did you mean 'filters'"),
        ({"of": "classes", "classes": ("blue",)}, "unknown target 'blue'"),
        ({"layer": "head", "cell": (0, 0)}, "head has a grid of no cells"),
    ],
)
def test_what_cannot_be_pictured_is_told(known: Known, params: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        asked(known, **params)
    assert len(str(caught.value)) < 400


def test_a_layer_of_vectors_has_pictures(known: Known) -> None:
    found = asked(known, layer="head", channels=(0,), of="channels")
    assert pixels(found, "pictures head", "channel 0")[..., 0].mean() > 0.7


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_refused_in_one_line(known: Known, name: str, tmp_path: Path) -> None:
    known.model.export(tmp_path / "model.onnx")
    file = open_model(str(tmp_path / "model.onnx"), OPTIONS, Registry.load())
    with pytest.raises(UnsupportedError, match=f"{name} needs MODULE; .* offers") as caught:
        survey(Request(method=name), model=file, dataset=known.data)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("check", method_checks(), ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", KINDS)
def test_is_a_good_method(name: str, check: Callable[[MethodCase], None]) -> None:
    check(MethodCase(name, model=ToyModel(), params={"shown": 1}, samples=4))


def test_a_survey_is_saved_and_drawn(known: Known, tmp_path: Path) -> None:
    request = Request(method="maco", params={"layer": "filters", "steps": 2})
    found = survey(request, model=known.model, dataset=known.data, out=tmp_path / "out")
    assert len(found.pictures) == len(found.explanation.evidence) == 4
    assert all(each.exists() for each in found.pictures)


def test_several_images_share_the_picture_of_their_class(known: Known) -> None:
    request = Request(method="dream", targets=("red",), params={"steps": 2, "control": False})
    images = [known.data[at].image for at in range(2)]
    found = run(request, model=known.model, images=images).explanation
    galleries = found.of("gallery")
    assert [each.image for each in galleries] == [0, 1]
    assert np.array_equal(galleries[0].pictures[0], galleries[1].pictures[0])
