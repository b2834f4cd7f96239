"""Folders: only what lies in them is offered."""

from __future__ import annotations

from interp_dashboard.setting import Setting


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
    assert set(found.model_files()) == {"net.onnx", "trained"}
    assert set(found.image_files()) == {"inner/photo.JPG"}
    assert set(found.image_folders()) == {"chosen", "inner", "trained"}


def test_without_folders_nothing_is_offered():
    assert Setting().model_files() == {}
    assert Setting().image_files() == {}
    assert Setting().image_folders() == {}
