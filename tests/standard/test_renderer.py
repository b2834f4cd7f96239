"""Renderers: every kind at any size, and what is lit is what the evidence says."""

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.registered import registered

from interp.errors import InputError, PluginError
from interp.evidence import (
    KINDS,
    ChannelImportance,
    Concepts,
    Curve,
    Evidence,
    Gallery,
    Heatmap,
    Matrix,
    Outline,
    PartMaps,
    Pathway,
    Regions,
    Table,
    Tile,
)
from interp.method import Style
from interp.registry import Registry
from interp.result.draw import colour_limit, map_tile
from interp_standard.render.canvas import GAP, SMALL, TITLE, text_height
from interp_standard.render.panel import resize, resize_labels

RENDERERS = {name: kind() for name, kind in registered("renderer", "interp_standard").items()}

SIZES = [(1, 1), (3, 40), (48, 64), (300, 20), (500, 700)]
TOP = 2 * GAP + text_height(TITLE)
"""Pixels above the body of a page that has a one-line title and no layer."""

PARTS = TOP + text_height(SMALL) + GAP
"""Pixels above a panel of parts."""


def render(evidence: Evidence, image: np.ndarray | None = None, **style: Any) -> np.ndarray:
    evidence.check()
    return RENDERERS[evidence.kind].render(evidence, image, Style(**style))


PAIR = 180 + GAP + 180
"""A width in which tiles of 180 pixels stand two in a row."""


def samples(height: int, width: int) -> dict[str, Evidence]:
    rng = np.random.default_rng(zlib.crc32(f"{height} {width}".encode()))
    values = rng.normal(size=(height, width))
    labels = rng.integers(-1, 5, (height, width))
    maps = rng.random((3, height, width))
    peaks = np.array([np.unravel_index(each.argmax(), each.shape) for each in maps])
    pictures = rng.integers(0, 256, (5, height, width, 3), dtype=np.uint8)
    return {
        "heatmap": Heatmap(name="m", target="cat", layer="conv", values=values, r2=0.3),
        "tile": Tile(name="m", values=values),
        "outline": Outline(name="m", target="cat", box=np.array([0.0, 0, width, height]), r2=0.3),
        "regions": Regions(
            name="m", labels=labels, importance=rng.normal(size=5), selected=rng.random(5) < 0.5
        ),
        "channel_importance": ChannelImportance(
            name="m", values=rng.normal(size=height), standard_error=rng.random(height)
        ),
        "pathway": Pathway(name="m", states=rng.random(3 + width), layers={"a": 3, "b": width}),
        "part_maps": PartMaps(name="m", maps=maps, peaks=peaks, filters=[4, 7, 511]),
        "concepts": Concepts(
            name="m",
            maps=maps,
            importance=rng.normal(size=3),
            names=["a", "b", "a long name"],
            standard_error=rng.random(3),
        ),
        "matrix": Matrix(
            name="m",
            values=values,
            rows=[f"row {each}" for each in range(height)],
            columns=[f"column {each}" for each in range(width)],
        ),
        "gallery": Gallery(name="m", pictures=pictures, captions=["a caption"] * 5),
        "table": Table(name="m", columns=["a", "b"], rows=[["x" * min(width, 200), None]] * height),
        "curve": Curve(name="m", x=np.arange(width), values=values, series=["s"] * height),
    }


def test_every_kind_has_a_renderer_under_its_name() -> None:
    added = {each.name for each in Registry.load().entries("renderer")}
    standard = {kind for kind, each in KINDS.items() if each.__module__ == "interp.evidence"}
    assert added == standard


