"""JSON lists of embeddings, `[{"name", "embedding", "model"}]`: checked entry by entry, and told of by entry."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.embedder_kinds import EMBEDDERS, UNNAMED_EMBEDDER, EmbedderKind
from rollcall.contracts.shown_text import quoted
from rollcall.contracts.usage_error import UsageError
from rollcall.people.enrollment import NotEnrolled, normal_name
from rollcall.people.gallery_store import EnrolledFace
from rollcall.people.json_lists import read_json_list


def read_embeddings(path: Path) -> list[EnrolledFace]:
    entries = read_json_list(path)
    if not entries:
        raise UsageError(f"{path}: an empty list; nobody to enroll")
    return list(_parse_entries(entries, path))


def _parse_entries(entries: list[Any], path: Path) -> Iterator[EnrolledFace]:
    for number, entry in enumerate(entries, start=1):
        where = f"{path}, entry {number}"
        if not isinstance(entry, dict):
            raise UsageError(f'{where}: expected {{"name", "embedding"}}, found {type(entry).__name__}')
        name = checked_name(entry.get("name"), where)
        kind = _parse_model(entry.get("model", UNNAMED_EMBEDDER), f"{where} ({name!r})")
        embedding = _parse_embedding(entry.get("embedding"), kind, f"{where} ({name!r})")
        yield EnrolledFace(name=name, embedding=embedding, model=kind.name, source=path.name)


def _parse_model(model: object, where: str) -> EmbedderKind:
    if not isinstance(model, str) or model not in EMBEDDERS:
        raise UsageError(f'{where}: "model" is {quoted(model)}, not the name of an embedder: {" or ".join(EMBEDDERS)}')
    return EMBEDDERS[model]


def checked_name(name: object, where: str) -> str:
    if not isinstance(name, str):
        raise UsageError(f'{where}: "name" is missing or not text')
    try:
        return normal_name(name)
    except NotEnrolled as error:
        raise UsageError(f"{where}: {error}; rename the person") from None


def _briefly(value: float) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:20]}…"  # noqa: PLR2004


def _parse_embedding(values: object, kind: EmbedderKind, where: str) -> NDArray[np.float32]:
    if not isinstance(values, list):
        raise UsageError(f'{where}: "embedding" is missing or not a list of {kind.dimension} numbers')
    if len(values) != kind.dimension:
        raise UsageError(
            f"{where}: the embedding has {len(values)} numbers, those of {kind.name} have {kind.dimension};"
            ' an entry\'s "model" names its embedder'
        )
    for position, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{where}: number {position + 1} of the embedding is {type(value).__name__}, not a number")
        # embeddings have a length near 1; anything this large would overflow a distance
        if not abs(value) <= 1e6:  # noqa: PLR2004
            raise UsageError(f"{where}: number {position + 1} of the embedding is {_briefly(value)}, out of range")
    return np.array(values, dtype=np.float32)
