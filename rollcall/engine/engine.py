"""Pictures in, faces out: detection, alignment, embedding and quality in one call."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.detector_names import DEFAULT_DETECTOR, SMALLEST_FACE, detector_files
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER, EmbedderKind, Network, embedder_kind
from rollcall.engine.alignment import CHIP_SIDE, chip_transforms
from rollcall.engine.covering import CoveringSettings
from rollcall.engine.crops import crops
from rollcall.engine.detection.detector import Detections, Detector
from rollcall.engine.detection.load_detector import load_detector
from rollcall.engine.detection.nms import Corners
from rollcall.engine.detection.second_look import SecondLook, View
from rollcall.engine.embedder import Embedder
from rollcall.engine.engine_settings import load_settings
from rollcall.engine.exposure import Exposed, ExposureSettings, brightened
from rollcall.engine.face import Face, Image, ModelIdentity
from rollcall.engine.face_embedder import FaceEmbedder
from rollcall.engine.pyramid import Octaves
from rollcall.engine.quality import QualitySettings, assess
from rollcall.engine.sessions import Colors, OpenVinoSession, runtime
from rollcall.engine.variations import Varied
from rollcall.weights.folder import read_manifest, require_embedder

LANDMARKS_FILE = "detector-onet.onnx"

LARGEST_SIDE = 32_000  # pixels: OpenCV addresses pixels with 16 bits when it samples
_AXES, _COLORS = 3, 3


Watch = Callable[[str], AbstractContextManager[None]]
"""A context that is entered for each part of the work, by its name: detect, embed."""


def unwatched(_: str) -> AbstractContextManager[None]:
    return nullcontext()


class Engine(Protocol):
    @property
    def identity(self) -> ModelIdentity: ...

    def analyze(
        self,
        images: Sequence[Image],
        *,
        min_face: int | None = None,
        enrolling: bool = False,
        watch: Watch = unwatched,
    ) -> list[list[Face]]:
        """For each image its faces, largest first. An image gives the same faces alone and among others.

        `min_face`: pixels, the shorter side of the smallest face to find in this call; None: as the engine was made.
        `enrolling`: the faces are to be enrolled. Then an embedding takes six times as long, and tells people apart
        better.
        """
        ...


class FaceEngine:
    """The parts put together. One call at a time: the sessions behind the parts are not shared between threads."""

    def __init__(
        self,
        *,
        identity: ModelIdentity,
        exposure: ExposureSettings,
        detector: Detector,
        second_look: SecondLook,
        embedder: FaceEmbedder,
        quality: QualitySettings,
        covering: CoveringSettings,
        min_face: int,
        faces_at_once: int,
    ) -> None:
        self._identity = identity
        self._exposure = exposure
        self.detector = detector
        self._second_look = second_look
        self.embedder = embedder
        self._quality = quality
        self._covering = covering
        self._min_face = checked_min_face(min_face)
        self._faces_at_once = faces_at_once

    @property
    def identity(self) -> ModelIdentity:
        return self._identity

    def analyze(
        self,
        images: Sequence[Image],
        *,
        min_face: int | None = None,
        enrolling: bool = False,
        watch: Watch = unwatched,
    ) -> list[list[Face]]:
        """`images`: [H, W, 3] uint8 BGR each, sizes may differ. Errors: ValueError for any other array or `min_face`.

        The images are searched one by one. Candidates and faces of all images go through the rest together, in portions
        that bound the memory. If an image has more faces than `most_faces` (settings.json), the least sure ones are
        left out.
        """
        if not images:
            return []
        smallest = self._min_face if min_face is None else checked_min_face(min_face)
        exposed = [brightened(checked(image), self._exposure) for image in images]
        with watch("detect"):
            views = self._detect([Octaves(each.picture) for each in exposed], smallest)
        asked: Varied = "unsure" if self.detector.thorough(smallest) else "none"
        variations = "all" if enrolling else asked
        portions = [
            self._read(exposed, portion, watch, variations) for portion in _portions(views, self._faces_at_once)
        ]
        return [list(chain.from_iterable(faces)) for faces in zip(*portions, strict=True)]

    def _read(
        self, exposed: Sequence[Exposed], views: Sequence[View], watch: Watch, variations: Varied
    ) -> list[list[Face]]:
        found = [view.found for view in views]
        with watch("embed"):
            chips = [
                crops(view.picture, chip_transforms(view.found.landmarks), side=CHIP_SIDE, fill=0) for view in views
            ]
            embeddings = _split(self.embedder.embed(views, chips, variations=variations), found)
        parts = zip(exposed, found, chips, embeddings, strict=True)
        return [self._faces(*part) for part in parts]

    def _detect(self, pictures: Sequence[Octaves], min_face: int) -> list[View]:
        found = self.detector.detect_each(pictures, min_face=min_face)
        views = [View(*pair) for pair in zip(pictures, found, strict=True)]
        if not self.detector.thorough(min_face):
            return [_visible(view) for view in views]
        return [_visible(self._second_look.view(view.picture, view.found, min_face=min_face)) for view in views]

    def _faces(
        self,
        exposed: Exposed,
        found: Detections,
        chips: NDArray[np.uint8],
        embeddings: NDArray[np.float32],
    ) -> list[Face]:
        corners = clipped(found.corners, exposed.picture)
        parts = zip(corners, found.confidence, found.landmarks, chips, embeddings, strict=True)
        return [self._face(*part, gain=exposed.gain) for part in parts]

    def _face(
        self,
        corners: NDArray[np.float32],
        confidence: np.float32,
        landmarks: NDArray[np.float32],
        chip: NDArray[np.uint8],
        embedding: NDArray[np.float32],
        *,
        gain: float,
    ) -> Face:
        left, top, right, bottom = (float(edge) for edge in corners)
        box = (left, top, right - left, bottom - top)
        quality = assess(
            chip,
            landmarks,
            size=min(box[2:]),
            confidence=float(confidence),
            gain=gain,
            settings=self._quality,
            covering=self._covering,
        )
        return Face(box, float(confidence), landmarks, embedding, quality)


def _visible(view: View) -> View:
    """The detections with the faces of which something is in the picture, largest first."""
    inside = clipped(view.found.corners, view.picture[0])
    sides = inside[:, 2:] - inside[:, :2]
    order = np.argsort(-sides.prod(axis=1), kind="stable")
    order = order[sides[order].min(axis=1) >= 1]
    return View(view.picture, view.found.chosen(order))


def _portions(views: Sequence[View], most: int) -> Iterator[list[View]]:
    """The pictures with at most `most` of their faces in each portion; at least one portion."""
    begins = np.cumsum([0, *(len(view.found.corners) for view in views)]).tolist()
    for start in range(0, max(begins[-1], 1), most):
        rows = [slice(max(start - begin, 0), max(start - begin + most, 0)) for begin in begins[:-1]]
        yield [View(view.picture, view.found.chosen(part)) for view, part in zip(views, rows, strict=True)]


def _split(rows: NDArray[np.float32], found: Sequence[Detections]) -> list[NDArray[np.float32]]:
    """One part for each image, a row for each of its faces."""
    return np.split(rows, np.cumsum([len(detections.corners) for detections in found])[:-1])


def clipped(corners: Corners, image: Image) -> Corners:
    height, width = image.shape[:2]
    return np.clip(corners, 0, np.array([width, height, width, height], dtype=np.float32))


def checked(image: Image) -> Image:
    """The image as the parts need it, contiguous. Errors: ValueError that says what is wrong with it."""
    if not isinstance(image, np.ndarray):  # cv2.imread gives None for a file that it cannot read
        raise ValueError(f"an image must be an array [height, width, 3] uint8, BGR; this is {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != _AXES or image.shape[2] != _COLORS or image.size == 0:
        raise ValueError(f"an image must be [height, width, 3] uint8, BGR; this is {list(image.shape)} {image.dtype}")
    height, width = image.shape[:2]
    if max(height, width) > LARGEST_SIDE:
        raise ValueError(f"an image may have {LARGEST_SIDE} pixels a side; this one is {width} x {height}")
    return np.ascontiguousarray(image)


def checked_min_face(min_face: int) -> int:
    """Errors: ValueError for a face smaller than any detector finds."""
    if min_face < SMALLEST_FACE:
        raise ValueError(f"min_face is {min_face} pixels; the detector sees faces of {SMALLEST_FACE} and more")
    return min_face


def load_engine(
    model_dir: Path,
    embedder: str = DEFAULT_EMBEDDER,
    *,
    detector: str = DEFAULT_DETECTOR,
    min_face: int = 20,
    threads: int = 2,
) -> Engine:
    """The engine from the files that `rollcall.weights` makes.

    `embedder`, `detector`: names of `embedder_kinds` and `detector_names`; `min_face`: pixels, the shorter side of the
    smallest face to find; `threads`: CPU threads for networks and OpenCV (of the whole process). Errors: ValueError
    for a setting out of range, `ModelBuildError` for a folder without files, or without this embedder's.
    """
    kind = embedder_kind(embedder)
    detector_files(detector)
    checked_min_face(min_face)  # before the files are read
    if threads < 1:
        raise ValueError(f"threads is {threads}; the engine needs at least 1")
    identity = model_identity(read_manifest(model_dir), kind, detector)
    settings = load_settings()
    cv2.setNumThreads(threads)
    core = runtime()

    def open_session(file: str, colors: Colors = "RGB", share: float = 1, *, any_size: bool = False) -> OpenVinoSession:
        processors = max(1, int(share * threads))
        return OpenVinoSession(core, model_dir / file, threads=processors, colors=colors, any_size=any_size)

    def open_embedder(network: Network) -> Embedder:
        share = 1 if network == kind.networks[-1] else 0.5  # the last one is the dearest
        return Embedder(network, open_session(network.file, share=share), batch=settings.embedder_batch)

    # side by side: to compile the networks is most of a cold start, and each one keeps a single processor busy
    with ThreadPoolExecutor(max_workers=1 + len(kind.networks)) as pool:
        finding = pool.submit(load_detector, detector, open_session, settings, threads=threads)
        embedders = list(pool.map(open_embedder, kind.networks))
        finder = finding.result()
    return FaceEngine(
        identity=identity,
        exposure=settings.exposure,
        detector=finder,
        second_look=SecondLook(finder, settings.second_look, settings.levels),
        embedder=FaceEmbedder(
            embedders,
            denoising=settings.denoising,
            variations=settings.variations,
            side_by_side=threads > 1 and len(embedders) > 1,
        ),
        quality=settings.quality,
        covering=settings.covering,
        min_face=min_face,
        faces_at_once=settings.faces_at_once,
    )


def model_identity(manifest: Mapping[str, Any], kind: EmbedderKind, detector: str = DEFAULT_DETECTOR) -> ModelIdentity:
    """What the manifest of a model folder says (`rollcall.weights`). Errors: `FolderError` where it lacks a file."""
    require_embedder(manifest, kind)
    digests = {name: str(entry["sha256"]) for name, entry in manifest["files"].items()}
    return ModelIdentity(
        detector=_version(detector, _digest_of(digests, detector_files(detector))),
        landmarks=_version("mtcnn-onet", digests[LANDMARKS_FILE]),
        embedder=_version(kind.name, _digest_of(digests, kind.files)),
        embedder_name=kind.name,
        dimension=kind.dimension,
    )


def _digest_of(digests: Mapping[str, str], files: Sequence[str]) -> str:
    """The digest of a single file, or the digest of all digests."""
    if len(files) == 1:
        return digests[files[0]]
    return sha256("".join(digests[name] for name in files).encode()).hexdigest()


def _version(name: str, digest: str) -> str:
    return f"{name}@{digest[:8]}"
