"""Running a network: the engine's parts take a session and never know which runtime is behind it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rollcall.engine.compiled import compiled


@contextmanager
def _as_if_not_installed(name: str) -> Iterator[None]:
    before = {name: sys.modules[name]} if name in sys.modules else {}
    sys.modules[name] = None  # type: ignore[assignment]  # says to an import that there is nothing
    try:
        yield
    finally:
        del sys.modules[name]
        sys.modules.update(before)


# its converter takes a third of its import, and brings a client for telemetry
with _as_if_not_installed("openvino.tools"):
    import openvino
    from openvino.preprocess import ColorFormat, PrePostProcessor

LAYERS_KEPT = 100  # prepared for a size: those of one or two sizes of a detector

Pictures = NDArray[np.uint8]
"""[N, H, W, 3], BGR."""
Outputs = list[NDArray[np.float32]]
"""The outputs of a network in their order."""
Colors = Literal["RGB", "BGR"]


class InferenceSession(Protocol):
    """A network over batches of equally sized pictures."""

    def run(self, pictures: Pictures) -> Outputs: ...


def runtime() -> openvino.Core:
    """The compiler of networks. One for all sessions of a process saves loading OpenVINO's plugin again."""
    return openvino.Core()


class OpenVinoSession:
    """An ONNX file on the CPU through OpenVINO; one call at a time.

    `threads`: CPU threads. `colors`: the order that the network takes. Layout, order of colors and type are changed
    inside the compiled graph, where it costs less than in NumPy. Sizes that the file leaves free stay free: a new size
    costs a few milliseconds once. `any_size`: pictures come in so many sizes that little is kept of former ones, since
    memory grows with each.
    """

    def __init__(
        self, core: openvino.Core, path: Path, *, threads: int, colors: Colors = "RGB", any_size: bool = False
    ) -> None:
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads,
            # by default it binds its threads to the first processors, in every process to the same ones
            "ENABLE_CPU_PINNING": False,
            # by default it takes half precision where the processor has it, and faces would depend on the machine
            "INFERENCE_PRECISION_HINT": "f32",
            # by default it rounds the input of weights of eight bits, more on some processors than on others
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
        }
        if any_size:
            settings["CPU_RUNTIME_CACHE_CAPACITY"] = LAYERS_KEPT
        network = compiled(
            core, path, form=colors, settings=settings, network=lambda: _taking_pictures(core.read_model(path), colors)
        )
        self._request = network.create_infer_request()

    def run(self, pictures: Pictures) -> Outputs:
        # given as a tensor: OpenVINO's check of other kinds of input takes half as long as a small network
        given = np.ascontiguousarray(pictures)  # no copy is made of it, so it has to outlive the call
        self._request.set_input_tensor(openvino.Tensor(given, shared_memory=True))
        # in this very thread: to wake another one takes a good part of what a small network takes
        return list(self._request.infer().values())


def _taking_pictures(network: openvino.Model, colors: Colors) -> openvino.Model:
    steps = PrePostProcessor(network)
    pictures = steps.input()
    pictures.tensor().set_element_type(openvino.Type.u8)
    pictures.tensor().set_layout(openvino.Layout("NHWC")).set_color_format(ColorFormat.BGR)
    pictures.model().set_layout(openvino.Layout("NCHW"))
    pictures.preprocess().convert_color(getattr(ColorFormat, colors)).convert_element_type(openvino.Type.f32)
    return steps.build()
