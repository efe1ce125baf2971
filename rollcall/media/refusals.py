"""One table of well-known file types that are refused: their names, and what to do."""

import re
from collections.abc import Callable

from rollcall.contracts.errors import EmptyFile, MediaError, NoVideo, TruncatedMedia, UnreadableMedia
from rollcall.media.photo_formats import NAMES, not_read

ACCEPTED = f"Upload MP4, MOV, MKV, WebM, AVI, {NAMES}."
TO_MP4 = "Convert it to MP4 and upload that."
TO_JPEG = "Convert it to JPEG and upload that."
EXPORT = "Export the photo as JPEG and upload that."
UNPACK = "Unpack it and upload the videos and photos in it."
NO_PICTURE = "Upload a video or a photo."
EMPTY = "The file is empty. Upload it again."
_UNKNOWN = f"This is not a video or photo that can be read. {ACCEPTED}"
_TEXT_BYTES = 1024
_TINY = 188  # bytes, as one packet of MPEG-TS: nothing that shows a picture, and is not known by then, has fewer
_STARTS_LIKE_TEXT = (b"RIFF", b"GIF87a", b"GIF89a", b"BM", b"II*", b"MM", b"OggS", b"FLV", b"DKIF", b"DHAV", b"DAHUA")


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
    return len(head) >= _TINY and not head.strip(b"\0")


def _ole(*names: str) -> Callable[[bytes], bool]:
    """A compound file of Microsoft's with a stream of one of these names."""
    encoded = [name.encode("utf-16-le") for name in names]
    return lambda head: head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") and any(name in head for name in encoded)


def _icon(head: bytes) -> bool:
    """ICO and CUR: the number of pictures, then 16 bytes for each, the fourth of them 0."""
    pictures = int.from_bytes(head[4:6], "little")
    return head[:4] in (b"\0\0\1\0", b"\0\0\2\0") and 0 < pictures < 256 and head[9:10] == b"\0"  # noqa: PLR2004


def _targa(head: bytes) -> bool:
    """Targa has no signature, but each field of its header has few values that make sense."""
    if len(head) < 18:  # noqa: PLR2004
        return False
    mapped, kind, map_depth, depth, layout = head[1], head[2], head[7], head[16], head[17]
    known = (mapped, kind & 7) in {(0, 2), (0, 3), (1, 1), (1, 2)} and kind & ~8 == kind & 7
    sized = head[12:14] != b"\0\0" != head[14:16] and depth in (8, 15, 16, 24, 32) and not layout & 0xC0
    return known and sized and (map_depth in (15, 16, 24, 32) if mapped else not head[3:8].strip(b"\0"))


