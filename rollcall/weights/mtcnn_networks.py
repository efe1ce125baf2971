"""MTCNN's three networks as ONNX, from the weights that facenet-pytorch ships.

Source: Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks" (2016);
layers as in facenet-pytorch 2.6.0, models/mtcnn.py.

Input of each: `pixels` [N, 3, H, W] float32, RGB, 0..255; P-Net takes any H and W from 12 on, R-Net 24 x 24,
O-Net 48 x 48.
Outputs: `probability` [N, 1(, H', W')] of a face, 0..1; `regression` [N, 4(, H', W')], offsets of left, top, right and
bottom in units of the window's side; O-Net also `landmarks` [N, 10], five x then five y, 0..1 within the window.
Their order: left eye, right eye, nose, left and right corner of the mouth, left and right as seen in the image.
P-Net's H' = ceil((H - 2) / 2) - 4, likewise W'; its windows are 12 x 12 pixels, 2 apart.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from rollcall.weights.graph import Graph, Weights, fold_normalization

StateDict = Mapping[str, NDArray[Any]]

# facenet-pytorch's fixed_image_standardization: (pixel - 127.5) / 128
PIXEL_MEAN = (127.5, 127.5, 127.5)
PIXEL_SCALE = 1 / 128


def pnet(tensors: StateDict) -> onnx.ModelProto:
    graph = Graph("mtcnn_pnet", input_name="pixels", input_shape=["N", 3, "H", "W"])
    features = _first_convolution(graph, tensors, slope="prelu1")
    features = _pool(graph, features, kernel=2)
    features = _convolution(graph, tensors, features, layer="conv2", slope="prelu2")
    features = _convolution(graph, tensors, features, layer="conv3", slope="prelu3")
    weights, bias = _face_logit(tensors, "conv4_1")
    probability = graph.op("Sigmoid", graph.op("Conv", features, graph.constant(weights), graph.constant(bias)))
    graph.output(probability, name="probability", shape=["N", 1, "H_out", "W_out"])
    regression = graph.op("Conv", features, *_parameters(graph, tensors, "conv4_2"))
    graph.output(regression, name="regression", shape=["N", 4, "H_out", "W_out"])
    return graph.model(description="MTCNN P-Net (facenet-pytorch, MIT)")


def rnet(tensors: StateDict) -> onnx.ModelProto:
    graph = Graph("mtcnn_rnet", input_name="pixels", input_shape=["N", 3, 24, 24])
    features = _first_convolution(graph, tensors, slope="prelu1")
    features = _pool(graph, features, kernel=3)
    features = _convolution(graph, tensors, features, layer="conv2", slope="prelu2")
    features = _pool(graph, features, kernel=3)
    features = _convolution(graph, tensors, features, layer="conv3", slope="prelu3")
    features = _flatten_and_dense(graph, tensors, features, layer="dense4", slope="prelu4", side=3)
    _face_outputs(graph, tensors, features, probability="dense5_1", regression="dense5_2")
    return graph.model(description="MTCNN R-Net (facenet-pytorch, MIT)")


def onet(tensors: StateDict) -> onnx.ModelProto:
    graph = Graph("mtcnn_onet", input_name="pixels", input_shape=["N", 3, 48, 48])
    features = _first_convolution(graph, tensors, slope="prelu1")
    features = _pool(graph, features, kernel=3)
    features = _convolution(graph, tensors, features, layer="conv2", slope="prelu2")
    features = _pool(graph, features, kernel=3)
    features = _convolution(graph, tensors, features, layer="conv3", slope="prelu3")
    features = _pool(graph, features, kernel=2)
    features = _convolution(graph, tensors, features, layer="conv4", slope="prelu4")
    features = _flatten_and_dense(graph, tensors, features, layer="dense5", slope="prelu5", side=3)
    _face_outputs(graph, tensors, features, probability="dense6_1", regression="dense6_2")
    landmarks = graph.op("Gemm", features, *_parameters(graph, tensors, "dense6_3"), transB=1)
    graph.output(landmarks, name="landmarks", shape=["N", 10])
    return graph.model(description="MTCNN O-Net (facenet-pytorch, MIT)")


def _first_convolution(graph: Graph, tensors: StateDict, *, slope: str) -> str:
    weights, bias = fold_normalization(
        tensors["conv1.weight"], tensors["conv1.bias"], mean=PIXEL_MEAN, scale=PIXEL_SCALE
    )
    features = graph.op("Conv", "pixels", graph.constant(weights), graph.constant(bias))
    return graph.op("PRelu", features, graph.constant(tensors[f"{slope}.weight"][:, None, None]))


def _convolution(graph: Graph, tensors: StateDict, features: str, *, layer: str, slope: str) -> str:
    features = graph.op("Conv", features, *_parameters(graph, tensors, layer))
    return graph.op("PRelu", features, graph.constant(tensors[f"{slope}.weight"][:, None, None]))


def _pool(graph: Graph, features: str, *, kernel: int) -> str:
    return graph.op("MaxPool", features, kernel_shape=[kernel, kernel], strides=[2, 2], ceil_mode=1)


def _flatten_and_dense(graph: Graph, tensors: StateDict, features: str, *, layer: str, slope: str, side: int) -> str:
    weights = tensors[f"{layer}.weight"]
    # the original flattens [W, H, C]; reordering the weights instead saves a transpose per face
    weights = weights.reshape(len(weights), side, side, -1).transpose(0, 3, 2, 1).reshape(len(weights), -1)
    bias = graph.constant(tensors[f"{layer}.bias"])
    features = graph.op("Gemm", graph.op("Flatten", features), graph.constant(weights), bias, transB=1)
    return graph.op("PRelu", features, graph.constant(tensors[f"{slope}.weight"]))


def _face_outputs(graph: Graph, tensors: StateDict, features: str, *, probability: str, regression: str) -> None:
    weights, bias = _face_logit(tensors, probability)
    logit = graph.op("Gemm", features, graph.constant(weights), graph.constant(bias), transB=1)
    graph.output(graph.op("Sigmoid", logit), name="probability", shape=["N", 1])
    offsets = graph.op("Gemm", features, *_parameters(graph, tensors, regression), transB=1)
    graph.output(offsets, name="regression", shape=["N", 4])


def _face_logit(tensors: StateDict, layer: str) -> tuple[Weights, Weights]:
    # softmax over two classes is the sigmoid of their difference: one channel in place of two
    weights = tensors[f"{layer}.weight"].astype(np.float64)
    bias = tensors[f"{layer}.bias"].astype(np.float64)
    return np.diff(weights, axis=0).astype(np.float32), np.diff(bias).astype(np.float32)


def _parameters(graph: Graph, tensors: StateDict, layer: str) -> tuple[str, str]:
    return graph.constant(tensors[f"{layer}.weight"]), graph.constant(tensors[f"{layer}.bias"])
