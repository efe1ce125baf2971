import io
import zipfile

import pytest

from rollcall.contracts.errors import BadPack
from rollcall.contracts.events import Upload
from rollcall.contracts.packs import MAX_FRAMES, Manifest, read_pack, write_pack

UPLOAD = Upload(bucket="in", key="a b.mp4", version="v1")


def manifest(frames: int = 2) -> Manifest:
    times = [number / 2 for number in range(frames)]
    return Manifest(upload=UPLOAD, index=0, first_frame=0, times=times, width=64, height=48)


def zip_of(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_pack_comes_back_as_it_was_written() -> None:
    pack = read_pack(write_pack(manifest(), [b"one", b"two"]))

    assert pack.manifest == manifest()
    assert pack.frames == [b"one", b"two"]


def test_the_same_frames_make_the_same_bytes() -> None:
    assert write_pack(manifest(), [b"one", b"two"]) == write_pack(manifest(), [b"one", b"two"])


def test_the_members_are_named_as_clients_expect() -> None:
    with zipfile.ZipFile(io.BytesIO(write_pack(manifest(), [b"one", b"two"]))) as archive:
        assert archive.namelist() == ["frame-00000.jpg", "frame-00001.jpg", "manifest.json"]


def test_frames_and_times_must_agree() -> None:
    with pytest.raises(ValueError, match="1 frames, 2 times"):
        write_pack(manifest(), [b"one"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"PK\x03\x04 not really",
        zip_of({"frame-00000.jpg": b"x"}),
        zip_of({"manifest.json": b"{}"}),
        zip_of({"manifest.json": manifest().model_dump_json().encode(), "frame-00000.jpg": b"only one of two"}),
        zip_of({f"extra-{number}": b"" for number in range(MAX_FRAMES + 2)}),
        zip_of({"manifest.json": b" " * (2 * 1024**2)}),  # a zip bomb: 2 KB that become 2 MB of manifest
        write_pack(manifest(), [b"one", b"two"])[:-30],
    ],
    ids=["empty", "no zip", "no manifest", "bad manifest", "frame missing", "too many", "bomb", "truncated"],
)
def test_what_is_no_pack_is_refused(body: bytes) -> None:
    with pytest.raises(BadPack):
        read_pack(body)


def test_a_frame_that_unpacks_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollcall.contracts.packs.MAX_FRAME_BYTES", 1000)
    body = zip_of({"manifest.json": manifest(1).model_dump_json().encode(), "frame-00000.jpg": bytes(100_000)})

    with pytest.raises(BadPack, match="frame-00000.jpg is over 1000 bytes"):
        read_pack(body)
