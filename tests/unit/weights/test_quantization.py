"""A small network with random weights in whole numbers of eight bits, run by the product's runtime."""

import numpy as np
import onnx
import openvino
import pytest

from rollcall.weights.graph import Graph
from rollcall.weights.quantization import MOST_VALUE, quantized, whole_weights

SIDE = 12


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.fixture
def network(random):
    """Three convolutions, the second with a way around it, as in a residual block."""
    graph = Graph("small", input_name="pixels", input_shape=["N", 4, SIDE, SIDE])

    def convolved(value, inputs, outputs):
        weights = random.normal(0, (9 * inputs) ** -0.5, (outputs, inputs, 3, 3)).astype(np.float32)
        bias = random.normal(0, 0.1, outputs).astype(np.float32)
        return graph.op("Conv", value, graph.constant(weights), graph.constant(bias), pads=[1, 1, 1, 1])

    first = graph.op("Relu", convolved("pixels", 4, 8))
    second = graph.op("Relu", graph.op("Add", convolved(first, 8, 8), first))
    graph.output(convolved(second, 8, 2), name="result", shape=["N", 2, SIDE, SIDE])
    return graph.model(description="for a test")


def relus(network):
    return [node.output[0] for node in network.graph.node if node.op_type == "Relu"]


def run(network, pixels):
    compiled = openvino.Core().compile_model(
        openvino.Core().read_model(network.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return compiled(pixels)[0]


def test_whole_numbers_say_nearly_the_same(network, random):
    pixels = random.normal(0, 1, (2, 4, SIDE, SIDE)).astype(np.float32)
    expected = run(network, pixels)

    answer = run(quantized(network, dict.fromkeys(relus(network), (0.0, 5.0))), pixels)

    assert 0 < np.abs(answer - expected).max() < 0.05 * np.abs(expected).max()


def test_the_weights_are_kept_as_whole_numbers(network):
    whole = quantized(network, dict.fromkeys(relus(network), (0.0, 5.0)))

    types = [tensor.data_type for tensor in whole.graph.initializer if len(tensor.dims) == 4]
    assert sorted(types) == [onnx.TensorProto.FLOAT, onnx.TensorProto.INT8, onnx.TensorProto.INT8]


def test_what_is_not_named_stays_as_it_is(network, random):
    pixels = random.normal(0, 1, (1, 4, SIDE, SIDE)).astype(np.float32)

    np.testing.assert_array_equal(run(quantized(network, {}), pixels), run(network, pixels))


def test_values_beyond_the_largest_are_cut_off(network, random):
    pixels = random.normal(0, 1, (1, 4, SIDE, SIDE)).astype(np.float32)
    (last,) = relus(network)[1:]

    answers = [run(quantized(network, {last: (0.0, largest)}), pixels) for largest in (50.0, 0.01)]

    wide, narrow = (np.ptp(answer, axis=(0, 2, 3)) for answer in answers)
    assert (wide > 1).all()
    assert (narrow < 0.1).all()  # all that the last convolution sees is 0 to 0.01


def test_a_value_that_may_be_negative_is_refused(network):
    with pytest.raises(ValueError, match="no ReLU conv_0"):
        quantized(network, {"conv_0": (0.0, 1.0)})


def test_products_of_two_neighbors_fit_into_16_bits(random):
    weights = np.concatenate([random.normal(0, 1, (8, 6, 3, 3)), np.ones((1, 6, 3, 3)), np.zeros((1, 6, 3, 3))])

    whole, steps = whole_weights(weights.astype(np.float32))

    pairs = whole.astype(np.int64).reshape(10, 3, 2, 3, 3).sum(axis=2)
    assert np.abs(pairs).max() * MOST_VALUE <= np.iinfo(np.int16).max
    assert np.abs(whole).max(axis=(1, 2, 3))[:-1].min() >= 60  # and the steps are no coarser for it than need be
    np.testing.assert_allclose(whole * steps[:, None, None, None], weights, atol=steps.max() / 2)


def test_values_below_zero_are_kept_where_the_range_holds_them(random):
    graph = Graph("small", input_name="pixels", input_shape=["N", 4, SIDE, SIDE])
    slope = graph.constant(np.full((4, 1, 1), 0.5, dtype=np.float32))
    weights, bias = random.normal(0, 0.3, (2, 4, 3, 3)).astype(np.float32), np.zeros(2, dtype=np.float32)
    value = graph.op("PRelu", "pixels", slope)
    graph.output(
        graph.op("Conv", value, graph.constant(weights), graph.constant(bias)), name="result", shape=["N", 2, 10, 10]
    )
    network = graph.model(description="for a test")
    pixels = random.normal(0, 1, (2, 4, SIDE, SIDE)).astype(np.float32)
    expected = run(network, pixels)

    both, above = (run(quantized(network, {value: (least, 4.0)}), pixels) for least in (-2.0, 0.0))

    assert np.abs(both - expected).max() < 0.05 * np.abs(expected).max()
    assert np.abs(above - expected).max() > 0.2 * np.abs(expected).max()
