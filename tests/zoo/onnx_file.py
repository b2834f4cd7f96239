"""ONNX files: by both exporters, of fixed batch, rounded to 16 and 8 bits, of other layouts."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from support.networks import seeded
from torch import Tensor, nn

from interp.spec import ModelOptions
from zoo.module import SIZE, Net, plain
from zoo.specimen import Given, Specimen

Export = Callable[[nn.Module, Tensor, Path], None]
Edit = Callable[[Path], None]


def scripted(module: nn.Module, images: Tensor, path: Path) -> None:
    """Write by the exporter that goes through TorchScript, with a free batch."""
    axes = {"image": {0: "n"}, "scores": {0: "n"}}
    _export(module, images, path, dynamo=False, dynamic_axes=axes)


def dynamo(module: nn.Module, images: Tensor, path: Path) -> None:
    """Write by the exporter that goes through torch.export, with a free batch."""
    _export(module, images, path, dynamo=True, dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))


def fixed_batch(module: nn.Module, images: Tensor, path: Path) -> None:
    """Write for one image at a time."""
    _export(module, images[:1], path, dynamo=True)


def _export(module: nn.Module, images: Tensor, path: Path, **how: Any) -> None:
    with _still():
        names = {"input_names": ["image"], "output_names": ["scores"]}
        torch.onnx.export(module, (images,), path, verbose=False, **names, **how)


@contextmanager
def _still() -> Iterator[None]:
    """No warnings of exporters and converters within the block."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def file(
    name: str,
    build: Callable[[], nn.Module] = Net,
    export: Export = scripted,
    edit: Edit | None = None,
    size: int = SIZE,
    channels: int = 3,
    options: ModelOptions | None = None,
    whole: bool = False,
    scores: Callable[[Any], Tensor] = lambda output: output,
    **more: Any,
) -> Specimen:
    """A file that an exporter wrote of a module, and that `edit` changed.

    `whole`: it takes whole numbers.
    """

    def make(folder: Path) -> Given:
        module, path = seeded(build), folder / "net.onnx"
        export(module, torch.rand(2, channels, size, size), path)
        if edit is not None:
            with _still():
                edit(path)
        given = options or plain(channels)
        given = given.model_copy(update={"input": {**given.input, "size": (size, size)}})
        if whole:
            given = ModelOptions(device="cpu", input={"size": (size, size)})
        reference = module if not whole else Whole(module)
        return Given(str(path), given, reference, scores, _runtime(path, given))

    return Specimen(name, "ONNX", make, **more)


class Whole(nn.Module):
    """A module of whole numbers, given their 255th parts."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.inner = module

    def forward(self, image: Tensor) -> Tensor:
        return self.inner((image * 255 + 0.5).floor())


def _runtime(path: Path, options: ModelOptions) -> Callable[[Tensor], Tensor]:
    """The file's scores by onnxruntime itself: of the output that is named, else the first."""

    def answer(images: Tensor) -> Tensor:
        import onnxruntime

        quiet = onnxruntime.SessionOptions()
        quiet.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(path), quiet, ["CPUExecutionProvider"])
        taken = session.get_inputs()[0]
        values = images.numpy()
        if taken.shape[-1] in (3, 4):
            values = values.transpose(0, 2, 3, 1)
        if taken.type == "tensor(uint8)":
            values = np.floor(values * 255 + 0.5)
        kinds = {"tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
        given = {taken.name: values.astype(kinds.get(taken.type, np.float32))}
        output = options.output_name or "scores"
        return torch.from_numpy(session.run([output], given)[0])

    return answer


class Bytes(Net):
    """Takes whole numbers, and normalises them itself."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward((image.float() - 127.5) / 64)


class TwoOutputs(Net):
    """Its features before its scores."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        features = self.features(image)
        return features, self.fc(features)


class Softmax(Net):
    """Probabilities."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image).softmax(1)


class Normalising(Net):
    """Normalises the image itself."""

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        return super().forward((image - self.mean) / 0.25)


def nhwc(module: nn.Module, images: Tensor, path: Path) -> None:
    """Write a module for images (N, h, w, 3)."""
    scripted(_Moved(module).eval(), images.permute(0, 2, 3, 1).contiguous(), path)


class _Moved(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.inner = module

    def forward(self, image: Tensor) -> Tensor:
        return self.inner(image.permute(0, 3, 1, 2))


def of_bytes(module: nn.Module, images: Tensor, path: Path) -> None:
    """Write a module for images of whole numbers."""
    scripted(module, (images * 255).to(torch.uint8), path)


def with_features(module: nn.Module, images: Tensor, path: Path) -> None:
    """Write a module with its features as the first output."""
    with _still():
        axes = {"image": {0: "n"}, "features": {0: "n"}, "scores": {0: "n"}}
        outputs = ["features", "scores"]
        torch.onnx.export(
            module, (images,), path, dynamo=False, dynamic_axes=axes, input_names=["image"],
            output_names=outputs,
        )  # fmt: skip


def to_half(path: Path) -> None:
    """Every weight and every tensor in 16 bits, the image and the scores too."""
    model = onnx.load(path)
    graph = model.graph
    for each in graph.initializer:
        if each.data_type == TensorProto.FLOAT:
            halved = numpy_helper.to_array(each).astype(np.float16)
            each.CopyFrom(numpy_helper.from_array(halved, each.name))
    for each in (*graph.input, *graph.output):
        each.type.tensor_type.elem_type = TensorProto.FLOAT16
    del graph.value_info[:]
    onnx.save(model, path)


def to_int8(form: str) -> Edit:
    """Quantised by onnxruntime, as QDQ or QOperator."""

    def edit(path: Path) -> None:
        from onnxruntime import quantization

        class Images(quantization.CalibrationDataReader):  # type: ignore[misc]
            def __init__(self) -> None:
                random = np.random.default_rng(0)
                low, high = np.sort(random.uniform(-0.2, 1.8, (2, 16, 1, 3, 1, 1)), 0)
                noise = random.uniform(low, high, (16, 1, 3, SIZE, SIZE))
                self.given = iter(noise.astype(np.float32))

            def get_next(self) -> dict[str, np.ndarray] | None:
                found = next(self.given, None)
                return None if found is None else {"image": found}

        float_path = path.with_name("float.onnx")
        path.rename(float_path)
        kind = quantization.QuantFormat[form]
        quantization.quantize_static(float_path, path, Images(), quant_format=kind)

    return edit


def with_label(path: Path) -> None:
    """The label in front of the scores, as converters from scikit-learn put it."""
    model = onnx.load(path)
    model.graph.node.append(helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0))
    scores = model.graph.output.pop()
    label = helper.make_tensor_value_info("label", TensorProto.INT64, ["n"])
    model.graph.output.extend([label, scores])
    onnx.save(model, path)


def with_weights_as_inputs(path: Path) -> None:
    """Initialisers among the inputs, as old files have them."""
    model: ModelProto = onnx.load(path)
    for each in model.graph.initializer:
        value = helper.make_tensor_value_info(each.name, each.data_type, each.dims)
        model.graph.input.append(value)
    onnx.save(model, path)