@pytest.mark.parametrize("kind", RENDERERS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("width", [40, 360])
@pytest.mark.parametrize("seen", [True, False])
def test_renders_at_any_size(kind: str, size: tuple[int, int], width: int, seen: bool) -> None:
    image = np.full((*size, 3), 128, np.uint8) if seen else None
    picture = render(samples(*size)[kind], image, width=width, threshold=0.2)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3 and picture.shape[2] == 3
    assert picture.std() > 0


@pytest.mark.parametrize(
    "evidence",
    [
        Heatmap(name="m", values=np.zeros((8, 9))),
        Heatmap(name="m", values=np.zeros((8, 9)), signed=False),
        Regions(name="m", labels=np.full((4, 4), -1), importance=np.zeros(0)),
        ChannelImportance(name="m", values=np.zeros(3)),
        ChannelImportance(name="m", values=np.zeros(0)),
        Pathway(name="m", states=np.zeros(0), layers={}),
        Pathway(name="m", states=np.array([1, 0, -1.0]), layers={"a": 3}, signed=True),
        PartMaps(name="m", maps=np.zeros((2, 4, 4)), peaks=np.zeros((2, 2)), filters=[0, 1]),
        PartMaps(name="m", maps=np.zeros((0, 4, 4)), peaks=np.zeros((0, 2)), filters=[]),
        Concepts(name="m", maps=np.zeros((2, 4, 4)), importance=np.zeros(2), names=["a", "b"]),
        Concepts(name="m", maps=np.zeros((0, 4, 4)), importance=np.zeros(0), names=[]),
        Matrix(name="m", values=np.zeros((2, 2)), rows=["a", "b"], columns=["c", "d"]),
        Matrix(name="m", values=np.zeros((0, 0)), rows=[], columns=[]),
        Gallery(name="m", pictures=np.zeros((0, 4, 4, 3), np.uint8), captions=[]),
        Table(name="m", columns=[]),
        Table(name="m", columns=["a"]),
        Curve(name="m", x=np.zeros(0), values=np.zeros((0, 0)), series=[]),
        Curve(name="m", x=np.zeros(1), values=np.full((1, 1), 1e9), series=["s"]),
    ],
    ids=lambda evidence: evidence.kind,
)
def test_nothing_to_show_is_no_failure(evidence: Evidence) -> None:
    assert render(evidence).dtype == np.uint8


def test_a_difference_of_paths_is_red_and_blue_and_says_what_they_mean() -> None:
    def picture(states: list[float], **said: str) -> np.ndarray:
        path = Pathway(name="m", states=np.array(states), layers={"a": 3}, signed=True, **said)
        return render(path, width=360).astype(int)

    more, less, same = picture([1, 1, 1]), picture([-1, -1, -1]), picture([0, 0, 0])
    inside = np.abs(more - less).max(-1) > 60  # the three cells
    assert inside.any()
    assert (more[inside][:, 0] > more[inside][:, 2]).all()
    assert (less[inside][:, 2] > less[inside][:, 0]).all()
    assert not np.array_equal(picture([0, 0, 0], on="on in one, not in other"), same)


@pytest.mark.parametrize(("states", "signed"), [([1.5], False), ([-0.5], False), ([-1.5], True)])
def test_a_path_has_states_between_its_ends(states: list[float], signed: bool) -> None:
    with pytest.raises(InputError, match="states in"):
        Pathway(name="m", states=np.array(states), layers={"a": 1}, signed=signed).check()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_hottest_pixel_is_red_and_coldest_blue_on_any_image(level: int) -> None:
    values = np.zeros((90, 90))
    values[20:40, 20:40], values[50:70, 50:70] = 3, -3
    image = np.full((90, 90, 3), level, np.uint8)
    panel = render(Heatmap(name="m", values=values), image, width=360)[TOP:, GAP:].astype(int)
    for place in (90, 120, 150):
        hot, cold = panel[place, place], panel[place + 120, place + 120]
        assert hot[0] > hot[2] + 40
        assert cold[2] > cold[0] + 40


def test_zero_importance_leaves_the_image_readable() -> None:
    values = np.zeros((60, 60))
    values[30:] = 1
    image = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    plain = render(Heatmap(name="m", values=values), image, width=60, threshold=0.0)
    strong = render(Heatmap(name="m", values=values), image, width=60, opacity=0.9)
    changed = (plain != strong).any(-1)
    assert 0 < changed.sum() <= 30 * 60


@pytest.mark.parametrize("chosen", [[0], [1], [5], [2, 3], range(6)])
def test_selected_parts_stay_pixel_for_pixel_and_nothing_else_does(chosen: list[int]) -> None:
    image = np.random.default_rng(1).integers(0, 200, (240, 360, 3), dtype=np.uint8)
    rows, columns = np.mgrid[:240, :360]
    labels = rows // 120 * 3 + columns // 120  # 2 x 3 parts
    selected = np.isin(np.arange(6), chosen)
    evidence = Regions(name="m", labels=labels, importance=np.zeros(6), selected=selected)
    panel = render(evidence, image, width=360)[PARTS : PARTS + 240, GAP : GAP + 360]
    kept = (panel == image).all(-1)
    assert (kept == np.isin(labels, chosen)).mean() > 0.999  # a grey pixel may fade to itself
    assert kept[np.isin(labels, chosen)].all()


@pytest.mark.parametrize("chosen", range(4))
@pytest.mark.parametrize("width", [200, 333])
def test_part_is_coloured_where_it_lies(chosen: int, width: int) -> None:
    labels = np.repeat(np.arange(4), 10)[None].repeat(40, 0)  # four columns
    importance = np.where(np.arange(4) == chosen, 1.0, 0.0)
    image = np.full((40, 40, 3), 90, np.uint8)
    picture = render(Regions(name="m", labels=labels, importance=importance), image, width=width)
    panel = picture[PARTS : PARTS + width, GAP : GAP + width].astype(int)
    red = panel[..., 0] - panel[..., 2] > 40
    lit = resize_labels(labels, (width, width)) == chosen
    assert (red != lit).mean() < 0.02  # outlines, and the ring


def test_no_selected_part_is_said_in_words() -> None:
    labels = np.arange(48 * 64).reshape(48, 64) % 5
    evidence = Regions(name="m", labels=labels, importance=np.arange(5.0))
    nothing = render(replace(evidence, selected=np.zeros(5, bool)))
    without = render(evidence)
    assert nothing.shape[1] == without.shape[1] and nothing.shape[0] > 1.5 * without.shape[0]
    middle = nothing[nothing.shape[0] // 8 : nothing.shape[0] // 2, 100:300]
    assert (middle < 60).all(-1).sum() > 200


@pytest.mark.parametrize("kind", [each for each in RENDERERS if each != "tile"])
def test_poor_fit_is_on_the_picture(kind: str) -> None:
    evidence = samples(48, 64)[kind]
    pictures = [render(replace(evidence, r2=r2)) for r2 in (None, 0.87, 0.31)]
    amber = [(each == (255, 214, 102)).all(-1).sum() for each in pictures]
    assert amber[0] == amber[1] == 0 < amber[2]
    assert pictures[0].shape != pictures[1].shape


def test_a_tile_is_the_image_alone_with_zero_unmarked() -> None:
    image = np.full((30, 40, 3), (200, 40, 40), np.uint8)
    values = np.zeros((30, 40))
    values[:, :10], values[:, 30:] = 1.0, -1.0
    drawn = render(Tile(name="m", values=values), image, width=40).astype(int)
    assert drawn.shape == (30, 40, 3)
    left, middle, right = drawn[15, 5], drawn[15, 20], drawn[15, 35]
    assert np.ptp(middle) == 0  # grey: the image's own red is not taken for the map's
    assert left[0] > left[2] + 50 and right[2] > right[0] + 50
    assert render(Tile(name="m", values=values), width=40).shape == (30, 40, 3)


@pytest.mark.parametrize("low", [-3.0, 0.0])
def test_a_map_looks_the_same_with_and_without_its_legend(low: float) -> None:
    rng = np.random.default_rng(3)
    values = rng.uniform(low, 3, (60, 90)).cumsum(0)
    values -= values[0]
    image = rng.integers(0, 256, (60, 90, 3), dtype=np.uint8)
    heat = Heatmap(name="m", values=values, signed=low < 0)
    alone = render(map_tile(values, colour_limit([heat])), image, width=200)
    whole = render(heat, image, width=200)
    assert np.array_equal(whole[TOP : TOP + len(alone), GAP : GAP + 200], alone)


def test_maps_of_every_kind_lie_over_the_same_grey() -> None:
    image = np.random.default_rng(1).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    ground = render(Tile(name="m", values=np.zeros((120, 120))), image, width=360)
    assert np.ptp(ground.astype(int), axis=2).max() == 0
    nothing = np.zeros((120, 120))
    for evidence, top in (
        (Heatmap(name="m", values=nothing), TOP),
        (Regions(name="m", labels=nothing.astype(int), importance=np.zeros(1)), PARTS),
    ):
        panel = render(evidence, image, width=360)[top : top + 360, GAP : GAP + 360]
        assert np.array_equal(panel, ground), evidence.kind
    maps = nothing[None]
    top, small = (
        TOP + text_height(SMALL) + 3,
        render(Tile(name="m", values=nothing), image, width=180),
    )
    for evidence in (
        PartMaps(name="m", maps=maps, peaks=np.zeros((1, 2)), filters=[0]),
        Concepts(name="m", maps=maps, importance=np.ones(1), names=["a"]),
    ):
        panel = render(evidence, image, width=PAIR)[top : top + 180, GAP : GAP + 180]
        assert np.ptp(panel.astype(int), axis=2).max() == 0, evidence.kind
        assert np.array_equal(panel, small), evidence.kind


@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 30])
@pytest.mark.parametrize("kind", ["regions", "part_maps", "concepts", "gallery", "pathway"])
def test_pictures_of_several_maps_are_no_wider_than_one(kind: str, count: int) -> None:
    """On a phone a wide picture is shrunk, and its letters with it."""
    maps, names = (
        np.random.default_rng(1).random((count, 40, 60)),
        [f"part {e}" for e in range(count)],
    )
    evidence = {
        "regions": Regions(
            name="m",
            labels=np.arange(2400).reshape(40, 60) % count,
            importance=maps[:, 0, 0],
            selected=maps[:, 0, 0] > 0.5,
        ),
        "part_maps": PartMaps(
            name="m", maps=maps, peaks=np.zeros((count, 2)), filters=list(range(count))
        ),
        "concepts": Concepts(name="m", maps=maps, importance=maps[:, 0, 0], names=names),
        "gallery": Gallery(
            name="m", pictures=np.zeros((count, 40, 60, 3), np.uint8), captions=names
        ),
        "pathway": Pathway(name="m", states=np.ones(20 * count), layers=dict.fromkeys(names, 20)),
    }[kind]
    one = render(Heatmap(name="m", values=maps[0]))
    assert render(evidence).shape[1] <= one.shape[1]


