"""`rollcall calibrate`: how well your own people can be told apart, and the threshold that suits them."""

import argparse
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollcall.cli.output_file import require_writable, write_output_file
from rollcall.cli.preparation import note, prepare_engine, prepare_model_files
from rollcall.cli.show.calibration_plot import draw_rates
from rollcall.cli.show.listing import print_listing
from rollcall.cli.show.progress import show_progress
from rollcall.cli.submissions import Progress, Stage
from rollcall.contracts.shown_text import printable
from rollcall.contracts.usage_error import UsageError
from rollcall.media.folders import reason_of
from rollcall.people.calibration import Calibration, load_calibration
from rollcall.people.gallery_source import GallerySource, scan_gallery
from rollcall.people.odd_faces import load_enrollment_limits
from rollcall.people.photo_enrollment import enroll
from rollcall.people.photo_reader import EnginePhotoReader
from rollcall.people.resemblance import (
    Choice,
    Comparisons,
    Resemblance,
    choose,
    compare,
    percentiles,
    require_comparable,
    thresholds,
)
from rollcall.pipeline.settings import PHOTO_MIN_FACE

if TYPE_CHECKING:
    from PIL.Image import Image

    from rollcall.engine.face import Face
    from rollcall.people.gallery_store import EnrolledFace

PAIRS_TOLD = 20


class CountedReader:
    """Reads photos and shows its progress."""

    def __init__(self, reader: EnginePhotoReader, progress: Progress) -> None:
        self._reader = reader
        self._progress = progress

    @property
    def embedder(self) -> str:
        return self._reader.embedder

    def faces(self, photo: Path) -> "list[Face]":
        try:
            return self._reader.faces(photo)
        finally:
            self._progress.update(str(photo), Stage("done"))


def execute(options: argparse.Namespace) -> int:
    failures: list[str] = []

    def fail(line: str) -> None:
        failures.append(line)
        note(line)

    source = scan_gallery(options.photos, note=note, fail=fail, photos_alone=True)
    require_comparable(len(source.photos), sum(map(len, source.photos.values())))
    plot = _require_writable(options.out, options.plot, source)
    calibration = load_calibration(options.embedder)
    compared = compare(_read(source, options, fail=fail), calibration)
    chosen = choose(compared, calibration, options.false_match_rate)
    _tell(compared, calibration, chosen, options.false_match_rate)
    files = {plot: _png(draw_rates(compared, shipped=calibration.threshold, chosen=chosen.threshold))}
    if chosen.threshold is None:
        fail("No threshold keeps that rate: mend the photos that are named above.")
    else:
        files[options.out] = _file(compared, calibration, chosen.threshold, options.false_match_rate)
    written = [file for file, content in files.items() if _write(file, content, fail)]
    if written:
        print(f"Written: {printable(' and '.join(map(str, written)))}")
    if options.out in written:
        print(
            f"{printable(str(options.out))} is for --calibration of run, up and faces, and for a deployment's setting"
            " calibration."
        )
    return 1 if failures else 0


def _require_writable(out: Path, plot: Path | None, source: GallerySource) -> Path:
    """Where the plot goes; raises UsageError before the long work if it cannot go there."""
    photos = [photo for person in source.photos.values() for photo in person]
    require_writable(out, inputs=photos)
    plot = plot or out.with_suffix(".png")
    require_writable(plot, inputs=photos)
    if os.path.realpath(out) == os.path.realpath(plot):
        raise UsageError(f"{out}: --out and the plot would be one file; give another --plot")
    return plot


def _png(picture: "Image") -> bytes:
    content = io.BytesIO()
    picture.save(content, format="PNG")
    return content.getvalue()


def _write(file: Path, content: bytes, fail: Callable[[str], None]) -> bool:
    try:
        write_output_file(file, content)
    except OSError as error:
        fail(f"failed {printable(str(file))}: cannot be written ({reason_of(error)})")
        return False
    return True


