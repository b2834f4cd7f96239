"""Random sums of layers' channels, by which the layout of the layers is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor

from interp.network.layout import AXES, random_signs
from interp_onnx.graph import FLOATS
from interp_onnx.network import Network


def sketch_layers(
    network: Network, shapes: Mapping[str, tuple[int, ...]], inputs: Tensor
) -> dict[str, list[np.ndarray]]:
    """Sketches, as interp.network.layout.sketches gives them, of tensors with these shapes.

    The sums are nodes of the graph, so that no whole activation is kept in memory. Tensors that are
    no numbers have none.
    """
    numeric = {name: shape for name, shape in shapes.items() if _is_float(network, name)}
    if not numeric:
        return {}
    model, names = _with_sketches(network.graph.model, numeric)
    found = network.run(network.engine.session(model), inputs)
    sketched: dict[str, list[np.ndarray]] = {}
    for name, sums in zip(names, found, strict=True):
        sketched.setdefault(name, []).append(sums.movedim(-1, 1).cpu().numpy())
    return sketched


def _is_float(network: Network, name: str) -> bool:
    return network.graph.types.get(name, TensorProto.FLOAT) in FLOATS


def _with_sketches(
    graph: ModelProto, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[ModelProto, list[str]]:
    """The model with sketches as its outputs, (N, ..., SUMS) each, and the tensor of each one."""
    model, names = onnx.ModelProto(), list[str]()
    model.CopyFrom(graph)
    del model.graph.output[:]
    signs: set[int] = set()
    for tensor, shape in shapes.items():
        for axis in AXES[len(shape)]:
            label, channels = f"interp.sketch.{len(names)}", shape[axis]
            weight = f"interp.signs.{channels}"
            order = [each for each in range(len(shape)) if each != axis] + [axis]
            if channels not in signs:
                signs.add(channels)
                values = numpy_helper.from_array(random_signs(channels), weight)
                model.graph.initializer.append(values)
            model.graph.node.extend(
                [
                    helper.make_node("Cast", [tensor], [f"{label}.cast"], to=TensorProto.FLOAT),
                    helper.make_node("Transpose", [f"{label}.cast"], [f"{label}.last"], perm=order),
                    helper.make_node("MatMul", [f"{label}.last", weight], [label]),
                ]
            )
            model.graph.output.append(helper.make_tensor_value_info(label, TensorProto.FLOAT, None))
            names.append(tensor)
    return model, names
