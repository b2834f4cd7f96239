"""Embeddings read by their similarity to images, vectors and texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.outputs import SIZE, Embedding
from torch import Tensor, nn

from interp.errors import InputError, InterpError, ModelError
from interp.model import ModelAdapter
from interp.network.scores import close
from interp.opening.similarity_readout import Cosine
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions

TOWER = """
import numpy as np

def embed(texts):
    colours = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}
    return np.array([colours[text.split()[-1]] for text in texts], float)

def short(texts):
    return np.ones((len(texts), 2))

def broken(texts):
    raise ValueError("no text")
"""


def embedding(image: np.ndarray) -> np.ndarray:
    """The network's embedding of an image at its input size, patch by patch in float64."""
    total = np.zeros(3)
    for row in range(8):
        for column in range(8):
            patch = image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] / 255.0
            red, green, blue = patch.mean((0, 1))
            total += np.maximum(
                0, [red - (green + blue) / 2, green - (red + blue) / 2, blue - (red + green) / 2]
            )
    return total / 64


def slow_cosine(first: np.ndarray, second: np.ndarray) -> float:
    dot = sum(a * b for a, b in zip(first, second, strict=True))
    lengths = [sum(a * a for a in each) ** 0.5 for each in (first, second)]
    return float(dot / lengths[0] / lengths[1])


def similarities(model: ModelAdapter, image: np.ndarray) -> np.ndarray:
    return model.predict(model.prepare(image)[0][None])[0].numpy()


@pytest.fixture
def references(tmp_path: Path) -> dict[str, np.ndarray]:
    """Two images in files called red.png and blue.png, of the network's input size."""
    found = {}
    for name, colour in (("red", (230, 10, 30)), ("blue", (10, 30, 230))):
        image = np.random.default_rng(1).integers(60, 120, (SIZE, SIZE, 3)).astype(np.uint8)
        image[8:20, 12:28] = colour
        Image.fromarray(image).save(tmp_path / f"{name}.png")
        found[name] = image
    return found


@pytest.mark.parametrize("adapter", ["torch", "onnx"])
def test_similarity_to_images_is_their_cosine(
    opened: Callable,
    picture: np.ndarray,
    tmp_path: Path,
    references: dict[str, np.ndarray],
    adapter: str,
) -> None:
    files = [str(tmp_path / f"{name}.png") for name in references]
    model = opened(Embedding(), "similarity", adapter, reference=files)
    assert model.spec.classes == ("red", "blue")
    assert (model.spec.unit, model.unit("logit")) == ("similarity", "similarity")
    own = embedding(picture)
    wanted = [slow_cosine(own, embedding(each)) for each in references.values()]
    assert similarities(model, picture) == pytest.approx(wanted, abs=1e-5)
    scores = model.predict(model.prepare(picture)[0][None])
    assert torch.equal(model.probabilities(scores), scores)


def test_similarity_to_vectors_in_a_file(
    opened: Callable, picture: np.ndarray, tmp_path: Path
) -> None:
    vectors = np.random.default_rng(2).normal(size=(2, 3))
    np.save(tmp_path / "kinds.npy", vectors)
    np.save(tmp_path / "one.npy", vectors[1] * 7)
    files = [str(tmp_path / "kinds.npy"), str(tmp_path / "one.npy")]
    model = opened(Embedding(), "similarity", reference=files)
    assert model.spec.classes == ("kinds 0", "kinds 1", "one")
    own = embedding(picture)
    wanted = [slow_cosine(own, vectors[at]) for at in (0, 1, 1)]
    assert similarities(model, picture) == pytest.approx(wanted, abs=1e-5)


def test_similarity_to_texts_of_a_tower(
    opened: Callable, picture: np.ndarray, package: Callable, tmp_path: Path
) -> None:
    tower = f"{package(TOWER)}:embed"
    (tmp_path / "prompts.txt").write_text("a photo, of blue\n\n")
    prompts = ["something red", str(tmp_path / "prompts.txt")]
    model = opened(Embedding(), "similarity", prompts=prompts, tower=tower)
    assert model.spec.classes == ("something red", "a photo, of blue")
    own = embedding(picture)
    wanted = [slow_cosine(own, np.eye(3)[at]) for at in (0, 2)]
    assert similarities(model, picture) == pytest.approx(wanted, abs=1e-5)


def test_a_sample_is_a_reference(opened: Callable) -> None:
    model = opened(Embedding(), "similarity", reference="sample")
    assert model.spec.classes == ("sample",)


