"""dlib's face recognition ResNet as ONNX.

Source: dlib_face_recognition_resnet_model_v1.dat (Davis King, CC0); the network is the one of dlib's
examples/dnn_face_recognition_ex.cpp: 29 convolutions, then 128 numbers that lie within 0.6 for photos of one person.

Input `pixels` [N, 3, 150, 150] float32, RGB, 0..255: face chips. Output `embedding` [N, 128] float32, not normalized;
compare by Euclidean distance.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import onnx

from rollcall.weights.build_errors import ArchiveError
from rollcall.weights.dlib_archive import DlibArchive
from rollcall.weights.graph import Graph, Weights, fold_normalization

CHIP_SIDE = 150
EMBEDDING_SIZE = 128
# dlib::input_rgb_image_sized: the average color of ImageNet, then a division by 256
PIXEL_MEAN = (122.782, 117.001, 104.298)
PIXEL_SCALE = 1 / 256

FIRST_CHANNELS = 32
# channels of each residual block, from the input on, and whether it halves rows and columns
BLOCKS = (
    *((32, False),) * 3,
    *((64, True), (64, False), (64, False), (64, False)),
    *((128, True), (128, False), (128, False)),
    *((256, True), (256, False), (256, False)),
    (256, True),
)


@dataclass(frozen=True)
class _Convolution:
    weights: Weights  # [out, in, h, w]
    bias: Weights  # [out]


@dataclass(frozen=True)
class _Features:
    """A value of the graph, with its size."""

    value: str
    channels: int
    side: int


def dlib_resnet(content: bytes) -> onnx.ModelProto:
    archive = DlibArchive(content, name="dlib ResNet")
    first, *others = _convolutions(archive)
    dense = _dense(archive)
    graph = Graph("dlib_resnet", input_name="pixels", input_shape=["N", 3, CHIP_SIDE, CHIP_SIDE])
    features = _stem(graph, first)
    for (channels, halves), entry, leave in zip(BLOCKS, others[::2], others[1::2], strict=True):
        features = _residual(graph, features, entry, leave, channels=channels, halves=halves)
    pooled = graph.op("Flatten", graph.op("GlobalAveragePool", features.value))
    graph.output(graph.op("MatMul", pooled, graph.constant(dense)), name="embedding", shape=["N", EMBEDDING_SIZE])
    return graph.model(description="dlib_face_recognition_resnet_model_v1 (Davis King, CC0)")


def rounded_values(network: onnx.ModelProto) -> Iterator[str]:
    """The values to round to eight bits: the inputs of all convolutions but the first two and the halving ones.

    These few stay float32: they cost little, and all that follows depends on them.
    """
    _, _, *others = (node for node in network.graph.node if node.op_type == "Conv")
    for convolution in others:
        strides = next((list(a.ints) for a in convolution.attribute if a.name == "strides"), [1, 1])
        if strides == [1, 1]:
            yield convolution.input[0]


def _convolutions(archive: DlibArchive) -> list[_Convolution]:
    """The convolutions in the order of the network, each with the affine layer behind it folded in."""
    convolutions = [_convolution(archive, in_channels) for in_channels in _channels()]
    if archive.skip_to("con_4", "fc_2") != "fc_2":
        raise ArchiveError("dlib ResNet: the last layer does not follow the convolutions")
    return convolutions


def _channels() -> Iterator[int]:
    """The channels that each convolution takes in."""
    yield 3
    channels = FIRST_CHANNELS
    for block, _ in BLOCKS:
        yield from (channels, block)
        channels = block


def _convolution(archive: DlibArchive, in_channels: int) -> _Convolution:
    if archive.skip_to("con_4", "fc_2") != "con_4":
        raise ArchiveError("dlib ResNet: fewer convolutions than the network has")
    parameters = archive.tensor().ravel()
    out_channels, height, width = _integers(archive, 3)
    size = out_channels * in_channels * height * width
    if parameters.size != size + out_channels or archive.skip_to("affine_", "con_4", "fc_2") != "affine_":
        raise ArchiveError(f"dlib ResNet: a convolution of {out_channels} channels has other parts than expected")
    gain, shift = archive.tensor().reshape(2, out_channels).astype(np.float64)
    weights = parameters[:size].reshape(out_channels, in_channels, height, width)
    return _Convolution(
        weights=(weights * gain[:, None, None, None]).astype(np.float32),
        bias=(parameters[size:] * gain + shift).astype(np.float32),
    )


def _dense(archive: DlibArchive) -> Weights:
    outputs, inputs = _integers(archive, 2)
    if (inputs, outputs) != (BLOCKS[-1][0], EMBEDDING_SIZE):
        raise ArchiveError(f"dlib ResNet: the last layer maps {inputs} to {outputs} numbers")
    return archive.tensor().reshape(inputs, outputs)


def _integers(archive: DlibArchive, number: int) -> tuple[int, ...]:
    return tuple(archive.integer() for _ in range(number))


def _stem(graph: Graph, convolution: _Convolution) -> _Features:
    weights, bias = fold_normalization(convolution.weights, convolution.bias, mean=PIXEL_MEAN, scale=PIXEL_SCALE)
    value = graph.op("Conv", "pixels", graph.constant(weights), graph.constant(bias), strides=[2, 2])
    value = graph.op("MaxPool", graph.op("Relu", value), kernel_shape=[3, 3], strides=[2, 2])
    return _Features(value=value, channels=FIRST_CHANNELS, side=_strided(_strided(CHIP_SIDE, kernel=7), kernel=3))


def _residual(
    graph: Graph, features: _Features, entry: _Convolution, leave: _Convolution, *, channels: int, halves: bool
) -> _Features:
    skipped = features
    if halves:
        pooled = graph.op("AveragePool", features.value, kernel_shape=[2, 2], strides=[2, 2])
        skipped = _Features(value=pooled, channels=features.channels, side=features.side // 2)
    inner = _convolve(graph, features, entry, halves=halves)
    inner = replace(inner, value=graph.op("Relu", inner.value))
    result = _convolve(graph, inner, leave, halves=False)
    # dlib's add_prev sums what is there: what one side lacks in channels, rows and columns counts as zero
    side = max(skipped.side, result.side)
    total = graph.op("Add", _padded(graph, result, channels, side), _padded(graph, skipped, channels, side))
    return _Features(value=graph.op("Relu", total), channels=channels, side=side)


def _convolve(graph: Graph, features: _Features, convolution: _Convolution, *, halves: bool) -> _Features:
    # dlib pads a convolution with a stride by nothing, the others by half their kernel
    settings = {"strides": [2, 2]} if halves else {"pads": [1, 1, 1, 1]}
    weights, bias = graph.constant(convolution.weights), graph.constant(convolution.bias)
    side = _strided(features.side, kernel=3) if halves else features.side
    value = graph.op("Conv", features.value, weights, bias, **settings)
    return _Features(value=value, channels=len(convolution.bias), side=side)


def _padded(graph: Graph, features: _Features, channels: int, side: int) -> str:
    missing = (0, channels - features.channels, side - features.side, side - features.side)
    if not any(missing):
        return features.value
    return graph.op("Pad", features.value, graph.constant(np.array((0, 0, 0, 0, *missing), dtype=np.int64)))


def _strided(side: int, *, kernel: int) -> int:
    return (side - kernel) // 2 + 1
