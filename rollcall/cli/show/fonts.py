"""Text for pictures: Pillow's own font, then system fonts, then plain letters for what no font has."""

import unicodedata
from functools import lru_cache

from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont
from PIL.ImageFont import ImageFont as BitmapFont

Font = FreeTypeFont | BitmapFont

MISSING = "?"
# looked for by name where the system keeps its fonts; the first ones cover most scripts
_SYSTEM_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "msgothic.ttc",
    "segoeui.ttf",
)
_IN_NO_FONT = "\U0010fffe"  # what is drawn for it is the font's box for missing characters


def default_font(size: int) -> Font:
    return _fonts(size)[0]


def typeset(text: str, size: int) -> tuple[Font, str]:
    """A font, and the text as that font can show it: accents dropped, then `?`, where no font has a character."""
    font = min(_fonts(size), key=lambda font: len(_missing(font, text)))
    missing = _missing(font, text)
    return font, "".join(_plainer(font, character) if character in missing else character for character in text)


def is_legible(text: str) -> bool:
    return MISSING not in typeset(text.replace(MISSING, ""), 16)[1]


def fit(text: str, font: Font, width: float) -> str:
    """The text, or as much of its beginning as is no wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


@lru_cache
def _fonts(size: int) -> tuple[Font, ...]:
    fonts: list[Font] = [ImageFont.load_default(size)]
    for name in _SYSTEM_FONTS:
        try:
            fonts.append(ImageFont.truetype(name, size))
        except OSError:
            continue  # not on this machine
    return tuple(fonts)


def _missing(font: Font, text: str) -> set[str]:
    box = _glyph(font, _IN_NO_FONT)
    return {character for character in set(text) if not character.isspace() and _glyph(font, character) == box}


@lru_cache(maxsize=4096)
def _glyph(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


def _plainer(font: Font, character: str) -> str:
    base = unicodedata.normalize("NFKD", character)[0]
    return MISSING if _missing(font, base) else base
