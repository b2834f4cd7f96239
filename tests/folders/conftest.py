"""Images to explain in batches, and a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
