"""A thin layer over `onnx.helper`: names nodes, collects weights, and checks the finished model."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Weights = NDArray[np.float32]
Shape = list[int | str]

OPSET = 17
IR_VERSION = 8  # the oldest that carries the opset: read by every runtime since 2022


class Graph:
    """A float32 ONNX graph with one input; dimensions given as strings are free."""

    def __init__(self, name: str, *, input_name: str, input_shape: Shape) -> None:
        self._name = name
        self._input = helper.make_tensor_value_info(input_name, TensorProto.FLOAT, input_shape)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def constant(self, values: NDArray[Any]) -> str:
        name = f"weights_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def output(self, value: str, *, name: str, shape: Shape) -> None:
        self._nodes.append(helper.make_node("Identity", [value], [name], name=name))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def model(self, *, description: str) -> onnx.ModelProto:
        graph = helper.make_graph(self._nodes, self._name, [self._input], self._outputs, initializer=self._weights)
        return checked_model(graph, description=description)


def checked_model(graph: onnx.GraphProto, *, description: str) -> onnx.ModelProto:
    model = helper.make_model(
        graph,
        producer_name="rollcall",
        doc_string=description,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def fold_normalization(
    weights: Weights, bias: Weights, *, mean: tuple[float, float, float], scale: float
) -> tuple[Weights, Weights]:
    """A first convolution that takes raw pixels where the original took `(pixel - mean) * scale`.

    `weights` [out, 3, h, w] and `bias` [out]. The same function only for a convolution without padding: padded zeros
    would have to be mean pixels.
    """
    scaled = weights.astype(np.float64) * scale
    shift = (scaled * np.asarray(mean)[None, :, None, None]).sum(axis=(1, 2, 3))
    return scaled.astype(np.float32), (bias - shift).astype(np.float32)
