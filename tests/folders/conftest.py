"""Images to explain in batches, a model, and methods that are watched or fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from interp import image_group
from interp.errors import PluginError
from interp.session import Session
from interp.spec import ModelOptions

COUNT = 11


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven images of noise, of which the sixth cannot be read."""
    folder = tmp_path_factory.mktemp("batches") / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(COUNT):
        pixels = random.integers(0, 256, (60 + index, 90 - index, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:02d}.png")
    (folder / "05.png").write_bytes(b"torn")
    return folder


@pytest.fixture(scope="module")
def model(registry):
    """A small network that is shipped."""
    return Session(registry).open_model("creatures-vgg", ModelOptions())


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call that explains several together is given."""
    found: list[int] = []
    own = image_group.run_batch

    def counted(*given: Any) -> Any:
        found.append(len(given[2]))
        return own(*given)

    monkeypatch.setattr(image_group, "run_batch", counted)
    return found


@pytest.fixture
def torn_on_the_fourth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grad-CAM fails on the fourth image, and where that is among others."""
    from interp_cam.weighting import GradCam

    own = GradCam.explain_each

    def torn(self: Any, model: Any, images: Any, *rest: Any) -> Any:
        if any(image.shape[0] == 63 for image in images):
            raise PluginError("torn")
        return own(self, model, images, *rest)

    monkeypatch.setattr(GradCam, "explain_each", torn)
