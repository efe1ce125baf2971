from pathlib import Path

import pytest

from functions.common.errors import MediaError, NoVideo, UnreadableMedia
from functions.video_split.source import HEAD_BYTES, LocalFile, recognise

TS = (b"\x47" + bytes(187)) * 6
M2TS = (bytes(4) + b"\x47" + bytes(187)) * 6


@pytest.mark.parametrize(
    ("head", "demuxer", "photo"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "jpeg_pipe", True),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "png_pipe", True),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "webp_pipe", True),
        (b"RIFF\x10\0\0\0AVI LIST", "avi", False),
        (b"\0\0\0\x18ftypmp42", "mov,mp4,m4a,3gp,3g2,mj2", False),
        (b"\0\0\0\x14ftypqt  ", "mov,mp4,m4a,3gp,3g2,mj2", False),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mov,mp4,m4a,3gp,3g2,mj2", False),
        (b"\x1a\x45\xdf\xa3\x01", "matroska,webm", False),
        (TS, "mpegts", False),
        (M2TS, "mpegts", False),
        (b"\0\0\0\x01\x67\x42\0", "h264", False),
        (b"\0\0\x01\x09\xf0", "h264", False),
        (b"\0\0\0\x01\x40\x01\x0c", "hevc", False),
        (b"\0\0\x01\xba\x44", "mpeg", False),
    ],
)
def test_recognised_by_content(head: bytes, demuxer: str, photo: bool) -> None:
    container = recognise(head)
    assert (container.demuxer, container.photo) == (demuxer, photo)


@pytest.mark.parametrize(
    ("head", "error", "told"),
    [
        (b"", UnreadableMedia, "Upload MP4"),
        (b"Hello there", UnreadableMedia, "Upload MP4"),
        (b"#EXTM3U\n", UnreadableMedia, "Upload MP4"),
        (b"ffconcat version 1.0", UnreadableMedia, "Upload MP4"),
        (b"%PDF-1.7", UnreadableMedia, "Upload MP4"),
        (b"G" * 150, UnreadableMedia, "Upload MP4"),
        (b"\0\0\0\x18ftypheic", UnreadableMedia, "Convert the photo to JPEG"),
        (b"\0\0\0\x18ftypavif", UnreadableMedia, "Convert the photo to JPEG"),
        (b"RIFF\0\0\0\0WAVEfmt ", NoVideo, "only sound"),
        (b"ID3\x04\0", NoVideo, "only sound"),
        (b"fLaC\0", NoVideo, "only sound"),
    ],
)
def test_refused_with_a_reason(head: bytes, error: type[MediaError], told: str) -> None:
    with pytest.raises(error, match=told):
        recognise(head)


def test_ranges_of_a_file(tmp_path: Path) -> None:
    body = bytes(range(256)) * 1024
    (tmp_path / "v").write_bytes(body)
    source = LocalFile(tmp_path / "v")
    assert source.head == body[:HEAD_BYTES]
    assert source.read(10, 20) == body[10:30]
    assert source.read(HEAD_BYTES - 5, 10) == body[HEAD_BYTES - 5 : HEAD_BYTES + 5]
    assert source.read(len(body) - 3, 10) == body[-3:]
    assert source.read(len(body) + 3, 10) == b""
