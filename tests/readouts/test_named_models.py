"""Segmentation models of torchvision and transformers open as they are, without a download."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import interp
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions

PICTURE = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("a download was tried")


def test_torchvision_by_name(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torchvision")
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    name = "torchvision:lraspp_mobilenet_v3_large"
    options = ModelOptions(weights="random", input={"size": (96, 96)}, device="cpu")
    model = open_model(name, options, registry)
    assert (model.spec.readout, len(model.spec.classes)) == ("pixels", 21)
    assert model.spec.input.mean == (0.485, 0.456, 0.406)
    assert not any("normalisation" in note for note in model.spec.notes)
    layer = model.map_layer()
    assert layer.channels != 21
    assert max(layer.grid) <= 24
    found = interp.explain(model, PICTURE, method="gradcam", params={"positive": False})
    assert found.map().shape == (60, 80)
    assert np.abs(found.map()).max() > 0


def test_transformers_at_a_quarter_of_the_size(registry: Registry) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.SegformerConfig(
        hidden_sizes=[16, 32, 48, 64],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 2, 3, 4],
        decoder_hidden_size=32,
        num_labels=5,
    )
    torch.manual_seed(0)
    network = transformers.SegformerForSemanticSegmentation(config).eval()
    options = ModelOptions(readout="pixels", input={"size": (64, 64)}, device="cpu")
    model = open_model(network, options, registry)
    pixels = model.prepare(PICTURE)[0][None]
    assert model.raw(pixels).shape == (1, 5, 16, 16)
    logits = network(model.network.encode(pixels)).logits[0].double()
    wanted = logits.softmax(0).mean((1, 2)).tolist()
    whole = ModelOptions(**{**options.model_dump(), "readout_params": {"region": "image"}})
    focused = open_model(network, whole, registry).focus(PICTURE)
    assert focused.probabilities(focused.predict(pixels))[0].tolist() == pytest.approx(wanted, 1e-4)
    assert interp.explain(model, PICTURE, method="gradcam").map().shape == (60, 80)
