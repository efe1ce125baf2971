from pathlib import Path

import pytest

from rollcall.contracts.errors import EmptyFile, MediaError, NoVideo, TruncatedMedia, UnreadableMedia
from rollcall.media.containers import is_jpeg_stream
from rollcall.media.source import HEAD_BYTES, LocalFile, recognize

TS = (b"\x47" + bytes(187)) * 6
TARGA = b"\0\0\x02" + bytes(9) + b"\x20\0\x20\0\x18\0" + bytes(300)
PICTURE = b"\0\0\x01\0meta\0\0\0\0\0\0\0\x21hdlr\0\0\0\0\0\0\0\0pict" + bytes(200)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)
M2TS = (bytes(4) + b"\x47" + bytes(187)) * 6


@pytest.mark.parametrize(
    ("head", "demuxer", "photo"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "jpeg_pipe", True),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "", True),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "", True),
        (b"\0\0\0\x18ftypheic", "", True),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "", True),
        (b"GIF89a", "gif", True),
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
        (TS[100:], "mpegts", False),
        (M2TS[37:], "mpegts", False),
        ((b"\x47" + bytes(203)) * 6, "mpegts", False),
        (((b"\x47" + bytes(203)) * 8)[150:], "mpegts", False),
        (b"\0\0\0\x01\x06\x05\x10" + bytes(20) + b"\x80\0\0\0\x01\x67\x42\0", "h264", False),  # SEI
        (b"\0\0\x01\x41\x9a\x24\0\0\x01\x01\x9e", "h264", False),  # slices
        (b"\0\0\0\x01\x4e\x01\x05\0\0\x01\x40\x01\x0c", "hevc", False),  # SEI
        (b"\0\0\x01\x26\x01\xaf\0\0\x01\x02\x01\xd0", "hevc", False),  # slices
        (b"\0\0\x01\xb8\0\x08\0\0\x01\0\0\x0f\0\0\x01\xb3\x14", "mpegvideo", False),
        (b"\0\0\x01\xb0\x01\0\0\x01\xb5\x89\0\0\x01\0\0\0\x01\x20", "m4v", False),
        (b"\0\0\x01\xe0\x07\xec" + bytes(60) + b"\x12\0\0\x01\xba\x44\0", "mpeg", False),
        (b"IMKH" + bytes(36) + b"\0\0\x01\xba\x44\0", "mpeg", False),
        (b"DKIF\0\0", "ivf", False),
        (b"DHAV\xfd", "dhav", False),
        (b"\x1f\x07\0\xbf", "dv", False),
        (bytes(100) + b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02\x04", "mxf", False),
        (b"--frame\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8", "mpjpeg", False),
        (b"\0\0\0\x18styp", "mov,mp4,m4a,3gp,3g2,mj2", False),
    ],
)
def test_recognized_by_content(head: bytes, demuxer: str, photo: bool) -> None:
    container = recognize(head)
    assert (container.demuxer, container.photo) == (demuxer, photo)


