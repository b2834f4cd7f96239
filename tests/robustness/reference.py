"""Independent references: whether other readers than ours find a file whole."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path


def image(file: Path) -> bool:
    """Whether Pillow loads the picture, NumPy the array, or tifffile the bands."""
    import numpy as np
    from PIL import Image

    warnings.simplefilter("ignore")
    if file.suffix == ".npy":
        return np.load(file, mmap_mode="r", allow_pickle=False).ndim in (2, 3, 4)
    try:
        with Image.open(file) as picture:
            picture.load()
    except Exception:
        import tifffile

        return file.suffix == ".tif" and tifffile.imread(file).size > 0
    return True


def onnx(file: Path) -> bool:
    """Whether onnxruntime opens the model and runs it on noise."""
    import numpy as np
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.log_severity_level = 4
    session = InferenceSession(file, options, providers=["CPUExecutionProvider"])
    (port,) = session.get_inputs()
    usual = (1, *((3, 16, 16) if port.shape[1] in (3, 1) else (16, 16, 3)))
    shape = [each if isinstance(each, int) else usual[at] for at, each in enumerate(port.shape)]
    kind = {"tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(uint8)": np.uint8}
    noise = np.random.default_rng(0).random(shape).astype(kind.get(port.type, np.float32))
    found = session.run(None, {port.name: noise})
    return any(np.isfinite(each).all() for each in found if each.dtype.kind == "f")


def weights(file: Path) -> bool:
    """Whether safetensors or torch, without running code, read the file."""
    import torch
    from safetensors.torch import load_file

    if file.suffix == ".safetensors":
        return bool(load_file(file))
    return bool(torch.load(file, weights_only=True))


def manifest(folder: Path) -> bool:
    """Whether every file is as the folder's manifest says."""
    files = json.loads((folder / "manifest.json").read_text("utf-8-sig"))["files"]
    return all(
        hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        for name, digest in files.items()
    )


def coco(folder: Path) -> bool:
    """Whether any object of a known class with a real box lies in an image that is there."""
    document = json.loads((folder / "annotations.json").read_text("utf-8-sig"))
    known = {_key(each["id"]) for each in document["categories"] if _is_category(each)}
    images = {
        _key(each["id"])
        for each in document["images"]
        if isinstance(each, dict)
        and isinstance(each.get("file_name"), str)
        and _key(each.get("id")) is not None
        and (folder / "images" / each["file_name"]).is_file()
    }
    return any(
        isinstance(each, dict)
        and _key(each.get("category_id")) in known - {None}
        and _key(each.get("image_id")) in images
        for each in document["annotations"]
    )


def _is_category(each: object) -> bool:
    return isinstance(each, dict) and "id" in each and isinstance(each.get("name"), str)


def _key(value: object) -> object:
    """An id that JSON can hold: a whole number or a text."""
    return value if isinstance(value, int | str | float) else None


def yaml(file: Path) -> bool:
    """Whether PyYAML reads the file."""
    import yaml as reader

    reader.safe_load(file.read_text("utf-8-sig"))
    return True
