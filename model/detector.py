"""MTCNN: a cascade of three small networks over a pyramid of the picture.

Source: Zhang, Zhang, Li, Qiao, "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks"
(2016); thresholds and regression as in facenet-pytorch 2.6.0, models/utils/detect_face.py. What differs: all levels of
the pyramid are searched in one inference, levels are shrunk from the one before, crops are sampled from halved copies,
and a face may hang over the border of the picture.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from model.crops import crops, square_transforms
from model.faces import Image
from model.nms import Corners, suppress, suppress_contained
from model.pyramid import Level, Octaves, pyramid_canvas
from model.sessions import InferenceSession

# the networks' own geometry
WINDOW = 12  # pixels, of P-Net
_STRIDE = 2
_CONTEXT = WINDOW - _STRIDE  # pixels that a P-Net window reaches beyond its own cell
_RNET_SIDE = 24
_ONET_SIDE = 48
_LANDMARKS = 5
# what becomes of left, top, right, bottom, and of eyes, nose and mouth (five x, five y), when a picture is mirrored
_MIRRORED_CORNERS, _MIRRORED_SIGNS = [2, 1, 0, 3], np.array([-1, 1, -1, 1], dtype=np.float32)
_MIRRORED_POINTS = [1, 0, 2, 4, 3, 6, 5, 7, 9, 8]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """`*_probability`, `*_overlap`: 0..1. `window_by_face`: side of P-Net's window by the shorter side
    of the smallest face; a window is square and a face is not. `swift_*`: in their place where the smallest face has
    `swift_min_face` pixels or more, as in frames of a video: the next frame shows what one has hidden, and there are
    many. `pyramid_factor`: side of a level by that of the last.

    `margin`: canvas pixels by which a face may leave the picture at each level, even. `fill`: the grey value out there.
    `smallest_level`: pixels, shorter side of the last level; P-Net's window is 12.
    `strip_pixels`, `batch`: the most that P-Net, R-Net and O-Net get at once; they bound the memory.
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


@dataclass(frozen=True, slots=True)
class Detections:
    """`corners` [N, 4]: left, top, right, bottom, pixels; may leave the picture. `confidence` [N]: 0..1.

    `landmarks` [N, 5, 2]: pixels; eyes, nose, corners of the mouth, left before right as seen in the picture.
    """

    corners: Corners
    confidence: NDArray[np.float32]
    landmarks: NDArray[np.float32]


