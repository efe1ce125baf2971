"""Photos as people have them, through the whole path of a photo: everyone is found, and is who they are."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pictures
from PIL.Image import Transpose

from benchmarks.accuracy.conditions import CONDITIONS, cut_out
from benchmarks.accuracy.material import read
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER
from rollcall.engine.engine import Engine
from rollcall.engine.face import Face, Image
from rollcall.media.videos.limits import Limits
from rollcall.media.videos.probe import probe
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import Gallery, Templates
from rollcall.people.photo_reader import EnginePhotoReader
from tests.made_photos import saved as made

DATA = Path(__file__).parents[4] / "shared" / "data"
ORIENTATION = 0x0112
STORED = (None, Transpose.FLIP_LEFT_RIGHT, Transpose.ROTATE_180, Transpose.FLIP_TOP_BOTTOM, Transpose.TRANSPOSE,
          Transpose.ROTATE_90, Transpose.TRANSVERSE, Transpose.ROTATE_270)  # fmt: skip  # by orientation, 1 to 8

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data with its photos is not here")
Save = Callable[[Pictures.Image, Path], object]


class Johns:
    """Photos of five people: who is on a face that was made from one of them, with that photo not enrolled."""

    def __init__(self, engine: Engine) -> None:
        self.paths = sorted((DATA / "johns").glob("*/*.jpg"))
        self.faces = [engine.analyze([read(path)])[0][0] for path in self.paths]

    def of_each(self) -> Iterator[int]:
        people = [path.parent for path in self.paths]
        return (people.index(person) for person in sorted(set(people)))

    def name(self, face: Face, *, but: int) -> str | None:
        kept = [number for number in range(len(self.paths)) if number != but]
        embeddings = np.array([self.faces[number].embedding for number in kept])
        names = [self.paths[number].parent.name for number in kept]
        gallery = Gallery([Templates(DEFAULT_EMBEDDER, names, embeddings)], load_calibration(DEFAULT_EMBEDDER))
        return gallery.match(face.embedding, evidence=face.quality.weight).name

    def cut_out(self, number: int, *, side: int | None = None) -> Image:
        """A head, with a face of so many pixels."""
        part, box = cut_out(read(self.paths[number]), self.faces[number].box)
        scale = 1.0 if side is None else side / min(box[2:])
        return np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@pytest.fixture(scope="module")
def johns(engine: Engine) -> Johns:
    return Johns(engine)


def turned(orientation: int) -> Save:
    def save(photo: Pictures.Image, path: Path) -> None:
        exif, turn = Pictures.Exif(), STORED[orientation - 1]
        exif[ORIENTATION] = orientation
        (photo if turn is None else photo.transpose(turn)).save(path, "JPEG", exif=exif, quality=92)

    return save


def saved(kind: str, mode: str = "RGB", **options: Any) -> Save:
    return lambda photo, path: photo.convert(mode).save(path, kind, **options)


def deep(channels: str) -> Save:
    """PNG of 16 bits a channel."""

    def save(photo: Pictures.Image, path: Path) -> None:
        pixels = np.asarray(photo.convert(channels)).astype(np.uint16) * 257
        order = {"L": [0], "RGB": [2, 1, 0], "RGBA": [2, 1, 0, 3]}[channels]
        written = cv2.imencode(".png", np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1)[:, :, order]))[1]
        path.write_bytes(written.tobytes())

    return save


KINDS: dict[str, Save] = {
    **{f"EXIF {orientation}": turned(orientation) for orientation in range(1, 9)},
    "gray JPEG": saved("JPEG", "L"),
    "CMYK JPEG": saved("JPEG", "CMYK"),
    "progressive JPEG": saved("JPEG", progressive=True),
    "JPEG at 10": saved("JPEG", quality=10),
    "PNG of a palette": saved("PNG", "P"),
    "PNG with alpha": saved("PNG", "RGBA"),
    "gray PNG with alpha": saved("PNG", "LA"),
    "16-bit gray PNG": deep("L"),
    "16-bit PNG": deep("RGB"),
    "16-bit PNG with alpha": deep("RGBA"),
    "WebP": saved("WEBP", quality=60),
    "WebP with alpha": saved("WEBP", "RGBA"),
    "HEIC": lambda photo, path: path.write_bytes(made(photo, "HEIF")),
    "AVIF": saved("AVIF", quality=60),
    "TIFF": saved("TIFF", compression="tiff_lzw"),
    "BMP": saved("BMP"),
    "GIF": saved("GIF", "P"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_face_is_itself_in_every_kind_of_file(engine: Engine, johns: Johns, tmp_path: Path, kind: str) -> None:
    number = next(johns.of_each())
    with Pictures.open(johns.paths[number]) as photo:
        KINDS[kind](photo.convert("RGB"), tmp_path / "photo")

    by_pixels = EnginePhotoReader(engine).faces(tmp_path / "photo")  # as by HTTP
    packed = np.frombuffer(probe(str(tmp_path / "photo"), limits=Limits()).picture, dtype=np.uint8)
    by_bucket = engine.analyze([np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)])[0]

    for (face,) in (by_pixels, by_bucket):
        assert johns.name(face, but=number) == johns.paths[number].parent.name


@pytest.mark.parametrize("close", [False, True], ids=["a head in a wide view", "a close-up"])
def test_photos_of_twelve_megapixels(engine: Engine, johns: Johns, tmp_path: Path, close: bool) -> None:
    number = next(johns.of_each())
    head = johns.cut_out(number)
    view = cv2.resize(np.asarray(cv2.imread(str(DATA / "detection" / "dogs.jpg"))), (4000, 3000))
    if close:
        view = cv2.resize(head, (3000 * head.shape[1] // head.shape[0], 3000), interpolation=cv2.INTER_CUBIC)
    else:
        view[1200 : 1200 + head.shape[0], 2500 : 2500 + head.shape[1]] = head
    cv2.imwrite(str(tmp_path / "photo.jpg"), view)

    (face,) = EnginePhotoReader(engine).faces(tmp_path / "photo.jpg")

    assert johns.name(face, but=number) == johns.paths[number].parent.name


@pytest.mark.parametrize("side", [24, 30, 60, 110])
def test_everybody_in_a_group_of_fifteen(engine: Engine, johns: Johns, tmp_path: Path, side: int) -> None:
    # Given a crowd in rows of five, before dogs
    numbers = np.random.default_rng(0).choice(len(johns.paths), 15, replace=False).tolist()
    view = cv2.resize(np.asarray(cv2.imread(str(DATA / "detection" / "dogs.jpg"))), (1600, 1000))
    corners = {number: (20 + position % 5 * 310, 20 + position // 5 * 320) for position, number in enumerate(numbers)}
    for number, (left, top) in corners.items():
        head = johns.cut_out(number, side=side)[:300, :300]
        view[top : top + head.shape[0], left : left + head.shape[1]] = head
    cv2.imwrite(str(tmp_path / "group.jpg"), view)

    faces = EnginePhotoReader(engine).faces(tmp_path / "group.jpg")

    assert len(faces) == 15
    places = {min(corners, key=lambda number: distance(corners[number], face)): face for face in faces}
    named = {number: johns.name(places[number], but=number) for number in sorted(places)}
    assert named == {number: johns.paths[number].parent.name for number in sorted(numbers)}


def distance(corner: tuple[int, int], face: Face) -> float:
    return float(np.hypot(corner[0] - face.box[0], corner[1] - face.box[1]))


@pytest.mark.parametrize("condition", ["150×150, filled", "150×150, filled, tilted", "tilted 30°", "tilted -30°"])
def test_tight_and_tilted_crops(engine: Engine, johns: Johns, tmp_path: Path, condition: str) -> None:
    for number in johns.of_each():
        crop = CONDITIONS[condition](*cut_out(read(johns.paths[number]), johns.faces[number].box))
        cv2.imwrite(str(tmp_path / "crop.jpg"), crop, [cv2.IMWRITE_JPEG_QUALITY, 80])

        (face,) = EnginePhotoReader(engine).faces(tmp_path / "crop.jpg")

        assert johns.name(face, but=number) == johns.paths[number].parent.name
