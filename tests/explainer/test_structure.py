"""The layers that are found in a network or named by the user, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from interp.errors import InputError
from interp.model import ModelAdapter
from interp_explainer.structure import Structure, find_structure


def test_a_vgg_like_network_needs_no_names(model: ModelAdapter) -> None:
    found = find_structure(model, None, (), None)
    assert found.layers == ["second.1", "relu1", "relu2"]
    assert (found.channels, found.grid) == (5, (8, 8))
    assert (found.filters, found.pooled) == (7, (2, 2))  # as pool gives them to fc1
    assert [(goal.channels, goal.grid) for goal in found.goals] == [(10, None), (9, None)]
    assert all(goal.rectified and not goal.mean for goal in found.goals)
    assert Structure.model_validate(found.model_dump(mode="json")) == found


def test_a_residual_network_is_rebuilt_as_map_and_mean(residual: ModelAdapter) -> None:
    found = find_structure(residual, "stem", (), 4)
    assert found.layers == ["stem", "stage", "pool"]
    assert (found.filters, found.pooled) == (4, (4, 4))
    assert [(goal.grid, goal.mean) for goal in found.goals] == [((4, 4), False), (None, True)]
    alone = find_structure(residual, "stem", ("stage",), None)
    assert (alone.layers, alone.filters) == (["stem", "stage"], 6)


def test_a_residual_network_needs_no_names(residual: ModelAdapter) -> None:
    """What enters the last block, not a map inside it."""
    assert find_structure(residual, None, (), None).layers == ["stage.1", "stage", "pool"]
    assert find_structure(residual, None, ("pool",), None).layers == ["stage", "pool"]


def test_creatures_resnet_needs_no_names() -> None:
    from interp.opening.source import open_model
    from interp.registry import Registry
    from interp.spec import ModelOptions

    model = open_model("creatures-resnet", ModelOptions(), Registry.load())
    found = find_structure(model, None, (), None)
    assert found.layers == ["stage3.0", "stage3", "pool"]  # not stage3.1.relu1, in a block


def test_creatures_vgg_needs_no_names() -> None:
    from interp.opening.source import open_model
    from interp.registry import Registry
    from interp.spec import ModelOptions

    found = find_structure(
        open_model("creatures-vgg", ModelOptions(), Registry.load()), None, (), None
    )
    assert found.layers == ["stage3.1.2", "relu1", "relu2"]
    assert (found.channels, found.filters, found.grid, found.pooled) == (96, 96, (14, 14), (2, 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"decode": ("stem.1", "pool")},
            "found no rectified map .* that stem.1 is computed from alone",
        ),
        ({"layer": "stage", "decode": ("stem",)}, "expected them in the order"),
        ({"layer": "stem", "decode": ("pool", "stage")}, "expected them in the order"),
        ({"layer": "stem", "decode": ("stages",)}, "no layer 'stages'; did you mean 'stage'"),
    ],
)
def test_what_cannot_be(residual: ModelAdapter, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_structure(residual, options.get("layer"), options.get("decode", ()), None)