def test_the_embedding_is_found_in_a_larger_answer(opened: Callable, picture: np.ndarray) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Embedding()

        def forward(self, image: Tensor) -> dict[str, Tensor]:
            found = self.inner(image)
            return {"image_embeds": found, "map": image}

    plain, larger = (
        opened(each, "similarity", reference="sample") for each in (Embedding(), Two())
    )
    assert similarities(larger, picture) == pytest.approx(similarities(plain, picture))


def test_slopes_are_those_of_the_cosine() -> None:
    vectors = np.random.default_rng(3).normal(size=(2, 5))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    inputs = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(Cosine(vectors), inputs.requires_grad_(True))
    assert Cosine(vectors)(torch.zeros(1, 5)).tolist() == [[0, 0]]


def test_the_logarithm_of_a_similarity_is_refused(opened: Callable) -> None:
    model = opened(Embedding(), "similarity", reference="sample")
    with pytest.raises(InterpError, match="log"):
        model.probabilities(torch.zeros(1, 1), "logprob")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "nothing to compare .* with; name an image"),
        ({"reference": "missing.png"}, "missing.png: no such image file"),
        ({"prompts": "a dog"}, "given prompts without tower"),
        ({"tower": "a:b"}, "given tower without prompts"),
        ({"prompts": "a dog", "tower": "no_such_module:f"}, "cannot be imported"),
        ({"prompts": "a red", "tower": "NAME:short"}, r"answers \(1, 2\) to 1 texts"),
        ({"prompts": "a red", "tower": "NAME:broken"}, "fails on 1 texts: ValueError: no text"),
        ({"reference": ["sample", "sample"]}, "several references called sample"),
        ({"reference": "wrong.npy"}, r"vectors of \(4,\); expected \(3,\)"),
        ({"reference": "black.png"}, "length 0"),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_line(
    opened: Callable,
    package: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    params: dict[str, object],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "wrong.npy", np.ones(4))
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "black.png")
    given = json.loads(json.dumps(params).replace("NAME", package(TOWER)))
    with pytest.raises(InterpError, match=message) as caught:
        opened(Embedding(), "similarity", **given)
    assert "\n" not in str(caught.value)


def test_scores_are_no_embedding_of_maps(opened: Callable) -> None:
    with pytest.raises(ModelError, match="expected scores"):
        opened(nn.Conv2d(3, 4, 3), "similarity", reference="sample")


def test_a_tower_that_a_model_card_names_is_not_run(
    opened: Callable, package: Callable, tmp_path: Path, registry: Registry
) -> None:
    tower = f"{package(TOWER)}:embed"
    model = opened(Embedding(), "similarity", prompts="a red", tower=tower)
    file = tmp_path / "towered.onnx"
    model.export(file)
    with pytest.raises(ModelError, match=f"names tower {tower}, which is code"):
        open_model(str(file), ModelOptions(), registry)
    again = open_model(str(file), ModelOptions(readout_params={"tower": tower}), registry)
    assert again.spec.classes == ("a red",)


def test_references_are_found_from_any_folder(
    opened: Callable,
    tmp_path: Path,
    references: dict[str, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
    registry: Registry,
    picture: np.ndarray,
) -> None:
    monkeypatch.chdir(tmp_path)
    model = opened(Embedding(), "similarity", reference="red.png")
    model.export(tmp_path / "own.onnx")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = open_model(str(tmp_path / "own.onnx"), ModelOptions(), registry)
    assert similarities(again, picture) == pytest.approx(similarities(model, picture), abs=1e-5)


def test_own_names_of_references_are_exported(
    opened: Callable, tmp_path: Path, registry: Registry
) -> None:
    names = ("creature",)
    model = opened(Embedding(), "similarity", classes=names, reference="sample")
    model.export(tmp_path / "own.onnx")
    again = open_model(str(tmp_path / "own.onnx"), ModelOptions(), registry)
    assert model.spec.classes == again.spec.classes == names


def test_an_unknown_parameter_is_told(opened: Callable) -> None:
    with pytest.raises(InputError, match="similarity has no parameter 'refrence'"):
        opened(Embedding(), "similarity", refrence="sample")


def test_a_cut_holds_where_the_similarity_is_nearly_zero(
    opened: Callable, picture: np.ndarray, tmp_path: Path
) -> None:
    """Rounding of a cosine is relative to 1, not to the cosine."""
    own = embedding(picture)
    np.save(tmp_path / "across.npy", np.array([own[1], -own[0], 1e-4 * own[2]]))
    model = opened(Embedding(), "similarity", reference=str(tmp_path / "across.npy"))
    expected = model.predict(model.prepare(picture)[0][None])
    noisy = expected + 3e-6
    assert abs(float(expected)) < 1e-3
    assert close(noisy, expected, 1e-5, model.output.scale)
    assert not close(noisy, expected, 1e-5)
    assert model.cut("colours.act").layer.cut == "graph"
