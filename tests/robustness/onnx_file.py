"""ONNX files with damaged bytes, and with graphs that are wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from robustness.damage import damage
from robustness.runner import Case

SIZES = (-1, 0, 1, 2, 5, 255, 2**16, 2**31 - 1, 2**31, 2**40, 2**62, -(2**63))
"""Lengths of axes, and numbers in attributes."""


def plain_model() -> ModelProto:
    """A convolution, pooling and a linear layer: (N, 3, 16, 16) to three classes."""
    draw = np.random.default_rng(0)
    weights = {
        "kernel": draw.normal(size=(4, 3, 3, 3)),
        "bias": draw.normal(size=4),
        "linear": draw.normal(size=(3, 4)),
        "offset": draw.normal(size=3),
    }
    nodes = [
        helper.make_node("Conv", ["image", "kernel", "bias"], ["maps"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["maps"], ["active"]),
        helper.make_node("GlobalAveragePool", ["active"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "linear", "offset"], ["scores"], transB=1),
    ]
    kept = [numpy_helper.from_array(v.astype(np.float32), name) for name, v in weights.items()]
    graph = helper.make_graph(
        nodes,
        "plain",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 16, 16])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 3])],
        kept,
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, ir_version=9, opset_imports=opset)


def onnx_case(folder: Path, random: Random) -> Case:
    """One ONNX file, broken or odd in some way, that is asked for its scores or layers."""
    model = plain_model()
    if random.randrange(3):
        for _ in range(random.choice((1, 1, 2))):
            random.choice(WAYS)(model, folder, random)
        data = model.SerializeToString()
    else:
        data = damage(model.SerializeToString(), random)
    (folder / "given.onnx").write_bytes(data)
    words = random.choice((("predict", "--model", "given.onnx"), ("layers", "given.onnx"), GRADCAM))
    return Case(words, "onnx", "given.onnx")


GRADCAM = ("run", "--plugin", "gradcam", "--model", "given.onnx", "--out", "out")


def _size(model: ModelProto, folder: Path, random: Random) -> None:
    """Another length of an axis of a weight, the input or the output."""
    place = random.choice((*model.graph.initializer, *model.graph.input, *model.graph.output))
    if isinstance(place, TensorProto):
        at = random.randrange(len(place.dims))
        place.dims[at] = random.choice(SIZES)
        return
    axis = random.choice(place.type.tensor_type.shape.dim)
    if random.randrange(3):
        axis.dim_value = random.choice(SIZES)
    else:
        axis.dim_param = random.choice(("", "N", "x" * 1000, "\x1b[31m"))


def _rank(model: ModelProto, folder: Path, random: Random) -> None:
    """An axis more or less, or no shape at all."""
    place = random.choice((*model.graph.input, *model.graph.output))
    shape = place.type.tensor_type.shape
    way = random.choice(("less", "more", "none"))
    if way == "less":
        del shape.dim[-1]
    elif way == "more":
        shape.dim.add().dim_value = random.choice(SIZES)
    else:
        place.type.tensor_type.ClearField("shape")


def _kind(model: ModelProto, folder: Path, random: Random) -> None:
    """Another type of number."""
    place = random.choice((*model.graph.initializer, *model.graph.input, *model.graph.output))
    kind = random.choice((0, 1, 2, 3, 7, 8, 9, 10, 11, 14, 99, 2**31 - 1))
    if isinstance(place, TensorProto):
        place.data_type = kind
    else:
        place.type.tensor_type.elem_type = kind


def _lose(model: ModelProto, folder: Path, random: Random) -> None:
    """A weight, node, input or output less."""
    graph = model.graph
    listed = random.choice((graph.initializer, graph.node, graph.input, graph.output))
    if len(listed):
        del listed[random.randrange(len(listed))]


def _rename(model: ModelProto, folder: Path, random: Random) -> None:
    """Another name of what a node reads or gives: circles, doubles, names of nothing."""
    node = random.choice(model.graph.node)
    names = random.choice((node.input, node.output))
    if len(names):
        known = [out for each in model.graph.node for out in each.output]
        named = (*known, "image", "nothing", "", "x" * 2000, "a\nb")
        names[random.randrange(len(names))] = random.choice(named)


def _operation(model: ModelProto, folder: Path, random: Random) -> None:
    """Another operation, domain, or number in an attribute."""
    node = random.choice(model.graph.node)
    if random.randrange(2) and node.attribute:
        attribute = random.choice(node.attribute)
        attribute.i = random.choice(SIZES)
        if attribute.ints:
            attribute.ints[0] = random.choice(SIZES)
    elif random.randrange(2):
        node.op_type = random.choice(
            ("Softmax", "Loop", "RandomNormal", "Nothing", "", "Shape", "ArgMax", "Cast", "MatMul")
        )
    else:
        node.domain = random.choice(("ai.onnx.ml", "com.nobody", "x" * 500))


def _values(model: ModelProto, folder: Path, random: Random) -> None:
    """Weights that are no numbers, beyond all measure, all the same, or of too few bytes."""
    weight = random.choice(model.graph.initializer)
    way = random.choice((np.nan, np.inf, 1e38, 0.0, None))
    if way is None:
        weight.raw_data = weight.raw_data[: random.randrange(len(weight.raw_data))]
    else:
        weight.raw_data = np.full(len(weight.raw_data) // 4, way, np.float32).tobytes()


def _external(model: ModelProto, folder: Path, random: Random) -> None:
    """A weight that lies in a file: another folder's, a device, none, or at a wrong place."""
    weight = random.choice(model.graph.initializer)
    (folder / "weights.bin").write_bytes(bytes(10_000))
    (folder / "link.bin").unlink(missing_ok=True)
    (folder / "link.bin").symlink_to("/etc/hostname")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    facts = {
        "location": random.choice(
            (
                *("weights.bin", "weights.bin", "weights.bin", "/etc/passwd", "../../etc/passwd"),
                *("/dev/zero", "link.bin", "gone.bin", "", ".", "x" * 5000, "a\0b"),
            )
        ),
        "offset": random.choice(("0", "-1", "1", "99999999999999999999", "x", "9000")),
        "length": random.choice(("48", "432", "-1", "0", str(2**40), "")),
    }
    for key, value in facts.items():
        weight.external_data.add(key=key, value=value)


