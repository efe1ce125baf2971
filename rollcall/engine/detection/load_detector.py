"""A detector from its model files, by its name."""

from typing import Protocol

from rollcall.contracts.detector_names import detector_files
from rollcall.engine.detection.detector import Detector
from rollcall.engine.detection.mtcnn import Mtcnn
from rollcall.engine.detection.yunet_detector import YunetDetector
from rollcall.engine.engine_settings import EngineSettings
from rollcall.engine.sessions import Colors, InferenceSession

MOST_SIDE_BY_SIDE = 4  # pictures; each holds a YuNet of its own, and the engine gets few pictures at once


class OpenSession(Protocol):
    def __call__(self, file: str, colors: Colors, share: float = 1, *, any_size: bool = False) -> InferenceSession:
        """`file`: in the model folder. `colors`: the order that its network takes. `share`: of the threads, 0..1.

        `any_size`: as of `OpenVinoSession`.
        """
        ...


def load_detector(name: str, open_session: OpenSession, settings: EngineSettings, *, threads: int = 1) -> Detector:
    """`name`: one of `rollcall.contracts.detector_names`. Errors: ValueError for another. `threads`: that several
    pictures may keep busy.
    """
    first, *others = detector_files(name)
    sessions = [open_session(file, "RGB") for file in others]
    if name == "yunet":
        count = min(threads, MOST_SIDE_BY_SIDE) if threads > 1 else 0
        side_by_side = [open_session(first, "BGR", 1 / threads, any_size=True) for _ in range(count)]
        yunet = open_session(first, "BGR", any_size=True)
        return YunetDetector(yunet, *sessions, settings=settings.yunet, side_by_side=side_by_side)
    return Mtcnn(open_session(first, "RGB", any_size=True), *sessions, settings=settings.mtcnn)