class Detector:
    def __init__(
        self,
        *,
        pnet: InferenceSession,
        rnet: InferenceSession,
        onet: InferenceSession,
        settings: DetectorSettings,
    ) -> None:
        self._pnet, self._rnet, self._onet = pnet, rnet, onet
        self._settings = settings

    def detect(self, octaves: Octaves, *, min_face: int) -> Detections:
        """Faces whose shorter side has about `min_face` pixels or more, in no particular order."""
        candidates = self._propose(octaves, min_face)
        candidates = self._refine(octaves, candidates)
        return self._decide(octaves, candidates)

    def _propose(self, octaves: Octaves, min_face: int) -> Corners:
        settings = self._settings
        swift = min_face >= settings.swift_min_face
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
        found = [self._windows(level, probability, regression, least) for level in canvas.levels]
        corners, scores, offsets = (np.concatenate(parts) for parts in zip(*found, strict=True))
        keep = suppress(corners, scores, overlap=settings.candidate_overlap)
        return squared(regressed(corners[keep], offsets[keep]))

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
        self, level: Level, probability: NDArray[np.float32], offsets: NDArray[np.float32], least: float
    ) -> tuple[Corners, NDArray[np.float32], NDArray[np.float32]]:
        margin = self._settings.margin
        first_column, first_row = (level.left - margin) // _STRIDE, (level.top - margin) // _STRIDE
        end_column = (level.left + level.width + margin - WINDOW) // _STRIDE + 1
        end_row = (level.top + level.height + margin - WINDOW) // _STRIDE + 1
        of_level = probability[first_row:end_row, first_column:end_column]
        rows, columns = np.nonzero(of_level >= least)
        scores = of_level[rows, columns]
        rows, columns = rows + first_row, columns + first_column
        near = np.stack([columns * _STRIDE - level.left, rows * _STRIDE - level.top], axis=1)
        scale = np.array([level.scale_x, level.scale_y])
        corners = np.hstack([near / scale, (near + WINDOW) / scale]).astype(np.float32)
        keep = suppress(corners, scores, overlap=self._settings.level_overlap)
        return corners[keep], scores[keep], offsets[:, rows[keep], columns[keep]].T

    def _refine(self, octaves: Octaves, candidates: Corners) -> Corners:
        probability, offsets, *_ = self._judge(self._rnet, octaves, candidates, side=_RNET_SIDE)
        passed = np.flatnonzero(probability > self._settings.rnet_probability)
        passed = passed[suppress(candidates[passed], probability[passed], overlap=self._settings.refined_overlap)]
        return squared(regressed(candidates[passed], offsets[passed]))

    def _decide(self, octaves: Octaves, candidates: Corners) -> Detections:
        """O-Net looks twice: once to centre its crop, then at that crop and its mirror image to decide."""
        settings = self._settings
        probability, offsets, *_ = self._judge(self._onet, octaves, candidates, side=_ONET_SIDE)
        promising = np.flatnonzero(probability > settings.promising_probability)
        boxes = regressed(candidates[promising], offsets[promising])
        keep = suppress(boxes, probability[promising], overlap=settings.candidate_overlap)
        boxes = squared(boxes[keep])
        scores, offsets, points = self._judge(self._onet, octaves, boxes, side=_ONET_SIDE, mirrored=True)
        passed = np.flatnonzero(scores > settings.onet_probability)
        boxes, scores = boxes[passed], scores[passed]
        sides = boxes[:, None, 2:] - boxes[:, None, :2]
        landmarks = boxes[:, None, :2] + sides * points[passed].reshape(-1, 2, _LANDMARKS).transpose(0, 2, 1)
        boxes = regressed(boxes, offsets[passed])
        keep = suppress_contained(boxes, scores, overlap=settings.contained_overlap)
        return Detections(boxes[keep], scores[keep], landmarks[keep])

    def _judge(
        self, network: InferenceSession, octaves: Octaves, candidates: Corners, *, side: int, mirrored: bool = False
    ) -> tuple[NDArray[np.float32], ...]:
        """Probability [N], offsets [N, 4] and for O-Net landmarks [N, 10] of each candidate.

        `mirrored`: O-Net only; the mean of what it says about each crop and about the crop's mirror image.
        """
        if len(candidates) == 0:
            return np.empty(0, np.float32), np.empty((0, 4), np.float32), np.empty((0, 2 * _LANDMARKS), np.float32)
        pictures = crops(octaves, square_transforms(candidates, side=side), side=side, fill=self._settings.fill)
        if not mirrored:
            probability, *others = self._run(network, pictures)
            return probability[:, 0], *others
        outputs = self._run(network, np.concatenate([pictures, pictures[:, :, ::-1]]))
        probability, offsets, points = (output.reshape(2, len(candidates), -1) for output in outputs)
        offsets[1] = offsets[1][:, _MIRRORED_CORNERS] * _MIRRORED_SIGNS
        points[1] = points[1][:, _MIRRORED_POINTS]
        points[1, :, :_LANDMARKS] = 1 - points[1, :, :_LANDMARKS]
        return probability.mean(axis=0)[:, 0], offsets.mean(axis=0), points.mean(axis=0)

    def _run(self, network: InferenceSession, pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        batches = np.array_split(pictures, ceil(len(pictures) / self._settings.batch))
        outputs = [network.run(batch) for batch in batches]
        return [np.concatenate(parts) for parts in zip(*outputs, strict=True)]


def regressed(corners: Corners, offsets: NDArray[np.float32]) -> Corners:
    """Boxes moved by what a network says, in units of their sides; `offsets` [N, 4]: left, top, right, bottom."""
    sides = corners[:, 2:] - corners[:, :2]
    return corners + offsets * np.hstack([sides, sides])


def squared(corners: Corners) -> Corners:
    """The smallest squares around the same centres."""
    centre = (corners[:, :2] + corners[:, 2:]) / 2
    half = (corners[:, 2:] - corners[:, :2]).max(axis=1, keepdims=True) / 2
    return np.hstack([centre - half, centre + half])
