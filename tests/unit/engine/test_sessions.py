import subprocess
import sys

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from rollcall.engine.sessions import OpenVinoSession


class Core(openvino.Core):  # type: ignore[misc]
    """Keeps what it compiled, to be asked how it runs."""

    def compile_model(self, *arguments):
        self.compiled = super().compile_model(*arguments)
        return self.compiled


@pytest.fixture
def network(tmp_path):
    """The sums of each picture's colors [N, 3], red first, and of all of them [N, 1]."""
    pictures = ops.parameter([-1, 3, -1, -1], np.float32)
    colors = ops.reduce_sum(pictures, ops.constant([2, 3]), keep_dims=False)
    whole = ops.reduce_sum(colors, ops.constant([1]), keep_dims=True)
    path = tmp_path / "network.xml"
    openvino.save_model(openvino.Model([colors, whole], [pictures]), path, compress_to_fp16=False)
    return path


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 255, (2, 4, 6, 3), dtype=np.uint8)


def sums(pictures):
    return pictures.sum(axis=(1, 2))[:, ::-1]


def test_outputs_come_in_the_networks_order_and_colors_reversed(network, pictures):
    colors, whole = OpenVinoSession(openvino.Core(), network, threads=1).run(pictures)

    assert (colors == sums(pictures)).all()
    assert (whole[:, 0] == sums(pictures).sum(axis=1)).all()


def test_outputs_outlive_the_next_run(network, pictures):
    session = OpenVinoSession(openvino.Core(), network, threads=1)

    first, _ = session.run(pictures)
    session.run(np.zeros_like(pictures))

    assert (first == sums(pictures)).all()


def test_pictures_may_be_views_of_others_and_of_any_size(network, pictures):
    session = OpenVinoSession(openvino.Core(), network, threads=1)

    for view in (pictures[:, :, ::-1], pictures[:1, ::2], pictures[:, 1:3, 2:5]):
        assert (session.run(view)[0] == sums(view)).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_bound_to_no_processor(network, threads):
    core = Core()

    OpenVinoSession(core, network, threads=threads)

    assert core.compiled.get_property("ENABLE_CPU_PINNING") is False


def test_nothing_that_sends_telemetry_is_loaded_and_the_converter_is_there_for_others():
    asked = "import sys, rollcall.engine.engine; print('openvino_telemetry' in sys.modules); import openvino.tools.ovc"

    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "False"
