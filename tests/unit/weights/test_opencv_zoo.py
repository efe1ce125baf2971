import numpy as np
import openvino
import pytest

from rollcall.weights.build_errors import SourceError
from rollcall.weights.graph import Graph
from rollcall.weights.opencv_zoo import dequantized, with_folded_normalization
from rollcall.weights.sources import SFACE, read_archives


def test_each_block_has_its_own_scale_and_zero_and_the_last_one_may_be_short():
    values = np.array([[10, 20, 30, 40, 50]], dtype=np.int8)
    scales = np.array([[1.0, 0.5, 2.0]], dtype=np.float32)
    zeros = np.array([[0, 10, -1]], dtype=np.int8)

    restored = dequantized(values, scales, zeros, axis=1, block=2)

    assert restored.dtype == np.float32
    assert restored.tolist() == [[10.0, 20.0, 10.0, 15.0, 102.0]]


def test_a_file_that_its_origin_does_not_publish_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("rollcall.weights.sources.PACKAGES", (SFACE.package,))
    monkeypatch.setattr("rollcall.weights.sources.read_members", lambda *_, **__: {SFACE.member: b"another network"})

    with pytest.raises(SourceError, match=f"{SFACE.file} is not the file"):
        read_archives(tmp_path)


def test_a_normalization_becomes_part_of_the_convolution_before_it():
    random = np.random.default_rng(0)
    graph = Graph("small", input_name="pixels", input_shape=["N", 3, 6, 6])
    value = graph.op("Conv", "pixels", graph.constant(random.normal(size=(4, 3, 3, 3)).astype(np.float32)))
    numbers = [random.uniform(0.5, 2, 4).astype(np.float32) for _ in range(4)]
    value = graph.op("BatchNormalization", value, *map(graph.constant, numbers), epsilon=1e-3)
    graph.output(graph.op("Relu", value), name="result", shape=["N", 4, 4, 4])
    network = graph.model(description="for a test")
    pixels = random.normal(size=(1, 3, 6, 6)).astype(np.float32)

    folded = with_folded_normalization(network)

    assert [node.op_type for node in folded.graph.node] == ["Conv", "Relu", "Identity"]
    before, after = (
        openvino.Core().compile_model(openvino.Core().read_model(one.SerializeToString()), "CPU")(pixels)[0]
        for one in (network, folded)
    )
    assert after == pytest.approx(before, abs=1e-4)