def test_long_words_make_the_picture_taller_not_cut() -> None:
    short = samples(48, 64)["heatmap"]
    long = replace(short, name="method " * 40, target="x" * 300)
    assert render(long).shape[0] > render(short).shape[0] + 100
    assert render(long).shape[1] == render(short).shape[1]


@pytest.mark.parametrize("peak", [(0, 0), (9, 29), (39, 59), (20, 5)])
def test_peak_is_marked_where_it_lies(peak: tuple[int, int]) -> None:
    maps = np.ones((1, 40, 60))
    evidence = PartMaps(name="m", maps=maps, peaks=np.array([peak]), filters=[3])
    top = TOP + text_height(SMALL) + 3
    panel = render(evidence, width=PAIR)[top : top + 120, GAP : GAP + 180]  # three times the map
    rows, columns = np.nonzero((panel == 0).all(-1) | (panel == 255).all(-1))
    distance = np.hypot(rows - 3 * peak[0] - 1, columns - 3 * peak[1] - 1)
    assert len(distance) > 20
    assert distance.min() > 2 and distance.max() < 12


def test_concepts_come_strongest_first_and_are_coloured_where_they_are() -> None:
    maps = np.zeros((2, 40, 40))
    maps[0, :, :20], maps[1, :, 20:] = 1.0, -1.0
    evidence = Concepts(
        name="m", maps=maps, importance=np.array([1.0, -2.0]), names=["a", "b"], signed=True
    )
    picture = render(evidence, np.full((40, 40, 3), 128, np.uint8), width=360)
    top = TOP + text_height(SMALL) + 3
    first, second = (
        picture[top : top + 180, GAP + left : GAP + left + 180].astype(int) for left in (0, 188)
    )
    blue, red = (each[..., 2] - each[..., 0] for each in (first, second))
    assert (blue[20:160, 110:170] > 40).all() and (abs(blue[20:160, 10:70]) < 10).all()
    assert (red[20:160, 10:70] < -40).mean() > 0.95 and (abs(red[20:160, 110:170]) < 10).all()