def _read(source: GallerySource, options: argparse.Namespace, *, fail: Any) -> "list[EnrolledFace]":
    """Every usable photo, also those that look like somebody else: the command exists to find them."""
    photos = sum(map(len, source.photos.values()))
    model_dir = prepare_model_files(options.embedder)
    note(f"reading {photos} photos of {len(source.photos)} people")
    engine = prepare_engine(model_dir, options.embedder, options.detector, min_face=PHOTO_MIN_FACE.default)
    limits = replace(load_enrollment_limits(options.embedder), most_apart=float("inf"), alike=-1.0)
    with show_progress(photos) as progress:
        reader = CountedReader(EnginePhotoReader(engine, enrolling=True), progress)
        return enroll(source, reader, limits, note=note, fail=fail, accept_poor=options.accept_poor_photos)


def _tell(compared: Comparisons, calibration: Calibration, chosen: Choice, wanted: float) -> None:
    print(
        f"{len(compared.faces)} photos of {len(compared.people)} people: each against everybody else"
        f" ({len(compared.different)} comparisons), and against the other photos of its person ({len(compared.same)})."
    )
    print(f"Different people, distances: {_spread(compared, 'different')}")
    print(f"The same person, distances: {_spread(compared, 'same')}")
    _print_rates(compared, calibration, chosen.threshold)
    _print_resembling(compared.resembling(chosen.threshold or calibration.threshold), chosen.threshold)
    if chosen.threshold is not None:
        print(
            f"Threshold for a false match rate of {wanted:.3%}: {chosen.threshold:g} (shipped:"
            f" {calibration.threshold:g}). It was chosen on these photos, so expect somewhat more errors on others."
        )
    if not chosen.enough:
        print(
            f"{len(compared.different)} comparisons are too few to show a rate of {wanted:.3%}: that takes"
            f" {3 / wanted:.0f}. The threshold is not raised above the shipped one."
        )


def _spread(compared: Comparisons, side: str) -> str:
    distances = getattr(compared, side)
    if not len(distances):
        return "none; give two photos or more of some people"
    return ", ".join(f"{share} below {value:g}" for share, value in percentiles(distances).items())


def _print_rates(compared: Comparisons, calibration: Calibration, chosen: float | None) -> None:
    rows = []
    for threshold in thresholds(calibration, chosen):
        rates = compared.rates(threshold)
        marks = [name for name, one in (("shipped", calibration.threshold), ("chosen", chosen)) if one == threshold]
        rows.append(
            (f"{threshold:g}", _share(rates["false_match"]), _share(rates["false_non_match"]), ", ".join(marks))
        )
    print_listing(("threshold", "false match [95 %]", "false non-match [95 %]", ""), rows)


def _share(rate: dict[str, Any]) -> str:
    if rate["share"] is None:
        return "–"
    low, high = rate["interval"]
    return f"{rate['share']:.3%} [{low:.3%}, {high:.3%}]"


def _print_resembling(found: Sequence[Resemblance], threshold: float | None) -> None:
    alike = [pair for pair in found if pair.photos]
    if not alike:
        (nearest,) = found[:1]
        print(
            f"Nobody resembles anybody else too much; the nearest are {printable(nearest.people[0])} and"
            f" {printable(nearest.people[1])}, {nearest.distance:.3f} apart."
        )
        return
    print("Resemble each other too much: photos of one are within the threshold of the other.")
    rows = [(*pair.people, f"{pair.distance:.3f}", str(pair.photos), pair.photo) for pair in alike[:PAIRS_TOLD]]
    print_listing(("person", "and", "nearest distance", "photos within", "the nearest photo"), rows)
    if len(alike) > PAIRS_TOLD:
        print(f"and {len(alike) - PAIRS_TOLD} more pairs")


def _file(compared: Comparisons, calibration: Calibration, threshold: float, wanted: float) -> bytes:
    """The calibration file. It holds no names, so it can be kept with a deployment's settings."""
    content = {
        "embedder": calibration.embedder,
        "threshold": threshold,
        "wanted_false_match_rate": wanted,
        "people": len(compared.people),
        "photos": len(compared.faces),
        "rates": [compared.rates(one) for one in thresholds(calibration, threshold)],
        "distances": {
            side: percentiles(distances)
            for side, distances in (("same", compared.same), ("different", compared.different))
            if len(distances)
        },
    }
    return json.dumps(content, indent=2).encode()
