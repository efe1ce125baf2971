"""Photos of one batch go through the engine together: each gets what it would get alone, whatever is beside it."""

import io

import numpy as np
import pytest
from PIL import Image

from rollcall.cli.demo.demo_photos import ensure_photos
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER
from rollcall.contracts.errors import BadPack
from rollcall.contracts.events import Upload
from rollcall.contracts.packs import Manifest, Pack
from rollcall.engine.engine import Engine, load_engine
from rollcall.people.gop_faces import GopFaces, unpack_embedding
from rollcall.stages.pack_faces import faces_of_each
from rollcall.weights.folder import ensure_model_files

SIDE = 250


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_engine(ensure_model_files(), DEFAULT_EMBEDDER, threads=1)


def jpeg(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "JPEG")
    return written.getvalue()


def pack(number: int, frame: bytes, *, height: int = SIDE, photo: bool = True) -> Pack:
    manifest = Manifest(
        upload=Upload(bucket="in", key=f"{number}.jpg", version="1"),
        index=0,
        first_frame=0,
        times=[0.0],
        width=SIDE,
        height=height,
        photo=photo,
    )
    return Pack(manifest=manifest, frames=[frame])


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> list[Pack]:
    with Image.open(ensure_photos(tmp_path_factory.mktemp("photos"), progress=print) / "obama2.jpg") as picture:
        face = picture.convert("RGB")
    nobody = Image.new("RGB", (SIDE, SIDE), "gray")
    return [
        pack(0, jpeg(face.resize((SIDE, SIDE)))),
        pack(1, b"this is no picture"),
        pack(2, jpeg(nobody)),
        pack(3, jpeg(face.resize((SIDE, 300)))),  # its manifest says another size
        pack(4, jpeg(face.resize((SIDE, 260))), height=260),
        pack(5, jpeg(face.resize((SIDE, SIDE))), photo=False),
    ]


def test_each_as_if_it_were_alone(engine: Engine, packs: list[Pack]) -> None:
    together = faces_of_each(packs, engine)

    assert [type(found) for found in together] == [GopFaces, BadPack, GopFaces, BadPack, GopFaces, GopFaces]
    for each, found in zip(packs, together, strict=True):
        (alone,) = faces_of_each([each], engine)
        if isinstance(found, GopFaces) and isinstance(alone, GopFaces):
            assert found.upload == each.manifest.upload
            assert len(found.faces) == len(alone.faces)
            for face, other in zip(found.faces, alone.faces, strict=True):
                assert np.allclose(face.box, other.box, atol=1e-3)
                assert np.allclose(unpack_embedding(face.embedding), unpack_embedding(other.embedding), atol=1e-5)
    assert [len(found.faces) for found in together if isinstance(found, GopFaces)] == [1, 0, 1, 1]