def _version(model: ModelProto, folder: Path, random: Random) -> None:
    """Another version of the format or of the operations."""
    if random.randrange(2):
        model.ir_version = random.choice((0, 1, 3, 99, 2**62))
    elif random.randrange(2):
        model.opset_import[0].version = random.choice((0, 1, 7, 99, 2**62))
    else:
        del model.opset_import[:]


def _loop(model: ModelProto, folder: Path, random: Random) -> None:
    """A loop of very many turns before the scores."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Relu", ["carried"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    turns = random.choice((0, 1, 100))
    model.graph.initializer.append(numpy_helper.from_array(np.array(turns, np.int64), "turns"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(
        helper.make_node("Loop", ["turns", "yes", "scores"], ["looped"], body=body)
    )
    model.graph.output[0].name = "looped"


def _metadata(model: ModelProto, folder: Path, random: Random) -> None:
    """Notes of an exporter that say odd things of classes and input."""
    for key in ("classes", "interp.classes", "interp.input", "interp.origin", "interp.card"):
        value = random.choice(("", "{", "[1, 2]", '{"size": [0, 0]}', "[" * 3000, "x" * 10_000))
        model.metadata_props.add(key=key, value=value)


def _card(model: ModelProto, folder: Path, random: Random) -> None:
    """A card beside the file that says odd things of it."""
    text = random.choice(
        (
            *("input: {size: 0}", "input: {size: [16, -1]}", "input: {std: [0, 0, 0]}", "[]", ""),
            *("classes: [a]", "classes: {a: 1}", "classes: gone.txt", "classes: /dev/zero"),
            *("input: {mean: .nan}", "input: {size: 99999999}", "nothing: 1", "input: 3", "{"),
            *("readout: os:system", "readout: boxes", "activation: no", "classes: [a, a, a]"),
            *("input: {bands: [9]}", "input: {size: [16, 16], resize: up}", "a: &a [*a]"),
            "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
        )
    )
    card = folder / "given.onnx.interp.yaml"
    if card.is_file() or not card.exists():
        card.write_text(text)


def _folder(model: ModelProto, folder: Path, random: Random) -> None:
    """A file of no size, of a pipe or a folder where the model's card should be."""
    card = folder / "given.onnx.interp.yaml"
    if card.exists():
        return
    if random.randrange(2):
        card.mkdir()
    else:
        os.mkfifo(card)


WAYS: tuple[Callable[[ModelProto, Path, Random], None], ...] = (
    *(_size, _size, _rank, _kind, _lose, _rename, _rename, _operation, _operation),
    *(_values, _external, _external, _version, _loop, _metadata, _card, _card, _folder),
)
CASES: dict[str, Callable[[Path, Random], Case]] = {"onnx": onnx_case}


def write_plain(path: Path) -> None:
    """Write the whole model."""
    onnx.save(plain_model(), path)
