"""Batches: up to ten entries that succeed and fail each by itself."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rollcall.local.store.store_errors import ServiceError

MOST = 10
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Batch(Generic[Value]):
    values: dict[str, Value]  # of the entries that succeeded, by their ids
    failed: list[dict[str, Any]]

    def answer(self, results: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
        given = results or {}
        answer: dict[str, Any] = {"Successful": [{"Id": id, **given.get(id, {})} for id in self.values]}
        return answer | ({"Failed": self.failed} if self.failed else {})


def each(entries: Sequence[Mapping[str, Any]], work: Callable[[Mapping[str, Any]], Value]) -> Batch[Value]:
    """Raises ServiceError for a batch that is none."""
    _check(entries)
    batch: Batch[Value] = Batch({}, [])
    for entry in entries:
        try:
            batch.values[entry["Id"]] = work(entry)
        except ServiceError as error:
            batch.failed.append({"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.message})
    return batch


def _check(entries: Sequence[Mapping[str, Any]]) -> None:
    if not entries:
        raise ServiceError("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > MOST:
        raise ServiceError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {MOST}. You have sent {len(entries)}.",
        )
    ids = [entry["Id"] for entry in entries]
    for id in ids:
        if not _ID.fullmatch(id):
            raise ServiceError(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most"
                " 80 letters long.",
            )
    if len(set(ids)) < len(ids):
        repeated = next(id for number, id in enumerate(ids) if id in ids[:number])
        raise ServiceError("BatchEntryIdsNotDistinct", f"Id {repeated} repeated.")
