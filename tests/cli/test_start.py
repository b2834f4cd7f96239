"""What commands import: heavy packages are left alone where nothing of them is used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    *("captum", "matplotlib", "mlflow", "onnxscript", "pandas", "pytest", "ray", "scipy"),
    *("skimage", "sklearn", "streamlit", "sympy", "tensorboard", "timm", "torchvision"),
    *("transformers", "triton", "quantus", "zennit"),
}
"""Packages that take a tenth of a second or more to import."""
ALONE = {"torch", "onnx", "onnxruntime", "cv2", "numpy", "rich"}
"""What `interp list` imports none of either."""
MAIN = """
import atexit, json, sys
atexit.register(lambda: open(sys.argv[1], "w").write(json.dumps(list(sys.modules))))
from interp.cli import main
sys.exit(main(sys.argv[2:]))
"""
TORCH = {"layers": [], "predict": [], "run": ["--plugin", "gradcam", "--out", "out"]}


def imported(folder: Path, *words: str) -> set[str]:
    """The top-level packages that a command imports."""
    named = folder / "modules.json"
    command = [sys.executable, "-c", MAIN, str(named), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {each.partition(".")[0] for each in json.loads(named.read_text())}


@pytest.mark.parametrize("command", TORCH)
def test_a_small_network_needs_no_heavy_package(command: str, tmp_path: Path) -> None:
    found = imported(tmp_path, command, *TORCH[command], "--model", "creatures-vgg")
    assert "torch" in found
    assert not found & HEAVY


def test_a_list_needs_no_network(tmp_path: Path) -> None:
    assert not imported(tmp_path, "list") & (HEAVY | ALONE)
