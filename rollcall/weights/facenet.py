"""InceptionResnetV1 as ONNX, from the weights that facenet-pytorch publishes for VGGFace2.

Source: facenet-pytorch 2.6.0 (MIT), models/inception_resnet_v1.py. The architecture is by Szegedy et al.,
"Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning" (2016), in the form of David
Sandberg's facenet. The user brings the weights: they are in no package, and their license is not clear.

Input `pixels` [N, 3, 160, 160] float32, RGB, 0..255: face chips. Output `embedding` [N, 512] float32 of length 1; to
compare by Euclidean distance.
"""

from collections.abc import Sequence

import numpy as np
import onnx

from rollcall.weights.build_errors import ArchiveError
from rollcall.weights.graph import Graph, Weights, fold_normalization
from rollcall.weights.torch_archive import StateDict

CHIP_SIDE = 160
EMBEDDING_SIZE = 512
# facenet-pytorch's fixed_image_standardization
PIXEL_MEAN = (127.5, 127.5, 127.5)
PIXEL_SCALE = 1 / 128

BATCH_NORM_EPSILON = 0.001
SCALE_35, SCALE_17, SCALE_8, SCALE_LAST = 0.17, 0.10, 0.20, 1.0
REPEATS_35, REPEATS_17, REPEATS_8 = 5, 10, 5

Layer = tuple[str, int]  # name of a convolution and its stride


def facenet(weights: StateDict) -> onnx.ModelProto:
    """Raises `ArchiveError` for weights of another network."""
    network = _Network(weights)
    graph = network.graph
    value = network.chain("pixels", [("conv2d_1a", 2), ("conv2d_2a", 1), ("conv2d_2b", 1)])
    value = _halved(graph, value)
    value = network.chain(value, [("conv2d_3b", 1), ("conv2d_4a", 1), ("conv2d_4b", 2)])
    for number in range(REPEATS_35):
        value = network.residual(value, f"repeat_1.{number}", branches=(1, 2, 3), scale=SCALE_35)
    value = network.reduction(value, "mixed_6a", branches=(1, 3))
    for number in range(REPEATS_17):
        value = network.residual(value, f"repeat_2.{number}", branches=(1, 3), scale=SCALE_17)
    value = network.reduction(value, "mixed_7a", branches=(2, 2, 3))
    for number in range(REPEATS_8):
        value = network.residual(value, f"repeat_3.{number}", branches=(1, 3), scale=SCALE_8)
    value = network.residual(value, "block8", branches=(1, 3), scale=SCALE_LAST, relu=False)
    value = network.dense(graph.op("Flatten", graph.op("GlobalAveragePool", value)))
    graph.output(graph.op("LpNormalization", value, axis=1, p=2), name="embedding", shape=["N", EMBEDDING_SIZE])
    return graph.model(description="InceptionResnetV1 (facenet-pytorch), weights brought by the user")


class _Network:
    def __init__(self, weights: StateDict) -> None:
        self._weights = weights
        self.graph = Graph("facenet", input_name="pixels", input_shape=["N", 3, CHIP_SIDE, CHIP_SIDE])

    def chain(self, value: str, layers: Sequence[Layer]) -> str:
        for name, stride in layers:
            value = self._convolve(value, name, stride=stride)
        return value

    def residual(self, value: str, name: str, *, branches: Sequence[int], scale: float, relu: bool = True) -> str:
        """Branches side by side, brought back to the input's channels, scaled and added to it.

        `branches`: the number of convolutions in each.
        """
        parts = [self.chain(value, _layers(name, number, count, last=1)) for number, count in enumerate(branches)]
        mixed, bias = self._take(f"{name}.conv2d.weight"), self._take(f"{name}.conv2d.bias")
        constants = self.graph.constant(mixed * np.float32(scale)), self.graph.constant(bias * np.float32(scale))
        change = self.graph.op("Conv", self.graph.op("Concat", *parts, axis=1), *constants)
        total = self.graph.op("Add", change, value)
        return self.graph.op("Relu", total) if relu else total

    def reduction(self, value: str, name: str, *, branches: Sequence[int]) -> str:
        parts = [self.chain(value, _layers(name, number, count, last=2)) for number, count in enumerate(branches)]
        return self.graph.op("Concat", *parts, _halved(self.graph, value), axis=1)

    def dense(self, value: str) -> str:
        gain, shift = self._batch_norm("last_bn")
        matrix = self._take("last_linear.weight") * gain[:, None]
        product = self.graph.op("MatMul", value, self.graph.constant(matrix.T.astype(np.float32)))
        return self.graph.op("Add", product, self.graph.constant(shift.astype(np.float32)))

    def _convolve(self, value: str, name: str, *, stride: int) -> str:
        gain, shift = self._batch_norm(f"{name}.bn")
        weights = (self._take(f"{name}.conv.weight") * gain[:, None, None, None]).astype(np.float32)
        bias = shift.astype(np.float32)
        if name == "conv2d_1a":
            weights, bias = fold_normalization(weights, bias, mean=PIXEL_MEAN, scale=PIXEL_SCALE)
        constants = self.graph.constant(weights), self.graph.constant(bias)
        pads = _pads(name, weights.shape[2:], stride)
        return self.graph.op("Relu", self.graph.op("Conv", value, *constants, strides=[stride] * 2, pads=pads))

    def _batch_norm(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The gain and shift of each channel, float64 [channels]."""
        mean, variance, gain, shift = (
            self._take(f"{name}.{part}").astype(np.float64)
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        factor = gain / np.sqrt(variance + BATCH_NORM_EPSILON)
        return factor, shift - mean * factor

    def _take(self, name: str) -> Weights:
        if name not in self._weights:
            raise ArchiveError(f"these are not the weights of InceptionResnetV1: {name} is missing")
        return self._weights[name]


def _layers(block: str, branch: int, count: int, *, last: int) -> list[Layer]:
    """A branch's convolutions; a branch of one is not numbered. `last`: the stride of the last one."""
    names = [f"{block}.branch{branch}"] if count == 1 else [f"{block}.branch{branch}.{n}" for n in range(count)]
    return [(name, 1) for name in names[:-1]] + [(names[-1], last)]


def _pads(name: str, kernel: tuple[int, ...], stride: int) -> list[int]:
    # facenet-pytorch pads what must keep its size: not the strided ones, and in the stem only conv2d_2b
    if stride > 1 or (name.startswith("conv2d_") and name != "conv2d_2b"):
        return [0, 0, 0, 0]
    rows, columns = (side // 2 for side in kernel)
    return [rows, columns, rows, columns]


def _halved(graph: Graph, value: str) -> str:
    return graph.op("MaxPool", value, kernel_shape=[3, 3], strides=[2, 2])
