"""YuNet and SFace of the OpenCV Zoo, from the files in which their weights are stored in blocks of eight bits.

Sources: face_detection_yunet_2023mar_int8bq.onnx (Shiqi Yu and others, MIT) and
face_recognition_sface_2021dec_int8bq.onnx (Zhong and others, "SFace", 2021; Apache-2.0). In both, DequantizeLinear
nodes with a `block_size` restore the weights. Few runtimes know these nodes, so the build restores the weights once, to
the same numbers. The number of faces and the size of a picture become free. SFace's normalizations become part of its
convolutions, and its last layers one convolution. Nothing else changes.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from rollcall.contracts.detector_names import YUNET_STRIDES
from rollcall.contracts.embedder_kinds import SFACE_SIDE
from rollcall.weights.build_errors import ArchiveError
from rollcall.weights.graph import checked_model

_HEADS = "cls", "obj", "bbox"
_NUMBERS_A_FACE = 6
_HEAD_STEPS: tuple[dict[str, Any], ...] = ({}, {"group": _NUMBERS_A_FACE, "pads": [1, 1, 1, 1]})
_Arrays = dict[str, NDArray[Any]]


def sface(content: bytes) -> onnx.ModelProto:
    """Input `data` [N, 3, 112, 112] float32, RGB, 0..255: faces aligned by five points. Output `fc1` [N, 128] float32.

    Embeddings are compared by the cosine of their angle.
    """
    network = _restored(
        content,
        name="SFace",
        inputs={"data": ["N", 3, SFACE_SIDE, SFACE_SIDE]},
        shape_of=lambda _output, shape: ["N", *shape[1:]],
        description="face_recognition_sface_2021dec (OpenCV Zoo, Apache-2.0)",
    )
    return with_last_convolution(with_folded_normalization(network))


def rounded_values(network: onnx.ModelProto) -> Iterator[str]:
    """The values of SFace to round to eight bits: the inputs of all convolutions but the first two.

    The first one takes in the picture. The second one, of single channels, loses most by rounding
    (docs/decisions/0047-sface-in-eight-bits.md).
    """
    inputs = [node.input[0] for node in network.graph.node if node.op_type == "Conv"]
    yield from inputs[2:]


def yunet(content: bytes) -> onnx.ModelProto:
    """Input `input` [1, 3, H, W] float32, BGR, 0..255; H and W are multiples of 32.

    Output for each stride S of 8, 16, 32: `faces_S` [1, H / S, W / S, 6] float32. Each cell holds the logits of `cls`
    and `obj`. In strides it holds the offset of the center in x and y, and the logarithms of width and height. The
    product of the two sigmoids is the square of the score. The original's five points are left out: O-Net finds better
    ones.
    """
    return with_joined_heads(restored_yunet(content))


def restored_yunet(content: bytes) -> onnx.ModelProto:
    """YuNet with its own outputs `cls_S`, `obj_S`, `bbox_S` and `kps_S`, [1, cells, numbers], as OpenCV reads them."""
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
    nodes = [node for node in original.graph.node if not _folded(node, arrays)]
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
    """Whether the node only restores or reshapes weights. If so, its result is put among the arrays."""
    if node.op_type not in ("DequantizeLinear", "Reshape") or node.input[0] not in arrays:
        return False
    values, *others = (arrays[value] for value in node.input)
    if node.op_type == "Reshape":
        arrays[node.output[0]] = values.reshape(others[0].tolist())
    else:
        settings = {attribute.name: attribute.i for attribute in node.attribute}
        arrays[node.output[0]] = dequantized(values, *others, axis=settings["axis"], block=settings["block_size"])
    return True


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
    return _rebuilt(network, list({id(node): node for node in made_by.values()}.values()), arrays)


def with_last_convolution(network: onnx.ModelProto) -> onnx.ModelProto:
    """The same network; normalization, flattening, an inner product and another normalization become a convolution.

    Its window is the whole map of the layer before, so it gives one number for each output. It can be rounded like
    other convolutions. Errors: ArchiveError for a network that does not end so.
    """
    arrays: _Arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in network.graph.initializer}
    *kept, first, _, _, product, last = (node for node in network.graph.node if node.op_type != "Constant")
    if [node.op_type for node in (first, product, last)] != ["BatchNormalization", "Gemm", "BatchNormalization"]:
        raise ArchiveError(f"{network.graph.name}: an inner product between two normalizations was expected at the end")
    inner, outer = (_factor_and_shift(node, arrays) for node in (first, last))
    weights, biases = (arrays[value].astype(np.float64) for value in product.input[1:])
    channels = len(inner[0])
    side = math.isqrt(weights.shape[1] // channels)
    windows = weights.reshape(len(weights), channels, side, side)
    biases = biases + windows.sum(axis=(2, 3)) @ inner[1]
    arrays["last_weight"] = (windows * inner[0][:, None, None] * outer[0][:, None, None, None]).astype(np.float32)
    arrays["last_bias"] = (biases * outer[0] + outer[1]).astype(np.float32)
    convolution = helper.make_node("Conv", [first.input[0], "last_weight", "last_bias"], ["last"], group=1)
    return _rebuilt(network, [*kept, convolution, helper.make_node("Flatten", ["last"], [last.output[0]])], arrays)


def with_joined_heads(network: onnx.ModelProto) -> onnx.ModelProto:
    """YuNet with one head a stride in place of three, which read the same features one after the other."""
    arrays: _Arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in network.graph.initializer}
    made_by = {node.output[0]: node for node in network.graph.node}
    nodes: list[onnx.NodeProto] = []
    joined = onnx.ModelProto()
    joined.CopyFrom(network)
    del joined.graph.output[:]
    for stride in YUNET_STRIDES:
        heads = [_head(made_by, f"{kind}_{stride}") for kind in _HEADS]
        value = heads[0][0].input[0]
        for step, settings in enumerate(_HEAD_STEPS):
            names = [f"{part}_{stride}_{step}" for part in ("weight", "bias", "value")]
            for position, name in enumerate(names[:2], start=1):
                arrays[name] = np.concatenate([arrays[head[step].input[position]] for head in heads])
            nodes.append(helper.make_node("Conv", [value, *names[:2]], names[2:], **settings))
            value = names[2]
        nodes.append(helper.make_node("Transpose", [value], [f"faces_{stride}"], perm=[0, 2, 3, 1]))
        rows_and_columns = f"rows_{stride}", f"columns_{stride}"
        joined.graph.output.append(_float32(f"faces_{stride}", [1, *rows_and_columns, _NUMBERS_A_FACE]))
    return _rebuilt(joined, [*_needed(made_by, nodes), *nodes], arrays)


def _head(made_by: Mapping[str, onnx.NodeProto], output: str) -> tuple[onnx.NodeProto, onnx.NodeProto]:
    """The last two convolutions before an output."""
    node = made_by[output]
    while node.op_type != "Conv":
        node = made_by[node.input[0]]
    return made_by[node.input[0]], node


def _needed(made_by: Mapping[str, onnx.NodeProto], ends: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The nodes on which the ends depend, in their order."""
    needed = {value for node in ends for value in node.input}
    nodes = []
    for node in reversed(list(made_by.values())):
        if node.output[0] in needed:
            nodes.append(node)
            needed.update(node.input)
    return nodes[::-1]


