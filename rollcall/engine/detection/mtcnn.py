"""MTCNN: a cascade of three small networks over a pyramid of the picture.

Source: Zhang, Zhang, Li, Qiao, "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks"
(2016); thresholds and regression as in facenet-pytorch 2.6.0, models/utils/detect_face.py. Four things differ. All
levels of the pyramid are searched in one inference. Each level is shrunk from the one before. Crops are sampled from
halved copies. A face may reach over the border of the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from rollcall.engine.detection.crop_network import (
    ONET_SIDE,
    RNET_SIDE,
    CropNetwork,
    Verdict,
    centered,
    regressed,
    squared,
)
from rollcall.engine.detection.detector import Detections
from rollcall.engine.detection.nms import Corners, suppress, suppress_contained
from rollcall.engine.face import Image
from rollcall.engine.pyramid import Level, Octaves, pyramid_canvas
from rollcall.engine.sessions import InferenceSession

# the networks' own geometry
WINDOW = 12  # pixels, of P-Net
_STRIDE = 2
_CONTEXT = WINDOW - _STRIDE  # pixels that a P-Net window reaches beyond its own cell


@dataclass(frozen=True, slots=True, kw_only=True)
class MtcnnSettings:
    """`*_probability`, `*_overlap`: 0..1. `window_by_face`: side of P-Net's window by the shorter side of the smallest
    face; a window is square and a face is not. `pyramid_factor`: side of a level by the side of the one before.
    `swift_*`: used where the smallest face has `swift_min_face` pixels or more, as in frames of a video. There are many
    frames, and the next one shows what this one hides.

    `margin`: canvas pixels by which a face may leave the picture at each level, even. `fill`: the gray value out there.
    `smallest_level`: pixels, shorter side of the last level; P-Net's window is 12.
    `strip_pixels`, `batch`: the most that P-Net, R-Net and O-Net get at once; they bound the memory.

    `most_windows` of a level, `most_candidates` for R-Net, `most_refined` for O-Net, `most_faces`: limits for one
    picture. The best by the network before are kept, and the rest is dropped. They bound the time, and no usual picture
    reaches them.
    """

    pnet_probability: float
    swift_pnet_probability: float
    rnet_probability: float
    promising_probability: float
    onet_probability: float
    level_overlap: float
    candidate_overlap: float
    refined_overlap: float
    contained_overlap: float
    window_by_face: float
    swift_window_by_face: float
    swift_min_face: int
    pyramid_factor: float
    swift_pyramid_factor: float
    margin: int
    smallest_level: int
    fill: int
    strip_pixels: int
    batch: int
    most_windows: int
    most_candidates: int
    most_refined: int
    most_faces: int


class Mtcnn:
    def __init__(
        self, pnet: InferenceSession, rnet: InferenceSession, onet: InferenceSession, *, settings: MtcnnSettings
    ) -> None:
        self._pnet = pnet
        self._rnet = CropNetwork(rnet, side=RNET_SIDE, batch=settings.batch, fill=settings.fill)
        self._onet = CropNetwork(onet, side=ONET_SIDE, batch=settings.batch, fill=settings.fill)
        self._settings = settings

    def detect(self, octaves: Octaves, *, min_face: int) -> Detections:
        """Faces whose shorter side has about `min_face` pixels or more, surest first, at most `most_faces`."""
        return self.detect_each([octaves], min_face=min_face)[0]

    def detect_each(self, pictures: Sequence[Octaves], *, min_face: int) -> list[Detections]:
        """Faces of each picture. R-Net and O-Net get the crops of all pictures together, which costs less each."""
        candidates = [self._propose(octaves, min_face) for octaves in pictures]
        candidates = self._refine(pictures, candidates)
        return self._decide(pictures, candidates)

    def detect_copies(self, copies: Sequence[Octaves], *, min_face: int) -> list[Detections]:
        """Faces of each copy."""
        return self.detect_each(copies, min_face=min_face)

    def thorough(self, min_face: int) -> bool:
        """Whether pictures are searched like photos, and not like frames of a video."""
        return min_face < self._settings.swift_min_face

    def _propose(self, octaves: Octaves, min_face: int) -> Corners:
        settings = self._settings
        swift = not self.thorough(min_face)
        window = min_face * (settings.swift_window_by_face if swift else settings.window_by_face)
        least = settings.swift_pnet_probability if swift else settings.pnet_probability
        factor = settings.swift_pyramid_factor if swift else settings.pyramid_factor
        canvas = pyramid_canvas(
            octaves,
            first_scale=WINDOW / window,
            factor=factor,
            smallest=settings.smallest_level,
            margin=settings.margin,
            fill=settings.fill,
        )
        if not canvas.levels:
            return np.empty((0, 4), dtype=np.float32)
        probability, regression = self._search(canvas.pixels)
        corners, scores, offsets = self._windows(canvas.levels, probability, regression, least)
        best = np.argsort(-scores, kind="stable")[: settings.most_candidates]
        return squared(regressed(corners[best], offsets[best]))

    def _search(self, pixels: Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """P-Net over the canvas, in strips of rows: face probability [H, W] and offsets [4, H, W] of each cell."""
        height, width = pixels.shape[:2]
        strips = ceil(height * width / self._settings.strip_pixels)
        rows = _STRIDE * ceil((height - _CONTEXT) / strips / _STRIDE)
        tops = range(0, height - _CONTEXT, rows)
        outputs = [self._pnet.run(pixels[None, top : top + rows + _CONTEXT]) for top in tops]
        probability, offsets = (np.concatenate(parts, axis=2)[0] for parts in zip(*outputs, strict=True))
        return probability[0], offsets

    def _windows(
        self, levels: Sequence[Level], probability: NDArray[np.float32], offsets: NDArray[np.float32], least: float
    ) -> tuple[Corners, NDArray[np.float32], NDArray[np.float32]]:
        """The best windows of each level. A window that reaches into the next level shows neither, and is left out."""
        level_of = np.full(probability.shape, len(levels), dtype=np.uint8)
        for number, level in enumerate(levels):
            level_of[self._cells(level.top, level.height), self._cells(level.left, level.width)] = number
        rows, columns = np.nonzero(probability >= least)
        found_on = level_of[rows, columns]
        order = np.argsort(found_on, kind="stable")[: np.count_nonzero(found_on < len(levels))]
        rows, columns, found_on = rows[order], columns[order], found_on[order]
        scores = probability[rows, columns]
        places = np.array([(level.left, level.top, level.scale_x, level.scale_y) for level in levels])[found_on]
        near, scale = np.stack([columns, rows], axis=1) * _STRIDE - places[:, :2], places[:, 2:]
        corners = np.hstack([near / scale, (near + WINDOW) / scale]).astype(np.float32)
        keep = self._suppressed(corners, scores, np.cumsum(np.bincount(found_on, minlength=len(levels))))
        return corners[keep], scores[keep], offsets[:, rows[keep], columns[keep]].T

    def _suppressed(self, corners: Corners, scores: NDArray[np.float32], ends: NDArray[np.intp]) -> NDArray[np.intp]:
        """Level by level: windows of different levels differ too much in size to suppress each other."""
        overlap, most = self._settings.level_overlap, self._settings.most_windows
        return np.concatenate(
            [
                start + suppress(corners[start:end], scores[start:end], overlap=overlap, most=most)
                for start, end in pairwise([0, *ends.tolist()])
            ]
        )

    def _cells(self, near: int, side: int) -> slice:
        """Faces whose windows lie on a level and its margin, along one axis."""
        margin = self._settings.margin
        return slice((near - margin) // _STRIDE, (near + side + margin - WINDOW) // _STRIDE + 1)

    def _refine(self, pictures: Sequence[Octaves], candidates: Sequence[Corners]) -> list[Corners]:
        verdicts = self._rnet.judge(pictures, candidates)
        return [self._refined(*pair) for pair in zip(candidates, verdicts, strict=True)]

    def _refined(self, boxes: Corners, verdict: Verdict) -> Corners:
        passed = np.flatnonzero(verdict.probability > self._settings.rnet_probability)
        scores = verdict.probability[passed]
        keep = suppress(boxes[passed], scores, overlap=self._settings.refined_overlap)
        passed = passed[keep[: self._settings.most_refined]]
        return squared(regressed(boxes[passed], verdict.offsets[passed]))

    def _decide(self, pictures: Sequence[Octaves], candidates: Sequence[Corners]) -> list[Detections]:
        """O-Net looks twice: once to center its crop, then at that crop and its mirror image to decide."""
        verdicts = self._onet.judge(pictures, candidates)
        again = [self._centered(*pair) for pair in zip(candidates, verdicts, strict=True)]
        verdicts = self._onet.judge(pictures, again, mirrored=True)
        return [self._decided(*pair) for pair in zip(again, verdicts, strict=True)]

    def _centered(self, boxes: Corners, verdict: Verdict) -> Corners:
        settings = self._settings
        return centered(boxes, verdict, least=settings.promising_probability, overlap=settings.candidate_overlap)[1]

    def _decided(self, boxes: Corners, verdict: Verdict) -> Detections:
        passed = np.flatnonzero(verdict.probability > self._settings.onet_probability)
        faces = verdict.chosen(passed).detections(boxes[passed])
        keep = suppress_contained(faces.corners, faces.confidence, overlap=self._settings.contained_overlap)
        return faces.chosen(keep[: self._settings.most_faces])
