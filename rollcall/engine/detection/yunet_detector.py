"""The detector `yunet`: YuNet proposes faces in smaller copies of the picture, O-Net of MTCNN confirms each of them.

YuNet sees a whole face and its surroundings, at little cost. O-Net sees a crop in the picture's own resolution, and
says exactly where the face is. Each makes mistakes that the other does not make.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import sqrt
from queue import SimpleQueue

import numpy as np

from rollcall.engine.detection.crop_network import ONET_SIDE, CropNetwork, Verdict, centered, squared
from rollcall.engine.detection.detector import Detections
from rollcall.engine.detection.nms import suppress_contained
from rollcall.engine.detection.tiles import tiles_of
from rollcall.engine.detection.yunet import Proposals, joined, proposals
from rollcall.engine.face import Image
from rollcall.engine.pyramid import Canvas, Level, Octaves, copies_canvas
from rollcall.engine.sessions import InferenceSession


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """How sure the networks must be of a face. Scores are YuNet's, probabilities O-Net's; all 0..1.

    `small_score`, `large_score`: the least score of a face of `small` and of `large` pixels, its shorter side in
    YuNet's copy; linear between the two.
    `sum`: the least sum of score and probability. `probability`: is enough without that sum.

    `largest_side`: pixels of the longer side of YuNet's last copy of a picture; each copy has a `copy_factor`th of the
    side of the one before. YuNet finds faces of half of 768 pixels, but noise hides them where it is not averaged out.
    """

    small: float
    large: float
    small_score: float
    large_score: float
    sum: float
    probability: float
    copy_factor: int
    largest_side: int
    smallest_face: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class YunetSettings:
    """`photo`, `copies`, `frame`: how sure a face must be in a photo, in changed copies of one, and in frames of a
    video. A picture counts as a frame where the smallest face has `frame_min_face` pixels or more. There are many
    frames, and the next one shows what this one hides.

    `least_side`: the shorter side of a box, by the side of the smallest face asked for; boxes do not hit it exactly.

    Pixels of YuNet's copies. `smallest_face`: the shorter side of the smallest face in a copy. It is the first number
    where the copy then has more than `copy_pixels`, and the second in small pictures. Between them it is what
    `copy_pixels` allows.
    `gap`: between copies. `tile`, `tile_overlap`: multiples of 32: the most that YuNet gets at once, which bounds the
    memory, and what neighbors share.

    `promising_probability`: the least of O-Net's first look. `*_overlap`: 0..1. `fill`: gray outside the picture, for
    O-Net. `batch`: the most crops at once. `most_proposals` of a level, `most_candidates` for O-Net, `most_faces` of a
    picture: the best are kept. They bound the time, and no usual picture reaches them.
    """

    photo: SearchSettings
    frame: SearchSettings
    copies: SearchSettings
    frame_min_face: int
    least_side: float
    copy_pixels: int
    gap: int
    tile: int
    tile_overlap: int
    promising_probability: float
    proposal_overlap: float
    candidate_overlap: float
    contained_overlap: float
    fill: int
    batch: int
    most_proposals: int
    most_candidates: int
    most_faces: int


class YunetDetector:
    def __init__(
        self,
        yunet: InferenceSession,
        onet: InferenceSession,
        *,
        settings: YunetSettings,
        side_by_side: Sequence[InferenceSession] = (),
    ) -> None:
        """`side_by_side`: sessions of YuNet that search several pictures at the same time. It is too small for one
        picture to keep two processors busy.
        """
        self._yunet = yunet
        self._free: SimpleQueue[InferenceSession] = SimpleQueue()
        for session in side_by_side:
            self._free.put(session)
        self._helpers = ThreadPoolExecutor(len(side_by_side)) if side_by_side else None
        self._onet = CropNetwork(onet, side=ONET_SIDE, batch=settings.batch, fill=settings.fill)
        self._settings = settings

    def detect(self, octaves: Octaves, *, min_face: int) -> Detections:
        """Faces whose shorter side has about `min_face` pixels or more, surest first, at most `most_faces`."""
        return self.detect_each([octaves], min_face=min_face)[0]

    def detect_each(self, pictures: Sequence[Octaves], *, min_face: int) -> list[Detections]:
        """Faces of each picture. O-Net gets the crops of all pictures together, which costs less each."""
        search = self._settings.photo if self.thorough(min_face) else self._settings.frame
        found = self._propose_each(pictures, search, min_face)
        return self._confirm(pictures, found, search, min_face)

    def detect_copies(self, copies: Sequence[Octaves], *, min_face: int) -> list[Detections]:
        """Faces of changed copies of one photo, which YuNet sees side by side in one pass where they fit."""
        search = self._settings.copies
        sizes = [next(self._sizes(octaves[0], search, min_face)) for octaves in copies]
        order = sorted(range(len(copies)), key=lambda number: -sizes[number][0])
        canvas = self._canvas([(copies[number], sizes[number]) for number in order])
        if max(canvas.pixels.shape) <= self._settings.tile:
            of_copy = dict(zip(order, self._on_canvas(canvas, search, self._yunet), strict=True))
            found = [of_copy[number] for number in range(len(copies))]
        else:
            found = self._propose_each(copies, search, min_face)
        return self._confirm(copies, found, search, min_face)

    def _confirm(
        self, pictures: Sequence[Octaves], found: Sequence[Proposals], search: SearchSettings, min_face: int
    ) -> list[Detections]:
        verdicts = self._onet.judge(pictures, [squared(each.corners) for each in found])
        again = [self._centered(*pair) for pair in zip(found, verdicts, strict=True)]
        verdicts = self._onet.judge(pictures, [each.corners for each in again], mirrored=True)
        least = self._settings.least_side * min_face
        return [self._decided(*pair, search, least) for pair in zip(again, verdicts, strict=True)]

    def thorough(self, min_face: int) -> bool:
        """Whether pictures are searched like photos, and not like frames of a video."""
        return min_face < self._settings.frame_min_face

    def _propose_each(self, pictures: Sequence[Octaves], search: SearchSettings, min_face: int) -> list[Proposals]:
        def propose(octaves: Octaves) -> Proposals:
            session = self._free.get()
            try:
                return self._propose(octaves, search, min_face, session)
            finally:
                self._free.put(session)

        if self._helpers is None or len(pictures) == 1:
            return [self._propose(octaves, search, min_face, self._yunet) for octaves in pictures]
        return list(self._helpers.map(propose, pictures))

    def _propose(self, octaves: Octaves, search: SearchSettings, min_face: int, session: InferenceSession) -> Proposals:
        settings = self._settings
        copies = [(octaves, size) for size in self._sizes(octaves[0], search, min_face)]
        together = max(copies[0][1]) <= settings.tile
        canvases = map(self._canvas, [copies] if together else [[copy] for copy in copies])
        found = joined([part for canvas in canvases for part in self._on_canvas(canvas, search, session)])
        return found.distinct(overlap=settings.proposal_overlap, most=settings.most_candidates)

    def _canvas(self, copies: Sequence[tuple[Octaves, tuple[int, int]]]) -> Canvas:
        return copies_canvas(copies, gap=self._settings.gap, fill=0)

    def _sizes(self, picture: Image, search: SearchSettings, min_face: int) -> Iterator[tuple[int, int]]:
        """Width and height of each copy."""
        height, width = picture.shape[:2]
        least, most = (side / min_face for side in search.smallest_face)
        scale = min(max(sqrt(self._settings.copy_pixels / (width * height)), least), most)
        while True:
            yield max(1, round(width * scale)), max(1, round(height * scale))
            if max(width, height) * scale <= search.largest_side:
                return
            scale /= search.copy_factor

    def _on_canvas(self, canvas: Canvas, search: SearchSettings, session: InferenceSession) -> list[Proposals]:
        """Faces on each level that score enough for their size, in pixels of its picture."""
        settings = self._settings
        tiles = tiles_of(canvas.pixels, settings.tile, settings.tile_overlap)
        found = joined([tile.owned(proposals(session, tile.pixels, least=search.small_score)) for tile in tiles])
        sides = (found.corners[:, 2:] - found.corners[:, :2]).min(axis=1)
        least = np.interp(sides, (search.small, search.large), (search.small_score, search.large_score))
        found = found.chosen(found.scores >= least)
        found = found.distinct(overlap=settings.proposal_overlap, most=settings.most_proposals)
        return [_on_level(found, level) for level in canvas.levels]

    def _centered(self, found: Proposals, verdict: Verdict) -> Proposals:
        settings = self._settings
        rows, boxes = centered(
            squared(found.corners), verdict, least=settings.promising_probability, overlap=settings.candidate_overlap
        )
        return Proposals(boxes, found.scores[rows])

    def _decided(self, again: Proposals, verdict: Verdict, search: SearchSettings, least: float) -> Detections:
        settings, probability = self._settings, verdict.probability
        passed = np.flatnonzero((probability + again.scores >= search.sum) | (probability >= search.probability))
        faces = verdict.chosen(passed).detections(again.corners[passed])
        faces = faces.chosen((faces.corners[:, 2:] - faces.corners[:, :2]).min(axis=1) >= least)
        keep = suppress_contained(faces.corners, faces.confidence, overlap=settings.contained_overlap)
        return faces.chosen(keep[: settings.most_faces])


def _on_level(found: Proposals, level: Level) -> Proposals:
    """Faces with their middle on the level, in pixels of the picture."""
    near = np.tile(np.array([level.left, level.top], dtype=np.float32), 2)
    scale = np.tile(np.array([level.scale_x, level.scale_y], dtype=np.float32), 2)
    corners = found.corners - near
    middles = (corners[:, :2] + corners[:, 2:]) / 2
    inside = np.asarray(((middles >= 0) & (middles < (level.width, level.height))).all(axis=1))
    return Proposals(corners[inside] / scale, found.scores[inside])
