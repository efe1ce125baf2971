"""Converts pixels of any kind to 8-bit sRGB, with white where a photo is transparent."""

import io
import math
from collections.abc import Callable
from contextlib import suppress

from PIL import Image, ImageCms

_BYTE, _WORD = 255, 65535
_WORDS = ("I;16", "I;16L", "I;16B", "I;16N")
_DEEP_GRAY = ("I", "F", *_WORDS)
_SRGB = (b"sRGB", "sRGB".encode("utf-16-be"))  # in the description of a profile, by its version
_PROFILE_HEAD = 4096  # bytes in which the description lies

# ITU-T H.273 transfer characteristics
PQ, HLG = 16, 18
_DIFFUSE_WHITE = 203 / 10_000  # of PQ's range: ITU-R BT.2408
_HLG_WHITE = 0.75  # the signal of diffuse white, by the same


def to_srgb(image: Image.Image, *, transfer: int | None = None) -> Image.Image:
    """The picture in RGB; `transfer`: the number of ITU-T H.273, if the container gives one."""
    profile = image.info.get("icc_profile")
    image = _by_profile(_opaque(_eight_bit(image)), profile)
    if image.mode != "RGB":
        image = image.convert("RGB")
    curve = None if transfer is None or profile else _CURVES.get(transfer)
    return image if curve is None else image.point([round(_BYTE * curve(level / _BYTE)) for level in range(256)] * 3)


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode not in _DEEP_GRAY:
        return image
    levels = image.convert("I").convert("F") if image.mode in _WORDS else image.convert("F")
    low, high = (0, _WORD) if image.mode in _WORDS else _range(*levels.getextrema())
    scale = _BYTE / (high - low)
    return levels.point(lambda level: level * scale + (0.5 - low * scale)).convert("L")


def _range(darkest: float, brightest: float) -> tuple[float, float]:
    """The values of black and white, guessed from the darkest and the brightest pixel."""
    if not (math.isfinite(darkest) and math.isfinite(brightest)):
        return 0.0, 1.0
    if darkest >= 0:
        for white in (1, _BYTE, _WORD):
            if brightest <= white:
                return 0.0, float(white)
    return darkest, max(brightest, darkest + 1)


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    colors = image.convert("RGBA")
    alpha = colors.getchannel("A")
    if alpha.getextrema() == (0, 0):  # transparent all over: the program that wrote it left the channel empty
        return colors.convert("RGB")
    white = Image.new("RGB", image.size, "white")
    white.paste(colors, mask=alpha)
    return white


def _by_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in sRGB; unchanged if its profile is sRGB, damaged, or for another kind of pixels."""
    if image.mode == "LAB":
        return _transformed(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    if not profile or any(name in profile[:_PROFILE_HEAD] for name in _SRGB):
        return image
    with suppress(OSError, ValueError, TypeError, ImageCms.PyCMSError):
        source = ImageCms.getOpenProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space == "CMYK" == image.mode:
            return _transformed(image, source)
        if space == "RGB" and image.mode not in ("CMYK", "L", "1"):
            return _transformed(image.convert("RGB"), source)
    return image


def _transformed(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB") or image


def _from_pq(signal: float) -> float:
    """SMPTE ST 2084, with diffuse white at the top: brighter values are clipped."""
    power = signal ** (1 / 78.84375)
    linear = (max(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
    return _srgb(linear / _DIFFUSE_WHITE)


def _from_hlg(signal: float) -> float:
    return _srgb(_hlg_scene(signal) / _hlg_scene(_HLG_WHITE))


def _hlg_scene(signal: float) -> float:
    """Linear light: ITU-R BT.2100."""
    if signal <= 0.5:  # noqa: PLR2004
        return signal**2 / 3
    return (math.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12


def _srgb(linear: float) -> float:
    linear = min(max(linear, 0.0), 1.0)
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055  # noqa: PLR2004


_CURVES: dict[int, Callable[[float], float]] = {PQ: _from_pq, HLG: _from_hlg}
