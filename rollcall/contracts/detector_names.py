"""The detectors that a user may choose from. It holds names and numbers only, so importing it loads no runtime."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

DetectorName = Literal["yunet", "mtcnn"]
DEFAULT_DETECTOR: DetectorName = "yunet"
SMALLEST_FACE = 12  # pixels, the shorter side: no smaller face can be asked for
YUNET_STRIDES = 8, 16, 32  # pixels from cell to cell, in the order of its outputs

DETECTOR_FILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "yunet": ("detector-yunet.onnx", "detector-onet.onnx"),
        "mtcnn": ("detector-pnet.onnx", "detector-rnet.onnx", "detector-onet.onnx"),
    }
)
"""In the model folder, in the order of use."""


def detector_files(name: str) -> tuple[str, ...]:
    """Errors: ValueError for a name that no detector has."""
    if name not in DETECTOR_FILES:
        raise ValueError(f"no detector is named {name!r}; there are {', '.join(DETECTOR_FILES)}")
    return DETECTOR_FILES[name]
