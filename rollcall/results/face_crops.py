"""A face cut out of its picture for people to look at."""

import cv2

from rollcall.engine.face import Box, Image
from rollcall.engine.pyramid import Octaves

MARGIN = 0.3  # of the box, on each side
SIDE = 224  # pixels
QUALITY = 90


def face_crop(image: Image, box: Box) -> Image:
    x, y, width, height = box
    left, top = max(0, int(x - MARGIN * width)), max(0, int(y - MARGIN * height))
    right, bottom = int(x + (1 + MARGIN) * width), int(y + (1 + MARGIN) * height)
    crop = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    scale = SIDE / max(crop.shape[:2])
    if scale >= 1:
        return crop.copy()  # a view would keep the whole picture in memory
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    return Octaves(crop).at_scale(size)


def jpeg(crop: Image) -> bytes:
    written, encoded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not written:
        raise ValueError(f"a crop of shape {crop.shape} could not be encoded")
    return encoded.tobytes()
