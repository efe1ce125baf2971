"""What a smoke test sends: the demo's clip and photos, and the faces on them."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rollcall.cli.demo.demo_photos import cache_folder, ensure_photos
from rollcall.cli.demo.demo_video import encode, shoot
from rollcall.cli.demo.story import COLLINS, OBAMA, shots
from rollcall.cli.preparation import note, prepare_model_files, read_gallery
from rollcall.cli.smoke.smoke_people import PHOTOS
from rollcall.media.videos.ffmpeg import find
from rollcall.people.gallery_store import EnrolledFace

PHOTO, ON_PHOTO = "obama2.jpg", OBAMA
FORM_PHOTO, ON_FORM_PHOTO, FORM_TYPE = "astronaut.png", COLLINS, "image/png"


@dataclass(frozen=True)
class Material:
    clip: bytes  # everybody is in it
    photo: bytes
    form_photo: bytes
    faces: list[EnrolledFace]  # of everybody, by the demo's names


def prepare(embedder: str) -> Material:
    model_dir = prepare_model_files(embedder)
    photos = ensure_photos(cache_folder(os.environ), progress=note)
    with tempfile.TemporaryDirectory(prefix="rollcall-smoke-") as folder:
        clip = Path(folder) / "demo.mp4"
        encode(shoot(shots(photos)), clip, find())
        return material(clip.read_bytes(), photos, read_faces(photos, Path(folder) / "gallery", model_dir, embedder))


def material(clip: bytes, photos: Path, faces: list[EnrolledFace]) -> Material:
    return Material(
        clip=clip, photo=(photos / PHOTO).read_bytes(), form_photo=(photos / FORM_PHOTO).read_bytes(), faces=faces
    )


def read_faces(photos: Path, gallery: Path, model_dir: Path, embedder: str) -> list[EnrolledFace]:
    """`gallery`: the folder in which one is made for each person."""
    for name, photo in PHOTOS.items():
        (gallery / name).mkdir(parents=True)
        (gallery / name / photo).write_bytes((photos / photo).read_bytes())
    return read_gallery([gallery], model_dir, embedder).faces
