"""A detector from its model files, by its name."""

from collections.abc import Callable

from model.detector import Detector
from model.detectors import detector_files
from model.mtcnn import Mtcnn
from model.sessions import Colors, InferenceSession
from model.settings import EngineSettings
from model.yunet_detector import YunetDetector

OpenSession = Callable[[str, Colors], InferenceSession]
"""From the name of a file in the model folder and the order of colors that its network takes."""


def load_detector(name: str, open_session: OpenSession, settings: EngineSettings) -> Detector:
    """`name`: one of `model.detectors`. Errors: ValueError for another."""
    first, *others = detector_files(name)
    sessions = [open_session(file, "RGB") for file in others]
    if name == "yunet":
        return YunetDetector(open_session(first, "BGR"), *sessions, settings=settings.yunet)
    return Mtcnn(open_session(first, "RGB"), *sessions, settings=settings.mtcnn)