def test_matrix_cells_stand_under_their_labels() -> None:
    values = np.zeros((3, 4))
    values[0, 3] = 1
    evidence = Matrix(name="m", values=values, rows=list("abc"), columns=list("defg"))
    picture = render(evidence).astype(int)[:200]
    rows, columns = np.nonzero(picture[..., 0] - picture[..., 2] > 100)
    assert columns.min() > picture.shape[1] / 3
    assert rows.max() < 100


def test_matrix_labels_read_in_order() -> None:
    evidence = Matrix(name="m", values=np.zeros((1, 2)), rows=["r"], columns=["W" * 12, "i"])
    below = render(evidence)[90:190]
    dark = (below < 90).all(-1).sum(0)
    middle = 8 + 6 + 4 + 48
    assert dark[:middle].sum() > 5 * dark[middle:].sum()


@pytest.mark.parametrize("value", [0.5, 0.0303, 0.01818, 0.3636])
def test_a_roomy_cell_tells_its_number_with_the_digits_that_fit(value: float) -> None:
    values = np.full((10, 10), value)
    values[0, 0] = 1
    evidence = Matrix(name="m", values=values, rows=list("abcdefghij"), columns=list("abcdefghij"))
    inside = render(evidence, width=360)[TOP + 40 : TOP + 350, 64:340].astype(int)
    background = np.median(inside, axis=(0, 1))
    assert (np.abs(inside - background).sum(-1) > 100).sum() > 60 * 10  # 60 numbers


