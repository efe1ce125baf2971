"""Rollcall finds faces in videos and photos, and tells who is who.

    import rollcall

    engine = rollcall.load_engine()
    gallery = rollcall.load_gallery("people/", engine)
    faces = rollcall.find_faces("party.jpg", engine)
    print([match.name for match in rollcall.name_faces(faces, gallery)])

`rollcall.library` documents each of these names. They are loaded when first used, because the functions on AWS import
this package too, and a cold start must stay short.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"  # the one place: the package, --version, the OpenAPI document and the User-Agent read it

if TYPE_CHECKING:
    from rollcall.contracts.usage_error import UsageError
    from rollcall.engine.engine import Engine
    from rollcall.engine.face import Face
    from rollcall.library import find_faces, load_engine, load_gallery, name_faces
    from rollcall.people.gallery import Gallery, Match
    from rollcall.people.photo_enrollment import PhotoError

__all__ = [
    "Engine",
    "Face",
    "Gallery",
    "Match",
    "PhotoError",
    "UsageError",
    "find_faces",
    "load_engine",
    "load_gallery",
    "name_faces",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("rollcall.library"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
