"""The video formats: how each is recognized by its first bytes, and the ffmpeg demuxer that reads it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

TS_PACKETS = (188, 192, 204, 208)  # bytes: plain, with a time code as cameras write it, with error correction
TS_FEWEST = 4  # marks in a row, where the stream begins inside a packet
START_CODE = b"\x00\x00\x01"
UNITS_LOOKED_AT = 200
FEWEST_UNITS = 6  # all of one kind of stream, where it begins inside a unit


@dataclass(frozen=True)
class Container:
    demuxer: str  # ffmpeg's name; it is given, so that ffmpeg never guesses from a name or content
    photo: bool = False  # or looks like one: a GIF that moves is a video, and so are JPEGs end to end

    @property
    def restarts(self) -> bool:
        """Whether ffmpeg counts the picture's times from its own start, and not from the file's."""
        return self.demuxer in _RESTARTING


_RESTARTING = ("mpegts", "mpeg", "ogg", "dhav", "m4v")  # ffmpeg's AVFMT_TS_DISCONT
MOV = Container("mov,mp4,m4a,3gp,3g2,mj2")
MATROSKA = Container("matroska,webm")
INDEXED = (MOV, MATROSKA)  # the others have no index to seek by, or make up times as they read
MJPEG, IVF = Container("mjpeg"), Container("ivf")
JPEG, GIF, PHOTO = Container("jpeg_pipe", photo=True), Container("gif", photo=True), Container("", photo=True)
H264, HEVC, MPEG_VIDEO = Container("h264"), Container("hevc"), Container("mpegvideo")

_BY_START = (
    (b"\x1a\x45\xdf\xa3", MATROSKA),
    (b"FLV\x01", Container("flv")),
    (b"OggS", Container("ogg")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Container("asf")),
    (b"DKIF", IVF),
    (b"DHAV", Container("dhav")),
    (b"DAHUA", Container("dhav")),
    (b"\x1f\x07\x00\x3f", Container("dv")),
    (b"\x1f\x07\x00\xbf", Container("dv")),
)
_BY_RIFF_FORM = {form: Container("avi") for form in (b"AVI ", b"AVIX", b"AVI\x19", b"AMV ")}
_MOV_BOXES = {b"ftyp", b"styp", b"sidx", b"moof", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"junk"}
MXF_HEADER = b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02"  # may come after up to 64 KiB of anything
_JPEG_SCAN, _JPEG_PICTURES = 0xDA, 0xE2  # markers: a picture's own bytes; where a list of pictures may be (APP2)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers that come with the size
_MPEG_SEQUENCE = 0xB3
_MPEG_CODES = frozenset({*range(0xB0), 0xB2, _MPEG_SEQUENCE, 0xB5, 0xB7, 0xB8})
_MPEG4_OBJECTS = {0xB0, 0xB6}
_JPEG_SEGMENT = re.compile(rb"\xff(.)(..)", re.DOTALL)  # marker, length
_JPEG_GAP = 256  # bytes at most between pictures: some cameras fill up or separate them
_PACK = re.compile(START_CODE + rb"\xba[\x20-\x2f\x40-\x7f]")  # of MPEG-1 or MPEG-2
# Kinds of NAL units (ITU-T H.264, table 7-1; H.265, table 7-1)
_H264_KINDS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20})
_H264_PARAMETERS = 7
_H264_ALWAYS_REFERENCED = frozenset({5, 7, 8})
_H264_NEVER_REFERENCED = frozenset({6, 9, 10, 11, 12})
_HEVC_SECOND_BYTES = frozenset(range(1, 8))  # of the base layer
_HEVC_KINDS = frozenset({*range(10), *range(16, 22), *range(32, 41)})


def video_container(head: bytes) -> Container | None:
    """The container of a video by its first bytes; None if they are not a video's."""
    for start, container in _BY_START:
        if head.startswith(start):
            return container
    if head[:4] == b"RIFF":
        return _BY_RIFF_FORM.get(head[8:12])
    if head[4:8] in _MOV_BOXES:
        return MOV
    if MXF_HEADER in head:
        return Container("mxf")
    if head.startswith(b"--") and b"content-type: image/jpeg" in head[:1024].lower():
        return Container("mpjpeg")
    return _transport_stream(head) or _program_stream(head) or _elementary_stream(head)


