"""ONNX files as other tools leave them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor

import interp
from interp.spec import ModelOptions
from robustness.caller import BUDGET, IMAGE, PLAIN, Caller, refuses, same

KIND = "ONNX files"
METHODS = ("gradcam", "rise", "mint")
RANDOM = np.random.default_rng(0)
WEIGHTS = {
    "kernel": RANDOM.normal(size=(6, 3, 5, 5)).astype(np.float32),
    "matrix": RANDOM.normal(size=(6, 4)).astype(np.float32),
    "two": np.array([2]),
}
FLOAT, WHOLE = TensorProto.FLOAT, TensorProto.INT64
Outputs = dict[str, tuple[int, tuple[Any, ...]]]
SCORES: Outputs = {"scores": (FLOAT, ("n", 4))}
Nodes = list[onnx.NodeProto]


def node(kind: str, given: str, made: str, **about: object) -> onnx.NodeProto:
    return helper.make_node(kind, given.split(), made.split(), **about)


BODY = [
    node("Conv", "image kernel", "convolved", strides=[2, 2], pads=[2, 2, 2, 2]),
    node("Relu", "convolved", "active"),
    node("GlobalAveragePool", "active", "mean"),
    node("Flatten", "mean", "features"),
    node("MatMul", "features matrix", "scores"),
]
DEAD = [node("Relu", "image", "unread"), node("Exp", "unread", "neither")]
BEST = [
    node("ArgMax", "scores", "label", axis=1, keepdims=0),
    node("Softmax", "scores", "probs"),
    node("TopK", "probs two", "best places"),
]
LABEL: Outputs = {"label": (WHOLE, ("n",))}
TOP: Outputs = {"places": (WHOLE, ("n", 2)), "best": (FLOAT, ("n", 2))}
FEATURES: Outputs = {"features": (FLOAT, ("n", 6))}


def model(nodes: Nodes, outputs: Outputs = SCORES, listed: bool = False) -> ModelProto:
    """The network of these nodes; `listed`: its weights stand among the inputs, too."""
    held = [numpy_helper.from_array(value, name) for name, value in WEIGHTS.items()]
    taken = [helper.make_tensor_value_info("image", FLOAT, ("n", 3, 36, 36))]
    if listed:
        taken += [helper.make_tensor_value_info(w.name, w.data_type, w.dims) for w in held]
    answers = [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()]
    graph = helper.make_graph(nodes, "net", taken, answers, held)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def untyped() -> ModelProto:
    found = model(BODY)
    del found.graph.output[:]
    found.graph.output.append(helper.make_empty_tensor_value_info("scores"))
    return found


def old() -> ModelProto:
    found = model(BODY, listed=True)
    found.ir_version = 3
    return found


def stale() -> ModelProto:
    found = model(BODY)
    found.graph.value_info.append(helper.make_tensor_value_info("active", FLOAT, ("n", 9, 6, 6)))
    return found


def opened(made: ModelProto, folder: Path, **options: Any) -> interp.ModelAdapter:
    path = folder / "model.onnx"
    onnx.save(made, path)
    return interp.open_model(path, options=ModelOptions(input=PLAIN, device="cpu", **options))


def maps(network: interp.ModelAdapter) -> dict[str, np.ndarray]:
    return {
        name: interp.explain(network, IMAGE, method=name, target=0, budget=BUDGET).map()
        for name in METHODS
    }


def scores(images: Tensor) -> Tensor:
    """The body's scores, by torch."""
    kernel, matrix = (torch.from_numpy(WEIGHTS[name]) for name in ("kernel", "matrix"))
    found = torch.nn.functional.conv2d(images, kernel, stride=2, padding=2).relu()
    return found.mean((2, 3)) @ matrix


def alike(make: Callable[[], ModelProto], note: str = "") -> Callable[[Path], None]:
    """A call on a file whose scores and maps are those of the plain one."""

    def call(folder: Path) -> None:
        network = opened(make(), folder)
        pixels = network.prepare(IMAGE)[0][None]
        torch.testing.assert_close(network.predict(pixels), scores(pixels), rtol=1e-4, atol=1e-4)
        assert note in " / ".join(network.spec.notes), network.spec.notes
        same(maps(network), maps(opened(model(BODY), folder)))

    return call


def named(folder: Path) -> None:
    """The output that a name chooses is the one that is read, whatever the others hold."""
    network = opened(model([*BODY, *BEST], {**SCORES, "probs": SCORES["scores"], **TOP}), folder,
                     output_name="probs")  # fmt: skip
    pixels = network.prepare(IMAGE)[0][None]
    torch.testing.assert_close(network.predict(pixels), scores(pixels).softmax(1))


def no_scores(folder: Path) -> None:
    whole = [*BODY, *BEST]
    refuses(lambda: opened(model(whole, TOP), folder), "answers the best scores only (best: float")
    refuses(lambda: opened(model(whole, LABEL), folder), "expected one output of class scores")


READ = "scores are read from output 'scores'"
ROWS = (
    Caller("a label before the scores", KIND,
           alike(lambda: model([*BODY, *BEST], {**LABEL, **SCORES}), READ), "the scores are read"),
    Caller("a top-k before the scores", KIND,
           alike(lambda: model([*BODY, *BEST], {**TOP, **SCORES}), READ), "the scores are read"),
    Caller("features before the scores", KIND,
           alike(lambda: model(BODY, {**FEATURES, **SCORES}), READ), "the scores are read"),
    Caller("a label, features and a top-k around the scores", KIND,
           alike(lambda: model([*BODY, *BEST], {**LABEL, **FEATURES, **SCORES, **TOP}), READ),
           "the scores are read"),
    Caller("an output named by --output-name", KIND, named, "that one is read"),
    Caller("a top-k or a label alone", KIND, no_scores,
           "refused: answers the best scores only; expected one output of class scores"),
    Caller("a branch that nothing reads", KIND, alike(lambda: model([*DEAD, *BODY]))),
    Caller("nodes out of order, and a branch that nothing reads", KIND,
           alike(lambda: model([*reversed(BODY), *DEAD]))),
    Caller("weights among the inputs", KIND, alike(lambda: model(BODY, listed=True))),
    Caller("the format's version 3", KIND, alike(old)),
    Caller("an output without a type", KIND, alike(untyped)),
    Caller("stale shapes", KIND, alike(stale)),
)  # fmt: skip
