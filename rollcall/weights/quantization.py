"""Convolutions in whole numbers of eight bits, which processors multiply faster than float32.

Values behind a ReLU or PReLU become 0..255 in equal steps, and the weights of each output channel -127..127. Source:
Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018. In
the file these are ONNX's QuantizeLinear and DequantizeLinear. The runtime makes integer arithmetic of them, or float32
with the same steps where integers are not faster.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from rollcall.weights.graph import Weights

MOST_VALUE, MOST_WEIGHT = 255, 127
# x86 without VNNI adds the products of two neighboring input channels in 16 bits: there, too, nothing may overflow
MOST_PAIR = np.iinfo(np.int16).max // MOST_VALUE


def quantized(model: onnx.ModelProto, ranges: Mapping[str, tuple[float, float]]) -> onnx.ModelProto:
    """The same network; each convolution that takes in a value of `ranges` calculates in whole numbers.

    `ranges`: by name, the least number (0 or below) and the largest, to take in equal steps; larger ones are cut off.
    Errors: ValueError for a name that is no ReLU's or PReLU's output.
    """
    relus = {node.output[0] for node in model.graph.node if node.op_type in ("Relu", "PRelu")}
    if unknown := ranges.keys() - relus:
        raise ValueError(f"the network has no ReLU {', '.join(sorted(unknown))}")
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for original in model.graph.node:
        node = onnx.NodeProto()
        node.CopyFrom(original)
        nodes.append(node)
        if node.op_type == "Conv" and node.input[0] in ranges:
            weights = node.input[1]
            whole, steps = whole_weights(constants.pop(weights))
            constants |= {_whole(weights): whole} | _scale(weights, steps, np.zeros(len(steps), dtype=np.int8))
            nodes.insert(-1, _restore(weights))
            node.input[1] = _restored(weights)
        node.input[:] = [_restored(value) if value in ranges else value for value in node.input]
        for value in ranges.keys() & set(node.output):
            least, largest = ranges[value]
            step = np.float32((largest - least) / MOST_VALUE)
            constants |= _scale(value, step, np.uint8(np.rint(-least / step)))
            nodes += [helper.make_node("QuantizeLinear", [value, *_scale_names(value)], [_whole(value)])]
            nodes += [_restore(value)]
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:], result.graph.initializer[:]
    result.graph.node.extend(nodes)
    result.graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in constants.items())
    onnx.checker.check_model(result, full_check=True)
    return result


def _restore(value: str) -> onnx.NodeProto:
    # the axis is that of a convolution's outputs; a single step has none, and needs none
    return helper.make_node("DequantizeLinear", [_whole(value), *_scale_names(value)], [_restored(value)], axis=0)


def _scale(value: str, step: Any, zero: Any) -> dict[str, NDArray[Any]]:
    return dict(zip(_scale_names(value), (np.asarray(step), np.asarray(zero)), strict=True))


def _scale_names(value: str) -> list[str]:
    return [f"{value}_step", f"{value}_zero"]


def _whole(value: str) -> str:
    return f"{value}_whole"


def _restored(value: str) -> str:
    return f"{value}_restored"


def whole_weights(weights: Weights) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Whole numbers [out, in, h, w], and [out] what one step is worth; `in` is even, or 1 for single channels."""
    steps = _largest(np.abs(weights)) / MOST_WEIGHT
    if weights.shape[1] > 1:
        pairs = np.abs(weights.reshape(len(weights), -1, 2, *weights.shape[2:]).sum(axis=2))
        steps = np.maximum(steps, _largest(pairs) / (MOST_PAIR - 1))  # 1 for both being rounded up by a half
    worth = np.maximum(steps, np.finfo(np.float32).tiny).astype(np.float32)
    return np.rint(weights / worth[:, None, None, None]).astype(np.int8), worth


def _largest(weights: Weights) -> Weights:
    """The largest weight of each output channel."""
    return np.asarray(weights.reshape(len(weights), -1).max(axis=1))
