"""Running a network: the engine's parts take a session and never know which runtime is behind it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino.preprocess import ColorFormat, PrePostProcessor

from model.faces import Image

Output = NDArray[np.float32]


class InferenceSession(Protocol):
    """A network over a batch of equally sized pictures."""

    def run(self, pictures: NDArray[np.uint8]) -> Sequence[Output]:
        """`pictures`: [N, H, W, 3] uint8, BGR. The network's outputs in their order; valid until the next call."""
        ...


class OpenVinoSession:
    """An ONNX file on the CPU through OpenVINO; one request, so one call at a time.

    The layout, the order of the colours and the type are changed inside the compiled graph, where it costs
    less than in NumPy. Sizes that the file leaves free stay free: a new size costs a few milliseconds once.
    """

    def __init__(self, core: openvino.Core, path: Path, *, threads: int) -> None:
        settings = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads}
        compiled = core.compile_model(_taking_pictures(core.read_model(path)), "CPU", settings)
        self._request = compiled.create_infer_request()
        self._outputs = len(compiled.outputs)

    def run(self, pictures: Image) -> Sequence[Output]:
        results = self._request.infer([pictures], share_inputs=True, share_outputs=True)
        return [results[index] for index in range(self._outputs)]


def _taking_pictures(network: openvino.Model) -> openvino.Model:
    steps = PrePostProcessor(network)
    pictures = steps.input()
    pictures.tensor().set_element_type(openvino.Type.u8)
    pictures.tensor().set_layout(openvino.Layout("NHWC")).set_color_format(ColorFormat.BGR)
    pictures.model().set_layout(openvino.Layout("NCHW"))
    pictures.preprocess().convert_color(ColorFormat.RGB).convert_element_type(openvino.Type.f32)
    return steps.build()
