"""Evaluations explain images in groups: the values of one image at a time, the same however cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.folder_commands import without_times

from interp.evaluation import group
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest
from interp.request import Choice
from interp.session import Session


@pytest.fixture
def go(registry, model, photos):
    """The records of an evaluation of three methods on ten images, without times."""

    def call(out: Path | None = None, session: Any = None, **options: Any) -> list[dict[str, Any]]:
        request = EvaluationRequest(
            methods=(
                *(Choice(name=each) for each in ("gradcam", "saliency")),
                Choice(name="integrated-gradients", params={"steps": 2}),
            ),
            baselines=(),
            metrics=(Choice(name="deletion", params={"steps": 3}),),
            data=str(photos),
            target="predicted",
            **options,
        )
        session = session or Session(registry, model=model)
        return without_times(evaluate(request, session, out=out).plain())["records"]

    return call


def test_values_are_those_of_one_image_at_a_time(go, sizes, monkeypatch) -> None:
    together = go()
    assert sizes == [10, 10]  # of gradcam and saliency
    monkeypatch.setattr(group, "PIXELS", 0)
    alone = go()
    assert sizes[2:] == [] and len(together) == len(alone) == 11
    for one, other in zip(together, alone, strict=True):
        assert (one["image"], one["target"]) == (other["image"], other["target"])
        values = [list(each["values"].get("deletion", {}).values()) for each in (one, other)]
        np.testing.assert_allclose(*values, atol=1e-4)


def test_a_stopped_evaluation_comes_out_the_same(
    go, registry, model, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("interp.evaluation.evaluation_run.SIZE", 4)
    calls = [0]

    def stop(label: str, done: int, total: int | None) -> None:
        calls[0] += 1
        if calls[0] > 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="images are kept"):
        go(tmp_path / "out", Session(registry, model=model, progress=stop))
    assert go(tmp_path / "out") == go()


def test_a_method_that_fails_on_one_image_fails_there_alone(go, torn_on_the_fourth) -> None:
    failed = {each["image"]: each["failures"] for each in go() if each["failures"]}
    assert failed == {"03": {"gradcam": {"explain": "torn"}}}
