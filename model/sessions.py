"""Running a network: the engine's parts take a session and never know which runtime is behind it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino.preprocess import ColorFormat, PrePostProcessor

Pictures = NDArray[np.uint8]
"""[N, H, W, 3], BGR."""
Outputs = list[NDArray[np.float32]]
"""The outputs of a network in their order."""


class InferenceSession(Protocol):
    """A network over batches of equally sized pictures."""

    @property
    def streams(self) -> int:
        """How many batches are worked on at a time: work that can be cut is best cut into so many equal parts."""
        ...

    def run(self, batches: Sequence[Pictures]) -> list[Outputs]:
        """What the network says about each batch, in order; batches may differ in size."""
        ...


class OpenVinoSession:
    """An ONNX file on the CPU through OpenVINO; one call at a time.

    `threads`: CPU threads in all, shared out evenly to the `streams`. The layout, the order of the colours and the type
    are changed inside the compiled graph, where it costs less than in NumPy. Sizes that the file leaves free stay free:
    a new size costs a few milliseconds once.
    """

    def __init__(self, core: openvino.Core, path: Path, *, threads: int, streams: int = 1) -> None:
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": threads,
            # left alone it takes half precision where the processor has it, and faces would depend on the machine
            "INFERENCE_PRECISION_HINT": "f32",
        }
        compiled = core.compile_model(_taking_pictures(core.read_model(path)), "CPU", settings)
        self._requests = [compiled.create_infer_request() for _ in range(streams)]
        self._outputs = len(compiled.outputs)

    @property
    def streams(self) -> int:
        return len(self._requests)

    def run(self, batches: Sequence[Pictures]) -> list[Outputs]:
        groups = [batches[start : start + self.streams] for start in range(0, len(batches), self.streams)]
        return [outputs for group in groups for outputs in self._run_together(group)]

    def _run_together(self, batches: Sequence[Pictures]) -> list[Outputs]:
        running = list(zip(self._requests, batches, strict=False))
        for request, pictures in running:
            request.start_async([pictures], share_inputs=True)
        for request, _ in running:
            request.wait()
        return [self._copied(request) for request, _ in running]

    def _copied(self, request: openvino.InferRequest) -> Outputs:
        # the request's own memory is overwritten by its next run
        return [request.get_output_tensor(index).data.copy() for index in range(self._outputs)]


def _taking_pictures(network: openvino.Model) -> openvino.Model:
    steps = PrePostProcessor(network)
    pictures = steps.input()
    pictures.tensor().set_element_type(openvino.Type.u8)
    pictures.tensor().set_layout(openvino.Layout("NHWC")).set_color_format(ColorFormat.BGR)
    pictures.model().set_layout(openvino.Layout("NCHW"))
    pictures.preprocess().convert_color(ColorFormat.RGB).convert_element_type(openvino.Type.f32)
    return steps.build()