@pytest.mark.parametrize(
    ("head", "error", "told"),
    [
        (b"", EmptyFile, "The file is empty. Upload it again"),
        (b"Hello there", UnreadableMedia, "Upload MP4"),
        (b"#EXTM3U\n", UnreadableMedia, "a playlist .M3U., which is not supported. Upload the video itself"),
        (b"ffconcat version 1.0", UnreadableMedia, "a list of files"),
        (b"%PDF-1.7", UnreadableMedia, "a PDF document.*pages as JPEG"),
        (b".RMF\0\0", UnreadableMedia, "a RealMedia file, which is not supported. Convert it to MP4"),
        (b"CWS\x09", UnreadableMedia, "Flash"),
        (b"PK\x03\x04" + bytes(26) + b"holiday/1.jpg", UnreadableMedia, "a ZIP archive.*Unpack"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", UnreadableMedia, "Office"),
        (b"8BPS\0\x01", UnreadableMedia, "Photoshop.*JPEG"),
        (b"\xff\x0a\xfa", UnreadableMedia, "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", UnreadableMedia, "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", UnreadableMedia, "JPEG 2000"),
        (b"\0\0\0\x18ftypcrx ", UnreadableMedia, "raw photo .CR3"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg xmlns=', UnreadableMedia, "SVG"),
        (b"\n<!DOCTYPE html><html>", UnreadableMedia, "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", UnreadableMedia, "git lfs pull"),
        (bytes(100_000), UnreadableMedia, "nothing but zeros"),
        (b"G" * 150, UnreadableMedia, "Upload MP4"),
        (TARGA, UnreadableMedia, "a Targa picture .TGA., which is not supported. Convert it to JPEG"),
        (b"\0\x01\x09" + bytes(2) + b"\0\x01\x18" + TARGA[8:], UnreadableMedia, "a Targa picture"),
        (b"\0\0\x02\0\x01\0\x20\x20\0\0" + bytes(200), UnreadableMedia, "an icon"),
        (b"\0\0\x01\0\x03\0\x20\x20\0\0\x01\0" + bytes(200), UnreadableMedia, "an icon"),
        (b"\0\0\0\x01Bud1" + bytes(200), UnreadableMedia, "macOS keeps"),
        (b"\0\x05\x16\x07\0\x02" + bytes(200), UnreadableMedia, "begins with ._.*Upload the file of that name"),
        (b"CMMM" + bytes(200), UnreadableMedia, "Windows keeps .thumbcache."),
        (OLE + "256_".encode("utf-16-le"), UnreadableMedia, "Windows keeps .Thumbs.db."),
        (OLE + "WordDocument".encode("utf-16-le"), UnreadableMedia, "an old Office document"),
        (OLE, UnreadableMedia, "a compound file"),
        (b"\0\0\0\x0cJXS \r\n\x87\n", UnreadableMedia, "JPEG XS"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1miafjxsi", UnreadableMedia, "JPEG XS photo"),
        (b"\0\0\0\x18ftypavci\0\0\0\0mif1", UnreadableMedia, "a photo in H.264 .AVCI."),
        (b"\0\0\0\x14ftypzzzz\0\0\0\0mif1" + PICTURE, UnreadableMedia, "a photo in HEIF of an unknown kind"),
        (b"\0\0\0\x18ftypvvic\0\0\0\0mif1", UnreadableMedia, "H.266"),
        (b"IIRO\x08\0\0\0" + bytes(200), UnreadableMedia, "raw photo .ORF.*Export the photo as JPEG"),
        (b"IIII\x01\0\0\0" + bytes(200), UnreadableMedia, "raw photo .IIQ."),
        ("[.ShellClassInfo]".encode("utf-16"), UnreadableMedia, "a text file, not a video or photo. Upload MP4"),
        (b"\xff", TruncatedMedia, "has only 1 byte: it is incomplete, or no video or photo. Upload it again"),
        (("mü" * 200).encode()[:-1], UnreadableMedia, "a text file"),
        (b"m\xfcde " * 100, UnreadableMedia, "not a video or photo that can be read. Upload MP4"),
        (b"\x89PN", TruncatedMedia, "has only 3 bytes: it is incomplete"),
        (b"GIF8", TruncatedMedia, "has only 4 bytes: it is incomplete"),
        (b"RIFF\x10\x27\0\0", TruncatedMedia, "has only 8 bytes: it is incomplete"),
        (b"\x47\x40\0\x10" + bytes(96), TruncatedMedia, "has only 100 bytes: it is incomplete"),
        (b"RIFF\0\0\0\0WAVEfmt ", NoVideo, "only sound"),
        (b"ID3\x04\0", NoVideo, "only sound"),
        (b"fLaC\0", NoVideo, "only sound"),
    ],
)
def test_refused_with_a_reason(head: bytes, error: type[MediaError], told: str) -> None:
    with pytest.raises(error, match=told):
        recognize(head)


def test_ranges_of_a_file(tmp_path: Path) -> None:
    body = bytes(range(256)) * 1024
    (tmp_path / "v").write_bytes(body)
    source = LocalFile(tmp_path / "v")
    assert source.head == body[:HEAD_BYTES]
    assert source.read(10, 20) == body[10:30]
    assert source.read(HEAD_BYTES - 5, 10) == body[HEAD_BYTES - 5 : HEAD_BYTES + 5]
    assert source.read(len(body) - 3, 10) == body[-3:]
    assert source.read(len(body) + 3, 10) == b""


def jpeg(size: int, *, listed: bool = False) -> bytes:
    side = size.to_bytes(2, "big")
    more = b"\xff\xe2\0\x08MPF\0II" if listed else b""
    thumbnail = b"\xff\xe1\0\x12Exif\0\0\xff\xd8\xff\xd9\xff\xd8\xff\xd9\0\0"
    frame = b"\xff\xc0\0\x0b\x08" + side + side + b"\x01\x01\x11\0"
    return b"\xff\xd8" + thumbnail + more + frame + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + bytes(50) + b"\xff\xd9"


@pytest.mark.parametrize(
    ("content", "stream"),
    [
        (jpeg(64) + jpeg(64), True),
        (jpeg(64) + bytes(37) + jpeg(64), True),  # filled up
        (jpeg(64) + b"\r\n--next\r\n" + jpeg(64), True),
        (jpeg(64) + bytes(5000) + jpeg(64), False),
        (jpeg(64), False),
        (jpeg(64)[:-2], False),
        (jpeg(64) + jpeg(32), False),  # a gain map, smaller
        (jpeg(64, listed=True) + jpeg(64), False),  # two views of one scene
        (jpeg(64) + b"\0\0\0\x18ftypmp42", False),  # a photo that moves
        (b"", False),
        (b"\xff\xd8\xff", False),
        (b"\xff\xd8" + b"\xff\xe0\0\0" * 1000, False),
    ],
)
def test_jpegs_end_to_end_are_a_video(content: bytes, stream: bool) -> None:
    assert is_jpeg_stream(content) == stream