def begun_inside(content: bytes) -> Container | None:
    """The stream that these bytes are the middle of: the first picture has lost its beginning, and whole ones
    follow.
    """
    picture = content.find(b"\xff\xd8\xff")
    if picture >= 0 and is_jpeg_stream(content[picture:]):
        return MJPEG
    units = list(_units(content))
    if len(units) < FEWEST_UNITS:
        return None
    codes = {unit[0] for unit in units}
    if all(map(_may_be_hevc, units)):
        return HEVC
    if all(map(_may_be_h264, units)):
        return H264
    return MPEG_VIDEO if _MPEG_SEQUENCE in codes and codes <= _MPEG_CODES else None


def is_jpeg_stream(content: bytes) -> bool:
    """Whether JPEGs of one size follow each other, with little between them.

    A photo may hold other pictures too, but names them in a list of its own.
    """
    first = _jpeg_scan(content, 0)
    if first is None or first.listed:
        return False
    end = content.find(b"\xff\xd9", first.at)
    follows = content.find(b"\xff\xd8\xff", end + 2, end + 2 + _JPEG_GAP + 3)
    second = _jpeg_scan(content, follows) if min(end, follows) >= 0 else None
    return second is not None and not second.listed and second.size == first.size


@dataclass(frozen=True)
class _Scan:
    at: int  # where the picture's own bytes begin
    size: bytes  # height and width
    listed: bool  # it says that other pictures follow (MPF: panoramas, 3D, gain maps)


def _jpeg_scan(content: bytes, at: int) -> _Scan | None:
    at, size, listed = at + 2, b"", False
    while segment := _JPEG_SEGMENT.match(content, at):
        marker, length = segment[1][0], int.from_bytes(segment[2], "big")
        if marker == _JPEG_SCAN:
            return _Scan(at, size, listed)
        if marker in _JPEG_FRAMES:
            size = content[at + 5 : at + 9]
        listed |= marker == _JPEG_PICTURES and content[at + 4 : at + 8] == b"MPF\0"
        at += 2 + max(length, 2)
    return None


def _transport_stream(head: bytes) -> Container | None:
    for packet in TS_PACKETS:
        for first in range(packet):
            marks = head[first::packet]
            fewest = 1 if first in (0, 4) else TS_FEWEST
            if len(marks) > fewest and not marks.strip(b"\x47"):
                return Container("mpegts")
    return None


def _program_stream(head: bytes) -> Container | None:
    """The container of a program stream, which may begin inside a pack, or after a recorder's own header."""
    return Container("mpeg") if _PACK.search(head) else None


def _elementary_stream(head: bytes) -> Container | None:
    if not head.startswith((START_CODE, b"\0" + START_CODE)):
        return None
    units = list(_units(head))
    codes = {unit[0] for unit in units}
    if codes & _MPEG4_OBJECTS:
        return Container("m4v")
    if _MPEG_SEQUENCE in codes:
        return MPEG_VIDEO
    hevc = all(map(_may_be_hevc, units))
    if all(map(_may_be_h264, units)) and (not hevc or _H264_PARAMETERS in {code & 0x1F for code in codes}):
        return H264
    return HEVC if hevc else None


def _units(head: bytes) -> Iterator[bytes]:
    """The first two bytes of each unit."""
    for found in islice(re.finditer(START_CODE + b"(..)", head, re.DOTALL), UNITS_LOOKED_AT):
        yield found[1]


def _may_be_h264(unit: bytes) -> bool:
    kind, referenced, forbidden = unit[0] & 0x1F, unit[0] >> 5 & 3, unit[0] >> 7
    if forbidden or kind not in _H264_KINDS:
        return False
    return kind not in (_H264_NEVER_REFERENCED if referenced else _H264_ALWAYS_REFERENCED)


def _may_be_hevc(unit: bytes) -> bool:
    first, second = unit
    return first >> 1 in _HEVC_KINDS and not first & 1 and second in _HEVC_SECOND_BYTES
