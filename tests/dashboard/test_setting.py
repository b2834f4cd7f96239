"""Folders: only what lies in them is offered."""

from __future__ import annotations

from pathlib import Path

from interp.registry import Registry
from interp_dashboard.setting import Setting

REGISTRY = Registry.load()


def test_models_images_and_nothing_outside(tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "hidden.onnx").write_text("x")
    chosen = tmp_path / "chosen"
    (chosen / "inner").mkdir(parents=True)
    (chosen / "net.onnx").write_text("x")
    (chosen / "inner/photo.JPG").write_text("x")
    (chosen / "notes.txt").write_text("x")
    (chosen / "trained").mkdir()
    (chosen / "trained/model.json").write_text("{}")
    (chosen / "leads-out").symlink_to(secret)
    (chosen / "out.onnx").symlink_to(secret / "hidden.onnx")
    found = Setting(models=chosen, images=chosen)
    assert set(found.model_files(REGISTRY)) == {"net.onnx", "trained"}
    assert set(found.image_files()) == {"inner/photo.JPG"}
    assert set(found.data_sets(REGISTRY)) == {"chosen", "inner", "trained"}


def test_without_folders_nothing_is_offered():
    assert Setting().model_files(REGISTRY) == {}
    assert Setting().image_files() == {}
    assert Setting().data_sets(REGISTRY) == {}


def test_models_of_third_party_adapters_are_offered(tmp_path):
    """Files and folders are offered by the patterns of registered adapters, whoever wrote them."""
    (tmp_path / "registry.yaml").write_text(
        "entries:\n  - {kind: adapter, name: lite, object: 'lite:open_model', summary: Lite,\n"
        "     sources: ['*.lite', 'folder:lite.json', 'lite:*']}\n"
    )
    chosen = tmp_path / "chosen"
    (chosen / "parts").mkdir(parents=True)
    (chosen / "parts/lite.json").write_text("{}")
    for name in ("net.lite", "net.pt", "net.onnx", "notes.txt", "lite:odd"):
        (chosen / name).write_text("x")
    (chosen / "folder.lite").mkdir()
    found = Setting(models=chosen).model_files(Registry.load(tmp_path / "registry.yaml"))
    assert set(found) == {"net.lite", "net.pt", "net.onnx", "parts"}
    assert found["parts"] == Path(chosen / "parts")
