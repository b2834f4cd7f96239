"""The known networks answer as written; every claim tells a right explanation from wrong ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from interp.errors import UnsupportedError
from interp.evidence import ChannelImportance, Evidence, Heatmap, Regions
from interp.explanation import Explanation
from interp.registry import Registry
from interp.registry.manifest import Claim
from interp.testing.answer import SceneAnswers
from interp.testing.claim import CLAIMS
from interp.testing.scene import COLOURS, Scene, scene
from interp.testing.toy_models import CHANNELS, CLASSES, WEIGHTS, Scenes, chance_model, known_model

SCENES = [scene(seed) for seed in range(3)]
Change = Callable[[Evidence], Evidence]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def counted(image: np.ndarray) -> np.ndarray:
    """Scores (4,) by counting the pixels of each colour."""
    amounts = {name: (image == colour).all(2).sum() / (12 * 24) for name, colour in COLOURS.items()}
    return np.array(
        [sum(w * amounts[name] for name, w in each.items()) - 2 for each in WEIGHTS.values()]
    )


@pytest.mark.parametrize(
    "shown", [(), ("white",), ("red",), ("green", "white"), ("red", "blue"), tuple(COLOURS)]
)
def test_scores_count_the_colours(registry: Registry, shown: Sequence[str]) -> None:
    model = known_model(registry)
    image = scene(5, shown).image
    scores = model.predict(model.prepare(image)[0][None])[0].numpy()
    np.testing.assert_allclose(scores, counted(image), atol=1e-4)


def test_a_class_asks_for_its_channel_and_takes_white_off(registry: Registry) -> None:
    model = known_model(registry)
    pixels = model.prepare(SCENES[0].image)[0][None]
    cut = model.cut("deep_act")
    frontier = cut.prefix(pixels)
    gates = 1 - torch.eye(len(CHANNELS))
    lost = model.predict(pixels) - cut.gates(frontier)(gates)  # (channels, classes)
    white, red = CHANNELS.index("white"), CHANNELS.index("red")
    held = frontier.activation[0].mean((1, 2))
    assert held.argmax() == CHANNELS.index("light")
    assert lost[:, CLASSES.index("red")].argmax() == red
    assert lost[white, CLASSES.index("red")] < -1
    others = [CHANNELS.index(each) for each in ("light", "dark", "green", "blue")]
    assert lost[others, CLASSES.index("red")].abs().max() < 1e-5


def test_chance_is_another_answer_whatever_changes(registry: Registry) -> None:
    model = chance_model(registry)
    cut = model.cut("deep_act")
    frontier = cut.prefix(model.prepare(SCENES[0].image)[0][None])
    random = np.random.default_rng(0)
    noise = torch.from_numpy(random.normal(0, 0.01, (400, *frontier.activation.shape[1:])))
    scores = cut.suffix(frontier, frontier.activation + noise.float())[:, 0]
    angles = np.arcsin((scores / 3).numpy().clip(-1, 1))
    assert abs(scores.mean()) < 0.5 and 1.9 < scores.std() < 2.3  # of 3 sin(uniform): 0 and 2.12
    assert np.histogram(angles, 4)[0].min() > 70


def test_every_class_can_be_learned_of_both(registry: Registry) -> None:
    for model in (known_model(registry), chance_model(registry)):
        labels = [each.label for each in Scenes(model)]
        assert {labels.count(label) > 3 for label in range(len(CLASSES))} == {True}


def test_opening_a_known_model_leaves_the_global_generator(registry: Registry) -> None:
    before = torch.get_rng_state()
    known_model(registry)
    chance_model(registry)
    assert torch.equal(torch.get_rng_state(), before)


def test_there_is_a_check_for_every_claim() -> None:
    assert tuple(CLAIMS) == get_args(Claim)


def painted(target: str, at: int, weights: dict[str, float]) -> Heatmap:
    values = sum((w * SCENES[at].masks[name] for name, w in weights.items()), np.zeros((64, 128)))
    return Heatmap(name="map", target=target, image=at, values=values, r2=0.9)


def right(target: str, at: int) -> list[Evidence]:
    """The weights painted on the squares, and as importance of channels."""
    listed = np.array([WEIGHTS[target].get(each, 0.0) for each in CHANNELS])
    channels = ChannelImportance(name="channels", target=target, image=at, values=listed)
    return [painted(target, at, WEIGHTS[target]), channels]


def answered(change: Change = lambda each: each, chance: float = -0.1) -> SceneAnswers:
    """What a method would have to answer, each piece changed; `chance` is its R^2 there."""
    pairs = [(target, at) for target in CLASSES for at in range(len(SCENES))]
    known = Explanation(tuple(change(each) for pair in pairs for each in right(*pair)))
    other = tuple(replace(each, r2=chance) for pair in pairs for each in right(*pair))
    return SceneAnswers(SCENES, lambda by_chance: Explanation(other) if by_chance else known)


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_right_explanation_keeps_every_claim(claim: str) -> None:
    assert CLAIMS[claim](answered())[0]


def on(scenes: Sequence[Scene], colour: str, factor: float, add: float = 0.0) -> Change:
    """A map changed on one colour's squares."""

    def change(each: Evidence) -> Evidence:
        if not isinstance(each, Heatmap):
            return each
        mask = scenes[each.image or 0].masks[colour]
        return replace(each, values=np.where(mask, each.values * factor + add, each.values))

    return change