def test_strongest_channels_come_first() -> None:
    values = np.zeros(100)
    values[[70, 3]] = -2, 1
    picture = render(ChannelImportance(name="m", values=values)).astype(int)
    blue = np.nonzero((picture[..., 2] - picture[..., 0] > 100).any(1))[0]
    red = np.nonzero((picture[..., 0] - picture[..., 2] > 60).any(1))[0]
    assert blue.max() < red.min()


def test_curve_rises_with_its_values() -> None:
    evidence = Curve(name="m", x=np.arange(30), values=np.arange(30.0)[None], series=["s"])
    picture = render(evidence).astype(int)
    rows, columns = np.nonzero(picture[..., 2] - picture[..., 0] > 120)
    plot = rows < 280
    assert np.corrcoef(rows[plot], columns[plot])[0, 1] < -0.99


def test_labels_are_resized_by_the_pixel_under_each_centre() -> None:
    labels = np.arange(6).reshape(2, 3)
    assert (resize_labels(labels, (4, 6)) == labels.repeat(2, 0).repeat(2, 1)).all()
    assert (resize_labels(labels.repeat(3, 0).repeat(3, 1), (2, 3)) == labels).all()


def test_resize_averages_when_it_shrinks() -> None:
    values = np.zeros((40, 40))
    values[10:20] = 1
    assert resize(values, (4, 4))[1].tolist() == [1, 1, 1, 1]


def test_wrong_kind_is_named() -> None:
    with pytest.raises(PluginError, match="found evidence Table, expected Heatmap"):
        RENDERERS["heatmap"].render(Table(name="m", columns=[]), None, Style())
