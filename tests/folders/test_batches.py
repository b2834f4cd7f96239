"""Folders in batches: the answers of one image at a time, whatever is stopped, lost or shared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.folder_commands import arrays, assert_equal, without_times

from interp.cluster.pool import Lost, Pool
from interp.context import Budget
from interp.errors import Cancelled, PluginError
from interp.request import Request
from interp.run import run
from interp.run_batch import run_batch
from interp.run_folder import job as jobs
from interp.run_folder import run_folder
from interp.session import Session
from interp.storage.folder import MANIFEST

COUNT = 10
"""Images that can be read."""
CLOSE = 1e-5
"""How far a map may be from the one of its image alone, as a share of its largest value."""
BATCHED = [
    ("gradcam", {}),
    ("gradcam", {"layers": ["stage2", "stage3"]}),
    ("layercam", {}),
    ("finercam", {}),
    ("eigencam", {}),
    ("saliency", {}),
    ("input-x-gradient", {"output": "prob"}),
    ("guided-backprop", {}),
    ("guided-gradcam", {}),
    ("centre", {}),
    ("random", {}),
]


def request_of(photos: Path, method: str = "gradcam", **params: Any) -> Request:
    budget = Budget(batch_size=3)
    return Request(method=method, data=str(photos), params=params, budget=budget)


@pytest.mark.parametrize(("method", "params"), BATCHED)
@pytest.mark.parametrize("targets", [(), ("arbo", "fenka")])
def test_batches_answer_as_each_image_alone(
    method, params, targets, photos, model, registry, tmp_path
) -> None:
    session = Session(registry, model=model)
    request = request_of(photos, method, **params).model_copy(update={"targets": targets})
    found = run_folder(request, tmp_path / "out", session, pictures=False)
    assert len(found.entries) == COUNT
    together = arrays(tmp_path / "out")
    for entry in found.entries[::3]:
        single = request.model_copy(
            update={"data": None, "images": (str(photos / f"{entry.name}.png"),)}
        )
        alone = run(single, session).explanation
        assert entry.prediction.classes[0] == alone.provenance.predictions[0].classes[0]
        assert entry.targets == alone.provenance.targets
        kept = found.explanation(entry.name).evidence
        assert [each.plain() for each in kept] == [each.plain() for each in alone.evidence]
        for index, each in enumerate(alone.evidence):
            values = together[f"{entry.folder}/{index}.values"]
            np.testing.assert_allclose(
                values, each.map(), rtol=0, atol=CLOSE * np.abs(each.map()).max()
            )


def test_one_pass_forth_and_one_back_for_each_batch(
    photos, model, registry, tmp_path, monkeypatch
) -> None:
    cut = type(model.cut(model.map_layer().name))
    passes: list[tuple[str, int]] = []

    def counted(name: str) -> None:
        own = getattr(cut, name)

        def call(self, first, *rest, **options):
            passes.append((name, getattr(first, "batch", len(first) if name == "prefix" else 0)))
            return own(self, first, *rest, **options)

        monkeypatch.setattr(cut, name, call)

    counted("prefix")
    counted("gradient")
    run_folder(request_of(photos), tmp_path / "out", Session(registry, model=model), pictures=False)
    sizes = [3, 2, 3, 2]  # of the second batch one cannot be read
    assert [size for name, size in passes if name == "prefix"] == sizes
    assert [size for name, size in passes if name == "gradient"] == sizes


def test_large_images_are_few_in_a_batch(photos, model, registry, tmp_path, monkeypatch) -> None:
    seen: list[int] = []

    def explained(*given: Any) -> Any:
        seen.append(len(given[2]))
        return run_batch(*given)

    monkeypatch.setattr(jobs, "run_batch", explained)
    monkeypatch.setattr(jobs, "PIXELS", 2 * 60 * 90)
    found = run_folder(
        request_of(photos).model_copy(update={"budget": Budget(batch_size=6)}),
        tmp_path / "out",
        Session(registry, model=model),
    )
    assert len(found.entries) == COUNT
    assert seen == [2, 2, 1, 2, 2, 1]  # the first batch of six ends before the one that is torn


class Stopping:
    """Progress that stops the work after some calls."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, label: str, done: int, total: int | None) -> None:
        self.after -= 1
        if self.after < 0:
            raise KeyboardInterrupt


def whole(photos: Path, out: Path, session: Session, **options: Any) -> Any:
    """What a run makes of the photos, without its times."""
    found = run_folder(request_of(photos), out, session, pictures=False, **options)
    return without_times(found.facts()), arrays(out)


def test_what_was_stopped_and_torn_apart_comes_out_the_same(
    photos, model, registry, tmp_path
) -> None:
    session = Session(registry, model=model)
    expected = whole(photos, tmp_path / "expected", session)
    with pytest.raises(Cancelled):
        whole(photos, tmp_path / "out", Session(registry, model=model, progress=Stopping(1)))
    for place in list((tmp_path / "out").glob(f"*/{MANIFEST}"))[::2]:  # as a kill amid a batch
        for file in place.parent.iterdir():
            file.unlink()
        place.parent.rmdir()
    assert_equal(whole(photos, tmp_path / "out", session), expected)


class Losing(Pool):
    """A pool whose workers die of every piece that holds one image."""

    workers, remote = 1, False

    def __init__(self, poison: int) -> None:
        self.poison = poison

    def map(self, do, pieces, reopen, ordered=False) -> Iterator[Any]:
        for piece in pieces:
            yield piece, Lost("died") if self.poison in piece else do(piece)


def test_an_image_that_kills_its_worker_fails_alone(photos, model, registry, tmp_path) -> None:
    expected = whole(photos, tmp_path / "expected", Session(registry, model=model))
    pool = Losing(4)
    found = whole(photos, tmp_path / "out", Session(registry, model=model, pool=pool))
    assert found[0]["failed"] == {"image 4": "died"}
    left = {name: each for name, each in expected[1].items() if not name.startswith("00004")}
    assert found[1].keys() == left.keys()
    for name, each in left.items():
        alone = name.startswith("00003")  # it was with the other in a batch
        np.testing.assert_allclose(found[1][name], each, rtol=0, atol=CLOSE * alone)


def test_an_image_that_fails_the_batch_fails_alone(photos, model, registry, tmp_path) -> None:
    from interp_cam.weighting import GradCam

    own = GradCam.explain_each

    def torn(self, model, images, targets, knowledge, context):
        if any(image.std() == 0 for image in images):
            raise PluginError("nothing in it")
        return own(self, model, images, targets, knowledge, context)

    grey = tmp_path / "grey"
    grey.mkdir()
    for file in sorted(photos.glob("0[0-4].png")):
        (grey / file.name).write_bytes(file.read_bytes())
    Image.new("RGB", (90, 70), (128, 128, 128)).save(grey / "01.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GradCam, "explain_each", torn)
        found = run_folder(request_of(grey), tmp_path / "out", Session(registry, model=model))
    assert list(found.failed) == ["01"] and "nothing in it" in found.failed["01"]
    assert [each.name for each in found.entries] == ["00", "02", "03", "04"]
