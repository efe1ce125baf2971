"""YuNet and SFace of the OpenCV Zoo, from the files in which their weights are stored in blocks of eight bits.

Sources: face_detection_yunet_2023mar_int8bq.onnx (Shiqi Yu and others, MIT) and
face_recognition_sface_2021dec_int8bq.onnx (Zhong and others, "SFace", 2021; Apache-2.0). In both, DequantizeLinear
nodes with a `block_size` restore the weights. Few runtimes know these, so the build restores them once, to the same
numbers, or where they are many (SFace's last layer) leaves that to plain nodes. Nothing else of the networks changes
but what they leave free: the number of faces, the size of a picture.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from model.build.errors import ArchiveError
from model.build.graph import checked_model

SFACE_SIDE = 112
_Arrays = dict[str, NDArray[Any]]


def sface(content: bytes) -> onnx.ModelProto:
    """Input `data` [N, 3, 112, 112] float32, RGB, 0..255: faces aligned by five points. Output `fc1` [N, 128] float32.

    Embeddings are compared by the cosine of their angle. Each normalization is part of the convolution before it.
    """
    network = _restored(
        content,
        name="SFace",
        inputs={"data": ["N", 3, SFACE_SIDE, SFACE_SIDE]},
        shape_of=lambda _output, shape: ["N", *shape[1:]],
        description="face_recognition_sface_2021dec (OpenCV Zoo, Apache-2.0)",
    )
    return with_folded_normalization(network)


def rounded_values(network: onnx.ModelProto) -> Iterator[str]:
    """The values of SFace to round to eight bits: what convolutions over all channels take in, but for the first one.

    They do nine tenths of the arithmetic. Convolutions of single channels cost little, and lose most.
    """
    for node in network.graph.node:
        groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
        if node.op_type == "Conv" and groups == 1 and node.input[0].endswith("_relu"):
            yield node.input[0]


def yunet(content: bytes) -> onnx.ModelProto:
    """Input `input` [1, 3, H, W] float32, BGR, 0..255; H and W are multiples of 32.

    Outputs for each stride S of 8, 16, 32, with a row for each of the (H / S) (W / S) cells: `cls_S` and `obj_S`
    [1, cells, 1], whose product is the square of the score; `bbox_S` [1, cells, 4]: offset of the center in x and y,
    logarithms of width and height; `kps_S` [1, cells, 10]: five points, x and y. Units are strides.
    """
    return _restored(
        content,
        name="YuNet",
        inputs={"input": [1, 3, "H", "W"]},
        shape_of=lambda output, shape: [1, f"cells_{output.rpartition('_')[2]}", shape[2]],
        description="face_detection_yunet_2023mar (OpenCV Zoo, MIT)",
    )


def _restored(
    content: bytes,
    *,
    name: str,
    inputs: Mapping[str, list[int | str]],
    shape_of: Callable[[str, list[int]], list[int | str]],
    description: str,
) -> onnx.ModelProto:
    """The network with plain float32 weights. Errors: ArchiveError for another network."""
    original = onnx.load_model_from_string(content)
    arrays: _Arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in original.graph.initializer}
    large = {node.input[1] for node in original.graph.node if node.op_type == "Gemm"}
    nodes: list[onnx.NodeProto] = []
    for node in original.graph.node:
        if node.op_type == "DequantizeLinear" and node.output[0] in large:
            nodes += _in_blocks(node, arrays)
        elif not _folded(node, arrays):
            nodes.append(node)
    if any(node.op_type == "DequantizeLinear" for node in nodes):
        raise ArchiveError(f"{name}: some weights are not constants")
    read = {value for node in nodes for value in node.input}
    graph = helper.make_graph(
        nodes,
        original.graph.name,
        [_float32(value, inputs[value]) for value in (given.name for given in original.graph.input) if value in inputs],
        [_float32(output.name, shape_of(output.name, _shape(output))) for output in original.graph.output],
        initializer=[numpy_helper.from_array(array, value) for value, array in arrays.items() if value in read],
    )
    return checked_model(graph, description=description)


def _folded(node: onnx.NodeProto, arrays: _Arrays) -> bool:
    """Whether the node only restores or reshapes weights; its result is then among the arrays."""
    if node.op_type not in ("DequantizeLinear", "Reshape") or node.input[0] not in arrays:
        return False
    values, *others = (arrays[value] for value in node.input)
    if node.op_type == "Reshape":
        arrays[node.output[0]] = values.reshape(others[0].tolist())
    else:
        settings = {attribute.name: attribute.i for attribute in node.attribute}
        arrays[node.output[0]] = dequantized(values, *others, axis=settings["axis"], block=settings["block_size"])
    return True


def _in_blocks(node: onnx.NodeProto, arrays: _Arrays) -> list[onnx.NodeProto]:
    """Nodes that every runtime knows, in place of a DequantizeLinear: a quarter of the bytes of float32 weights.

    Errors: ArchiveError for weights that are not whole blocks along their last axis.
    """
    values, scales, zeros = (arrays[value] for value in node.input)
    restored, (rows, columns) = node.output[0], values.shape
    if columns % scales.shape[1]:
        raise ArchiveError(f"{restored}: {columns} weights are not {scales.shape[1]} equal blocks")
    names = {part: f"{restored}_{part}" for part in ("blocks", "zeros", "scales", "shape")}
    arrays[names["blocks"]] = values.reshape(rows, scales.shape[1], -1)
    arrays[names["zeros"]], arrays[names["scales"]] = zeros[..., None], scales[..., None]
    arrays[names["shape"]] = np.array([rows, columns], dtype=np.int64)
    steps = [f"{restored}_step_{number}" for number in range(4)]
    return [
        helper.make_node("Cast", [names["blocks"]], [steps[0]], to=onnx.TensorProto.FLOAT),
        helper.make_node("Cast", [names["zeros"]], [steps[1]], to=onnx.TensorProto.FLOAT),
        helper.make_node("Sub", [steps[0], steps[1]], [steps[2]]),
        helper.make_node("Mul", [steps[2], names["scales"]], [steps[3]]),
        helper.make_node("Reshape", [steps[3], names["shape"]], [restored]),
    ]


def dequantized(
    values: NDArray[np.int8], scales: NDArray[np.float32], zeros: NDArray[np.int8], *, axis: int, block: int
) -> NDArray[np.float32]:
    """`values` in blocks of `block` along `axis`, each block with a scale and a zero point of its own.

    Source: ONNX's DequantizeLinear, opset 21, with a block size; the last block may be shorter.
    """
    block_of = np.arange(values.shape[axis]) // block
    steps = values.astype(np.int32) - zeros.take(block_of, axis=axis)
    return np.asarray(steps * scales.take(block_of, axis=axis), dtype=np.float32)


def with_folded_normalization(network: onnx.ModelProto) -> onnx.ModelProto:
    """The same network; a BatchNormalization behind a convolution becomes part of its weights and biases."""
    arrays: _Arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in network.graph.initializer}
    made_by: dict[str, onnx.NodeProto] = {}
    for node in network.graph.node:
        before = made_by.get(node.input[0]) if node.input else None
        if node.op_type == "BatchNormalization" and before is not None and before.op_type == "Conv":
            _fold(node, before, arrays)
            made_by[before.output[0]] = before
            continue
        kept = onnx.NodeProto()
        kept.CopyFrom(node)
        made_by[kept.output[0]] = kept
    nodes = list({id(node): node for node in made_by.values()}.values())
    read = {value for node in nodes for value in node.input}
    folded = onnx.ModelProto()
    folded.CopyFrom(network)
    del folded.graph.node[:], folded.graph.initializer[:]
    folded.graph.node.extend(nodes)
    folded.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in arrays.items() if name in read
    )
    onnx.checker.check_model(folded, full_check=True)
    return folded


def _fold(normalization: onnx.NodeProto, convolution: onnx.NodeProto, arrays: _Arrays) -> None:
    """Errors: ArchiveError for a convolution that has biases already."""
    if len(convolution.input) != 2:  # noqa: PLR2004 - a picture and weights
        raise ArchiveError(f"{convolution.name}: a convolution with biases is not expected before a normalization")
    gain, shift, mean, variance = (arrays[value].astype(np.float64) for value in normalization.input[1:])
    (epsilon,) = (attribute.f for attribute in normalization.attribute if attribute.name == "epsilon")
    factor = gain / np.sqrt(variance + epsilon)
    weights, biases = convolution.input[1], f"{normalization.output[0]}_bias"
    arrays[weights] = (arrays[weights] * factor[:, None, None, None]).astype(np.float32)
    arrays[biases] = (shift - mean * factor).astype(np.float32)
    convolution.input.append(biases)
    convolution.output[0] = normalization.output[0]


def _float32(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def _shape(value: onnx.ValueInfoProto) -> list[int]:
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
