"""A detector from its model files, by its name."""

from collections.abc import Callable

from rollcall.contracts.detector_names import detector_files
from rollcall.engine.detection.detector import Detector
from rollcall.engine.detection.mtcnn import Mtcnn
from rollcall.engine.detection.yunet_detector import YunetDetector
from rollcall.engine.engine_settings import EngineSettings
from rollcall.engine.sessions import Colors, InferenceSession

OpenSession = Callable[[str, Colors], InferenceSession]
"""Opens a session, given the name of a file in the model folder and the order of colors that its network takes."""


def load_detector(name: str, open_session: OpenSession, settings: EngineSettings) -> Detector:
    """`name`: one of `rollcall.contracts.detector_names`. Errors: ValueError for another."""
    first, *others = detector_files(name)
    sessions = [open_session(file, "RGB") for file in others]
    if name == "yunet":
        return YunetDetector(open_session(first, "BGR"), *sessions, settings=settings.yunet)
    return Mtcnn(open_session(first, "RGB"), *sessions, settings=settings.mtcnn)