def _is_text(head: bytes) -> bool:
    """Whether it is text in UTF-8 or UTF-16, and not a stream of pictures that begins with text."""
    if head.startswith(b"--") or any(start.startswith(head) or head.startswith(start) for start in _STARTS_LIKE_TEXT):
        return False
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[: len(head) // 2 * 2].decode("utf-16", "replace")
        return not any(ord(each) < ord(" ") and not each.isspace() or each == "\ufffd" for each in text[:-1])
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":  # a character that is cut in two
            return False
        text = head[: error.start].decode()
    return bool(text) and not any(ord(each) < ord(" ") and not each.isspace() or each == "\x7f" for each in text)


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
    (_at(0, b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), "a ZIP archive", UNPACK),
    (_ole("Catalog", "256_", "96_"), "a list of small pictures that Windows keeps (Thumbs.db)", NO_PICTURE),
    (_ole("WordDocument", "Workbook", "Book", "PowerPoint Document"), "an old Office document", NO_PICTURE),
    (_ole(""), "a compound file of Microsoft's, such as an old Office document", NO_PICTURE),
    (_at(0, b"CMMM"), "a list of small pictures that Windows keeps (thumbcache)", NO_PICTURE),
    (_at(0, b"\0\0\0\x01Bud1"), "a folder's settings that macOS keeps (.DS_Store)", NO_PICTURE),
    (
        _at(0, b"\0\x05\x16\x07", b"\0\x05\x16\0"),
        "a companion file of macOS (its name begins with ._)",
        "Upload the file of that name without ._.",
    ),
    (_at(0, b"bplist"), "a settings file (plist)", NO_PICTURE),
    (_at(0, b"L\0\0\0\x01\x14\x02\0"), "a shortcut to another file", "Upload the file itself."),
    (_at(0, b"Rar!\x1a\x07"), "a RAR archive", UNPACK),
    (_at(0, b"7z\xbc\xaf\x27\x1c"), "a 7-Zip archive", UNPACK),
    (_at(0, b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"), "a compressed file", UNPACK),
    (_at(257, b"ustar"), "a TAR archive", UNPACK),
    (_at(0, b"8BPS"), "a Photoshop file (PSD)", TO_JPEG),
    (_at(0, b"gimp xcf"), "a GIMP file (XCF)", TO_JPEG),
    (_at(0, b"\xff\x0a", b"\0\0\0\x0cJXL "), "a JPEG XL photo", TO_JPEG),
    (_at(0, b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), "a JPEG 2000 photo", TO_JPEG),
    (_at(0, b"II\xbc"), "a JPEG XR photo", TO_JPEG),
    (_at(0, b"\0\0\0\x0cJXS ", b"\xff\x10\xff\x50"), "a JPEG XS photo", TO_JPEG),
    (_at(0, b"\xff\xd8\xff\xf7"), "a JPEG-LS photo", TO_JPEG),
    (_at(0, b"\x8aMNG\r\n\x1a\n", b"\x8bJNG\r\n\x1a\n"), "an animation (MNG) or a JNG picture", TO_JPEG),
    (_at(0, b"qoif"), "a QOI picture", TO_JPEG),
    (_at(0, b"\x0a\0\x01", b"\x0a\x02\x01", b"\x0a\x03\x01", b"\x0a\x05\x01"), "a PCX picture", TO_JPEG),
    (_at(0, b"\x01\xda\0\x01", b"\x01\xda\x01\x01"), "an SGI picture", TO_JPEG),
    (_at(0, b"\x59\xa6\x6a\x95"), "a Sun raster picture", TO_JPEG),
    (_at(0, b"\xd7\xcd\xc6\x9a"), "a drawing (WMF)", TO_JPEG),
    (_at(40, b" EMF"), "a drawing (EMF)", TO_JPEG),
    (_at(0, b"\xc5\xd0\xd3\xc6"), "a PostScript document", TO_JPEG),
    (_form(b"RIFF", *(b"CDR%c" % kind for kind in b"3456789ABCDEFGHIJKLM")), "a CorelDRAW file", TO_JPEG),
    (_form(b"RIFF", b"ACON"), "an animated cursor (ANI)", TO_JPEG),
    (_form(b"FORM", b"ILBM", b"PBM "), "an Amiga picture (IFF)", TO_JPEG),
    (_at(0, b"SIMPLE  ="), "a picture for astronomy (FITS)", TO_JPEG),
    (_at(128, b"DICM"), "a medical picture (DICOM)", TO_JPEG),
    (_at(0, b"PF\n", b"Pf\n", b"PF\r", b"Pf\r"), "a Netpbm picture", TO_JPEG),
    (_text(r"/\* XPM \*/|#define \w+_width \d"), "an X11 picture (XPM or XBM)", TO_JPEG),
    (_at(0, b"BPG\xfb"), "a BPG photo", TO_JPEG),
    (_at(0, b"FLIF"), "a FLIF photo", TO_JPEG),
    (_at(0, b"\x76\x2f\x31\x01"), "an OpenEXR picture", TO_JPEG),
    (_at(0, b"#?RADIANCE", b"#?RGBE"), "a Radiance picture (HDR)", TO_JPEG),
    (_at(0, b"DDS "), "a texture (DDS)", TO_JPEG),
    (_icon, "an icon (ICO or CUR)", TO_JPEG),
    (_at(0, b"icns"), "an icon (ICNS)", TO_JPEG),
    (_targa, "a Targa picture (TGA)", TO_JPEG),
    (_at(0, b"AT&TFORM"), "a DjVu document", TO_JPEG),
    (_at(0, *(b"P%d%c" % (kind, space) for kind in range(1, 8) for space in b"\n\r \t")), "a Netpbm picture", TO_JPEG),
    (_at(8, b"CR\x02\0"), "a camera's raw photo (CR2)", EXPORT),
    (_at(4, b"ftypcrx "), "a camera's raw photo (CR3)", EXPORT),
    (_at(0, b"FUJIFILMCCD-RAW"), "a camera's raw photo (RAF)", EXPORT),
    (_at(0, b"IIRO", b"IIRS", b"MMOR", b"MMRO"), "a camera's raw photo (ORF)", EXPORT),
    (_at(0, b"IIU\0"), "a camera's raw photo (RW2)", EXPORT),
    (_at(0, b"FOVb"), "a camera's raw photo (X3F)", EXPORT),
    (_at(0, b"\0MRM"), "a camera's raw photo (MRW)", EXPORT),
    (_at(6, b"HEAPCCDR"), "a camera's raw photo (CRW)", EXPORT),
    (_at(0, b"IIII\x01\0\0\0", b"MMMM\0\0\0\x01"), "a camera's raw photo (IIQ)", EXPORT),
    (_at(0, b"SQLite format 3\0"), "a database", NO_PICTURE),
    (_at(0, b"\0\x01\0\0\0", b"OTTO\0", b"ttcf", b"wOFF", b"wOF2"), "a font", NO_PICTURE),
    (_at(0, b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"), "a program", NO_PICTURE),
)
_SOUND = (
    _at(0, b"ID3", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa", b"\xff\xf1", b"\xff\xf9", b"#!AMR"),
    _at(0, b"MThd", b"caff", b"wvpk", b"MAC ", b"DSD ", b"TTA1", b".snd", b".ra\xfd", b"\x0b\x77", b"\x7f\xfe\x80\x01"),
    _form(b"RIFF", b"WAVE", b"RMID"),
    _form(b"RF64", b"WAVE"),
    _form(b"FORM", b"AIFF", b"AIFC"),
)


def not_supported(name: str, advice: str) -> UnreadableMedia:
    return UnreadableMedia(f"This is {name}, which is not supported. {advice}")


def refusal(head: bytes) -> MediaError | None:
    """The refusal of a known file type; None for an unknown one."""
    if not head:
        return EmptyFile(EMPTY)
    if any(fits(head) for fits in _SOUND):
        return NoVideo("This file holds only sound. Upload a video or a photo.")
    if _zeros(head):
        return UnreadableMedia("The file begins with nothing but zeros: it was not copied whole. Upload it again.")
    photo = not_read(head)
    named = [(photo, TO_JPEG)] if photo else [(name, advice) for fits, name, advice in _TABLE if fits(head)]
    if named:
        return not_supported(*named[0])
    return UnreadableMedia(f"This is a text file, not a video or photo. {ACCEPTED}") if _is_text(head) else None


def unknown(head: bytes) -> MediaError:
    """The refusal of an unknown file type."""
    if len(head) >= _TINY:
        return UnreadableMedia(_UNKNOWN)
    count = f"{len(head)} byte{'s' if head[1:] else ''}"
    return TruncatedMedia(
        f"The file has only {count}: it is incomplete, or no video or photo. Upload it again from the original."
    )
