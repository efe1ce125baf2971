"""The photos and clips that accuracy is measured on, each face with the person it is known to show."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.embedder_kinds import UNNAMED_EMBEDDER
from rollcall.engine.engine import Engine
from rollcall.engine.face import Box, Face, Image
from rollcall.media.photo_formats import SUFFIXES as PHOTO_SUFFIXES
from rollcall.people.gallery_store import EnrolledFace, comparable

# in several sources at once: by the names of the clips' gallery
DEMO_PHOTOS = {
    "obama.jpg": "president_obama",
    "obama2.jpg": "president_obama",
    "obama3.jpg": "president_obama",
    "biden.jpg": "president_biden",
    "astronaut.png": "eileen_collins",
}
GROUPED = "bald_guys.jpg"
FOUND_IOU = 0.3
Pair = tuple[Path, Path, bool]  # two photos, and whether they show one person
SAME = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A face in a photo as it came. `subject`: who it is; `source`: which photo, and which face of it.

    `enrolled`: [D], its embedding where it is enrolled; `face` has the one where it is asked about.
    """

    subject: str
    source: str
    photo: Image
    face: Face
    enrolled: NDArray[np.float32]


def seen(engine: Engine, photo: Image) -> list[tuple[Face, NDArray[np.float32]]]:
    """Each face of a photo, largest first, and its embedding where it is enrolled."""
    asked, enrolled = engine.analyze([photo])[0], engine.analyze([photo], enrolling=True)[0]
    return [(face, same.embedding) for face, same in zip(asked, enrolled, strict=True)]


def people_in_folders(engine: Engine, folder: Path) -> tuple[list[Sample], list[str]]:
    """The largest face of each photo in a folder `NAME`, and the photos in which none was found."""
    samples, missed = [], []
    for path in photos_of_people(folder):
        photo, source = read(path), f"{path.parent.name}/{path.name}"
        faces = seen(engine, photo)
        if faces:
            samples.append(Sample(path.parent.name, source, photo, *faces[0]))
        else:
            missed.append(source)
    if not samples:
        raise SystemExit(f"{folder}: no face found in any of its {len(missed)} photos")
    return samples, missed


def photos_of_people(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in PHOTO_SUFFIXES)
    if not found:
        raise SystemExit(f"{folder}: expected a folder for each person with their photos in it, NAME/*.jpg")
    return found


def demo_people(engine: Engine, folder: Path) -> list[Sample]:
    """The photos of the demo, as far as they are there."""
    photos = [(name, read(folder / name)) for name in DEMO_PHOTOS if (folder / name).is_file()]
    return [Sample(DEMO_PHOTOS[name], name, photo, *seen(engine, photo)[0]) for name, photo in photos]


def people_in_groups(engine: Engine, folder: Path) -> list[Sample]:
    """Every face in `boxes.json`, each another person; and the faces of `GROUPED`, six photos each of four people."""
    samples: list[Sample] = []
    truth: dict[str, list[Box]] = json.loads((folder / "boxes.json").read_text())
    for name, boxes in sorted(truth.items()):
        photo = read(folder / name)
        for number, (face, enrolled) in enumerate(seen(engine, photo)):
            if max(iou(face.box, box) for box in boxes) > FOUND_IOU:
                samples.append(Sample(f"{name}#{number}", f"{name}#{number}", photo, face, enrolled))
    return samples + _grouped_people(engine, folder / GROUPED)


def _grouped_people(engine: Engine, path: Path) -> list[Sample]:
    groups: dict[str, list[tuple[float, float]]] = json.loads(
        resources.files("benchmarks.accuracy").joinpath("bald_guys.json").read_text(encoding="utf-8")
    )
    photo = read(path)
    faces = seen(engine, photo)
    middles = np.array([(face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2) for face, _ in faces])
    samples = []
    for subject, places in groups.items():
        for place in places:
            number = int(np.linalg.norm(middles - place, axis=1).argmin())
            samples.append(Sample(subject, f"{path.name}#{number}", photo, *faces[number]))
    return samples


def pairs(file: Path) -> list[Pair]:
    """A CSV with the columns file_x, file_y (paths from its own folder) and same (1, 0, true, false, yes or no)."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SystemExit(f"{file}: cannot be read as a CSV ({error})") from None
    if not rows or not {"file_x", "file_y", "same"} <= rows[0].keys():
        raise SystemExit(f"{file}: expected the columns file_x, file_y and same, and a row for each pair")
    return [_pair(file, number, row) for number, row in enumerate(rows, start=1)]


def _pair(file: Path, number: int, row: dict[str, str | None]) -> Pair:
    same = (row["same"] or "").strip().lower()
    if same not in SAME:
        raise SystemExit(f"{file}, pair {number}: same is {row['same']!r}; expected one of {', '.join(SAME)}")
    one, other = (file.parent / (row[column] or "").strip() for column in ("file_x", "file_y"))
    for photo in (one, other):
        if not photo.is_file():
            raise SystemExit(f"{file}, pair {number}: there is no photo {photo}")
    return one, other, SAME[same]


def clip_gallery(data: Path, embedder: str) -> list[EnrolledFace]:
    """The people of the clips, enrolled by somebody else's pipeline with dlib's ResNet; nobody for an embedder that
    has nothing in common with that.
    """
    if not comparable(UNNAMED_EMBEDDER, embedder):
        return []
    entries = json.loads((data / "gallery" / "embeddings.json").read_text())
    return [
        EnrolledFace(name=entry["name"], embedding=np.array(entry["embedding"], dtype=np.float32), source="gallery")
        for entry in entries
    ]


def enrolled_faces(samples: Sequence[Sample], embedder: str) -> list[EnrolledFace]:
    return [
        EnrolledFace(name=sample.subject, embedding=sample.enrolled, model=embedder, source=sample.source)
        for sample in samples
    ]


def frames(clip: Path, *, every: int) -> Iterator[Image]:
    capture = cv2.VideoCapture(str(clip))
    number = 0
    while capture.grab():
        if number % every == 0:
            yield np.asarray(capture.retrieve()[1], dtype=np.uint8)
        number += 1


def read(photo: Path) -> Image:
    """Upright, whatever its EXIF orientation."""
    image = cv2.imread(str(photo))
    if image is None:
        raise SystemExit(f"{photo} cannot be read as a photo")
    return np.asarray(image, dtype=np.uint8)


def iou(one: Box, other: Box) -> float:
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    return common / (one[2] * one[3] + other[2] * other[3] - common)
