"""Files that are refused by their name: what they are, and what to do. One table."""

import re
from collections.abc import Callable

from functions.common.errors import MediaError, NoVideo, UnreadableMedia

TO_MP4 = "Convert it to MP4 and upload that."
TO_JPEG = "Convert it to JPEG and upload that."
UNPACK = "Unpack it and upload the videos and photos in it."
NO_PICTURE = "Upload a video or a photo."
_TEXT_BYTES = 1024


def _at(offset: int, *signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: any(head[offset : offset + len(one)] == one for one in signatures)


def _form(kind: bytes, *forms: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(kind) and head[8:12] in forms


def _text(pattern: str) -> Callable[[bytes], bool]:
    found = re.compile(pattern.encode(), re.IGNORECASE)
    return lambda head: found.match(head[:_TEXT_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()) is not None


def _zip_of(*names: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(b"PK\x03\x04") and any(name in head for name in names)


def _zeros(head: bytes) -> bool:
    return bool(head) and not head.strip(b"\0")


# The first that fits decides.
_TABLE: tuple[tuple[Callable[[bytes], bool], str, str], ...] = (
    (
        _at(0, b"version https://git-lfs.github.com/spec/"),
        "a Git LFS pointer",
        "Run `git lfs pull` and upload the file.",
    ),
    (_at(0, b".RMF"), "a RealMedia file", TO_MP4),
    (_at(0, b"\xb7\xd8\x00\x20\x37\x49\xda\x11"), "a Windows TV recording (WTV)", TO_MP4),
    (_at(0, b"FWS", b"CWS", b"ZWS"), "a Flash animation (SWF)", TO_MP4),
    (_at(0, b"YUV4MPEG2"), "an uncompressed video (Y4M)", TO_MP4),
    (_at(0, b"nut/multimedia container"), "a NUT file", TO_MP4),
    (_at(0, b"REDV", b"\0\0\x01\x00RED1"), "a RED camera file (R3D)", TO_MP4),
    (_at(0, b"#EXTM3U"), "a playlist (M3U)", "Upload the video itself."),
    (_text(r"ffconcat version"), "a list of files", "Upload the video itself."),
    (_text(r"(<\?xml[^>]*>\s*)?<MPD\b"), "a DASH manifest", "Upload the video itself."),
    (_text(r"v=0\r?\no="), "a session description (SDP)", "Upload the video itself."),
    (_text(r"<(\?xml|!--|!DOCTYPE svg|svg)(?s:.{0,800}?)(?<=<svg)\b|<svg\b"), "an SVG drawing", TO_JPEG),
    (_text(r"(<!doctype html|<html\b)"), "a web page (HTML)", NO_PICTURE),
    (_text(r"<\?xml\b"), "an XML file", NO_PICTURE),
    (_text(r"\{\\rtf"), "a text document (RTF)", NO_PICTURE),
    (lambda head: b"%PDF-" in head[:_TEXT_BYTES], "a PDF document", "Save its pages as JPEG and upload those."),
    (_at(0, b"%!PS"), "a PostScript document", TO_JPEG),
    (_zip_of(b"word/", b"xl/", b"ppt/", b"[Content_Types].xml"), "an Office document", NO_PICTURE),
    (_zip_of(b"mimetypeapplication/"), "a document (OpenDocument or EPUB)", NO_PICTURE),
    (_at(0, b"PK\x03\x04", b"PK\x05\x06"), "a ZIP archive", UNPACK),
    (_at(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old Office document", NO_PICTURE),
    (_at(0, b"Rar!\x1a\x07"), "a RAR archive", UNPACK),
    (_at(0, b"7z\xbc\xaf\x27\x1c"), "a 7-Zip archive", UNPACK),
    (_at(0, b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"), "a compressed file", UNPACK),
    (_at(257, b"ustar"), "a TAR archive", UNPACK),
    (_at(0, b"8BPS"), "a Photoshop file (PSD)", TO_JPEG),
    (_at(0, b"gimp xcf"), "a GIMP file (XCF)", TO_JPEG),
    (_at(0, b"\xff\x0a", b"\0\0\0\x0cJXL "), "a JPEG XL photo", TO_JPEG),
    (_at(0, b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), "a JPEG 2000 photo", TO_JPEG),
    (_at(0, b"II\xbc"), "a JPEG XR photo", TO_JPEG),
    (_at(0, b"BPG\xfb"), "a BPG photo", TO_JPEG),
    (_at(0, b"FLIF"), "a FLIF photo", TO_JPEG),
    (_at(0, b"\x76\x2f\x31\x01"), "an OpenEXR picture", TO_JPEG),
    (_at(0, b"#?RADIANCE", b"#?RGBE"), "a Radiance picture (HDR)", TO_JPEG),
    (_at(0, b"DDS "), "a texture (DDS)", TO_JPEG),
    (_at(0, b"\0\0\x01\0\x01\0", b"\0\0\x02\0"), "an icon", TO_JPEG),
    (_at(0, b"AT&TFORM"), "a DjVu document", TO_JPEG),
    (_at(0, *(b"P%d%c" % (kind, space) for kind in range(1, 8) for space in b"\n\r \t")), "a Netpbm picture", TO_JPEG),
    (_at(8, b"CR\x02\0"), "a camera's raw photo (CR2)", TO_JPEG),
    (_at(4, b"ftypcrx "), "a camera's raw photo (CR3)", TO_JPEG),
    (_at(0, b"FUJIFILMCCD-RAW"), "a camera's raw photo (RAF)", TO_JPEG),
    (_at(0, b"IIRO", b"IIRS", b"MMOR"), "a camera's raw photo (ORF)", TO_JPEG),
    (_at(0, b"IIU\0"), "a camera's raw photo (RW2)", TO_JPEG),
    (_at(0, b"FOVb"), "a camera's raw photo (X3F)", TO_JPEG),
    (_at(0, b"\0MRM"), "a camera's raw photo (MRW)", TO_JPEG),
    (_at(6, b"HEAPCCDR"), "a camera's raw photo (CRW)", TO_JPEG),
    (_at(0, b"SQLite format 3\0"), "a database", NO_PICTURE),
    (_at(0, b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"), "a program", NO_PICTURE),
)
_SOUND = (
    _at(0, b"ID3", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa", b"\xff\xf1", b"\xff\xf9", b"#!AMR"),
    _at(0, b"MThd", b"caff", b"wvpk", b"MAC ", b"DSD ", b"TTA1", b".snd", b".ra\xfd", b"\x0b\x77", b"\x7f\xfe\x80\x01"),
    _form(b"RIFF", b"WAVE", b"RMID"),
    _form(b"RF64", b"WAVE"),
    _form(b"FORM", b"AIFF", b"AIFC"),
)


def refusal(head: bytes) -> MediaError | None:
    """What its owner is told about a file that is known and not read; None where it is not known."""
    if any(fits(head) for fits in _SOUND):
        return NoVideo("This file holds only sound. Upload a video or a photo.")
    if _zeros(head):
        return UnreadableMedia("The file begins with nothing but zeros: it was not copied whole. Upload it again.")
    for fits, name, advice in _TABLE:
        if fits(head):
            return UnreadableMedia(f"This is {name}, which is not supported. {advice}")
    return None