def of(kind: type[Evidence], alter: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Evidence of one kind with other values."""

    def change(each: Evidence) -> Evidence:
        return replace(each, values=alter(each.values)) if isinstance(each, kind) else each  # type: ignore[attr-defined,call-arg]

    return change


WRONG = [
    ("region", of(Heatmap, lambda values: values[::-1])),
    ("region", of(Heatmap, lambda values: values[:, ::-1])),
    ("region", of(Heatmap, np.zeros_like)),
    ("region", of(Heatmap, np.negative)),
    ("region", on(SCENES, "white", 0, 2.5)),
    ("region", on(SCENES, "blue", 0, -2.5)),
    ("channel", of(ChannelImportance, lambda values: np.roll(values, 1))),
    ("channel", of(ChannelImportance, np.negative)),
    ("channel", of(Heatmap, lambda values: values[::-1])),
    ("additive", on(SCENES, "green", 2)),
    ("additive", on(SCENES, "blue", -1)),
    ("additive", of(Heatmap, np.zeros_like)),
    ("proportional", on(SCENES, "red", 1.5)),
    ("proportional", of(Heatmap, np.square)),
    ("proportional", of(Heatmap, np.zeros_like)),
    ("dummy", on(SCENES, "white", 0, 0.5)),
    ("dummy", on(SCENES, "white", 0, -0.5)),
    ("dummy", of(Heatmap, np.zeros_like)),
    ("symmetric", on(SCENES, "red", 1.3)),
    ("symmetric", of(Heatmap, np.zeros_like)),
    ("shuffled", lambda each: replace(each, r2=0.2)),
]


@pytest.mark.parametrize(("claim", "change"), WRONG)
def test_a_wrong_explanation_does_not(claim: str, change: Change) -> None:
    kept, said = CLAIMS[claim](answered(change))
    assert not kept and said


def test_a_fit_that_believes_in_chance_is_found() -> None:
    assert not CLAIMS["shuffled"](answered(chance=0.5))[0]


@pytest.mark.parametrize("claim", CLAIMS)
def test_scale_and_offset_of_a_map_make_no_difference(claim: str) -> None:
    assert CLAIMS[claim](answered(of(Heatmap, lambda values: 0.01 * values + 7)))[0]


@pytest.mark.parametrize("claim", ["region", "additive", "proportional", "dummy", "symmetric"])
def test_how_a_square_is_cut_into_parts_makes_no_difference(claim: str) -> None:
    def parts(each: Evidence) -> Evidence:
        """Red in a small and a large part of one weight, the other squares whole."""
        if not isinstance(each, Heatmap):
            return each
        labels, weights = np.zeros((64, 128), int), [0.0]
        for name, mask in SCENES[each.image or 0].masks.items():
            weight = WEIGHTS[each.target or ""].get(name, 0.0)
            labels[mask] = len(weights)
            weights.append(weight)
            if name == "red":
                row = int(np.flatnonzero(mask.any(1))[3])
                labels[:row][mask[:row]] = len(weights)
                weights[-1:] = [0.5 * weight, 0.5 * weight]
        importance = np.array(weights)
        return Regions(
            name="parts", target=each.target, image=each.image, labels=labels, importance=importance
        )

    assert CLAIMS[claim](answered(parts))[0]


@pytest.mark.parametrize("claim", CLAIMS)
def test_where_nothing_can_be_measured_that_is_said(claim: str) -> None:
    silent = SceneAnswers(SCENES, lambda _: Explanation(()))
    with pytest.raises(UnsupportedError):
        CLAIMS[claim](silent)
