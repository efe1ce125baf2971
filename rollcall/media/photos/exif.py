"""The EXIF orientation of a picture: how it has to be turned."""

import struct

UPRIGHT = 1
ORIENTATIONS = range(1, 9)
_ORIENTATION_TAG = 0x0112


def orientation_of(exif: bytes) -> int:
    """1 to 8, from the first directory of a TIFF header; 1 (upright) if there is none or it is damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return UPRIGHT
    try:
        (directory,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, directory)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, directory + 2 + 12 * entry)
            if tag == _ORIENTATION_TAG:
                return value if value in ORIENTATIONS else UPRIGHT
    except struct.error:  # an offset that points outside
        return UPRIGHT
    return UPRIGHT