def _rebuilt(network: onnx.ModelProto, nodes: list[onnx.NodeProto], arrays: _Arrays) -> onnx.ModelProto:
    """A network of these nodes, with the arrays that they read."""
    read = {value for node in nodes for value in node.input}
    rebuilt = onnx.ModelProto()
    rebuilt.CopyFrom(network)
    del rebuilt.graph.node[:], rebuilt.graph.initializer[:]
    rebuilt.graph.node.extend(nodes)
    rebuilt.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in arrays.items() if name in read
    )
    onnx.checker.check_model(rebuilt, full_check=True)
    return rebuilt


def _fold(normalization: onnx.NodeProto, convolution: onnx.NodeProto, arrays: _Arrays) -> None:
    """Errors: ArchiveError for a convolution that has biases already."""
    if len(convolution.input) != 2:  # noqa: PLR2004 - a picture and weights
        raise ArchiveError(f"{convolution.name}: a convolution with biases is not expected before a normalization")
    factor, shift = _factor_and_shift(normalization, arrays)
    weights, biases = convolution.input[1], f"{normalization.output[0]}_bias"
    arrays[weights] = (arrays[weights] * factor[:, None, None, None]).astype(np.float32)
    arrays[biases] = shift.astype(np.float32)
    convolution.input.append(biases)
    convolution.output[0] = normalization.output[0]


def _factor_and_shift(
    normalization: onnx.NodeProto, arrays: _Arrays
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a normalization multiplies each channel by, and adds to it then."""
    gain, shift, mean, variance = (arrays[value].astype(np.float64) for value in normalization.input[1:])
    (epsilon,) = (attribute.f for attribute in normalization.attribute if attribute.name == "epsilon")
    factor = gain / np.sqrt(variance + epsilon)
    return factor, shift - mean * factor


def _float32(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def _shape(value: onnx.ValueInfoProto) -> list[int]:
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
