"""Faces found in pictures to embeddings, by all networks of an embedder."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from rollcall.engine.chips import CUTTERS, Chips, DenoisingSettings, denoised, varied
from rollcall.engine.detection.second_look import View
from rollcall.engine.embedder import Embedder
from rollcall.engine.embeddings import Embeddings
from rollcall.engine.quality import noise
from rollcall.engine.variations import VARIATIONS, VariationSettings, Varied, unsure

VARYING_AT_ONCE = 16  # faces: their chips are held together


class FaceEmbedder:
    def __init__(
        self,
        embedders: Sequence[Embedder],
        *,
        denoising: DenoisingSettings,
        variations: VariationSettings,
        side_by_side: bool,
    ) -> None:
        """`side_by_side`: the embedders work at the same time; none of them alone keeps two processors busy."""
        self.embedders = embedders
        self._gaining = [embedder for embedder in embedders if embedder.network.gains_by_variations]
        self._denoising = denoising
        self._settings = variations
        self._helpers = ThreadPoolExecutor(max_workers=len(embedders)) if side_by_side else None

    def embed(self, views: Sequence[View], chips: Sequence[Chips], *, variations: Varied) -> Embeddings:
        """One row for each face of all pictures; `chips`: the aligned ones of each picture."""
        noises = np.array([noise(chip) for part in chips for chip in part])

        def cut_as_is(embedder: Embedder) -> Chips:
            cut, side = CUTTERS[embedder.network.chip], embedder.network.chip_side
            parts = zip(views, chips, strict=True)
            return np.concatenate([cut(view.picture, view.found, aligned, side) for view, aligned in parts])

        numbers = self._run(self.embedders, cut_as_is, noises)
        parts = [embedder.scaled(of_network) for embedder, of_network in zip(self.embedders, numbers, strict=True)]
        shares = self._shares(views, numbers, variations)
        varying = np.flatnonzero(shares)
        for start in range(0, len(varying), VARYING_AT_ONCE):
            rows = varying[start : start + VARYING_AT_ONCE]
            as_is = [of_network[rows] for of_network in numbers]
            means = self._means(as_is, _of_rows(views, rows), noises[rows], shares[rows])
            for part, mean in zip(parts, means, strict=True):
                part[rows] = mean
        return np.hstack(parts)

    def _shares(self, views: Sequence[View], numbers: Sequence[Embeddings], variations: Varied) -> NDArray[np.float32]:
        """[N], 0..1: the share of the mean over variations in the embedding of each face."""
        if variations != "unsure" or not self._gaining:
            return np.full(len(numbers[0]), variations == "all" and bool(self._gaining), dtype=np.float32)
        confidence = np.concatenate([view.found.confidence for view in views])
        doubts = [embedder.unsure(of_network) for embedder, of_network in zip(self.embedders, numbers, strict=True)]
        doubt = np.max([unsure(confidence, self._settings.confidence), *doubts], axis=0)
        large = np.concatenate([_share_of_picture(view) >= self._settings.least_share for view in views])
        return np.asarray(doubt * large, dtype=np.float32)

    def _means(
        self,
        numbers: Sequence[Embeddings],
        views: Sequence[View],
        noises: NDArray[np.float64],
        shares: NDArray[np.float32],
    ) -> list[Embeddings]:
        """The part of each network; its numbers, the views and the rest are those of the faces that vary."""

        def cut(embedder: Embedder) -> Chips:
            chip, side = embedder.network.chip, embedder.network.chip_side
            pairs = [(view.picture, view.found) for view in views]
            return np.concatenate([varied(*pair, one, chip=chip, side=side) for one in VARIATIONS for pair in pairs])

        ran = self._run(self._gaining, cut, np.tile(noises, len(VARIATIONS)))
        others = {
            embedder: np.split(of_network, len(VARIATIONS))
            for embedder, of_network in zip(self._gaining, ran, strict=True)
        }
        return [
            embedder.mean([as_is, *others.get(embedder, ())], shares)
            for embedder, as_is in zip(self.embedders, numbers, strict=True)
        ]

    def _run(
        self, embedders: Sequence[Embedder], cut: Callable[[Embedder], Chips], noises: NDArray[np.float64]
    ) -> list[Embeddings]:
        def run(embedder: Embedder) -> Embeddings:
            return embedder.run(denoised(cut(embedder), noises.tolist(), self._denoising))

        return list((self._helpers.map if self._helpers else map)(run, embedders))


def _of_rows(views: Sequence[View], rows: NDArray[np.intp]) -> list[View]:
    """The views with those of their faces that are in `rows`, counted over all views."""
    begins = np.cumsum([0, *(len(view.found.corners) for view in views)])
    own = [rows[(rows >= begin) & (rows < end)] - begin for begin, end in zip(begins, begins[1:], strict=False)]
    return [View(view.picture, view.found.chosen(part)) for view, part in zip(views, own, strict=True)]


def _share_of_picture(view: View) -> NDArray[np.float32]:
    corners = view.found.corners
    shorter = (corners[:, 2:] - corners[:, :2]).min(axis=1)
    return np.asarray(shorter / min(view.picture[0].shape[:2]), dtype=np.float32)
