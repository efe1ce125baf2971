"""AWS's own description of S3 (botocore's service model): which operation a request means, and how it is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session

from rollcall.local.store.s3.s3_errors import S3Error

# operations that the model describes twice: an old form, or a form for another kind of bucket
_REPLACED = {
    "GetBucketLifecycle",
    "GetBucketNotification",
    "PutBucketLifecycle",
    "PutBucketNotification",
    "ListDirectoryBuckets",
}
_TELLING_HEADERS = {"x-amz-copy-source", "x-amz-rename-source"}
# queries that only some servers know. AWS ignores queries that it does not know, so these must not be an upload
_IGNORED_QUERIES = {"x-id"}


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    parts: int  # of the path: none, the bucket, or bucket and key
    queries: Mapping[str, str]  # that it needs; an empty value stands for any
    headers: frozenset[str]
    status: int
    input: Any
    output: Any

    def fits(self, queries: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        if not (self.queries.keys() <= queries.keys() and self.headers <= headers.keys()):
            return False
        return all(value in ("", queries[name]) for name, value in self.queries.items())

    @property
    def weight(self) -> int:
        return len(self.queries) + len(self.headers)


@cache
def operations() -> Mapping[tuple[str, int], list[Operation]]:
    """The operations by method and depth of the path. Those with more conditions on a request come first."""
    model = botocore.session.Session().get_service_model("s3")
    found: dict[tuple[str, int], list[Operation]] = {}
    for name in model.operation_names:
        if name not in _REPLACED:
            operation = _operation(model.operation_model(name))
            found.setdefault((operation.method, operation.parts), []).append(operation)
    for candidates in found.values():
        candidates.sort(key=lambda operation: -operation.weight)
    return found


def operation_of(method: str, parts: int, queries: Mapping[str, str], headers: Mapping[str, str]) -> Operation:
    """Raises: S3Error."""
    for operation in operations().get((method, parts), ()):
        if operation.fits(queries, headers):
            return operation
    raise S3Error("MethodNotAllowed", Method=method, ResourceType=("SERVICE", "BUCKET", "OBJECT")[parts])


def _operation(model: Any) -> Operation:
    path, _, query = model.http["requestUri"].partition("?")
    queries = dict(entry.partition("=")[::2] for entry in query.split("&") if entry)
    headers = set()
    shape = model.input_shape
    for name in shape.required_members if shape else ():
        place = shape.members[name].serialization
        if place.get("location") == "querystring":
            queries.setdefault(place["name"], "")
        elif place.get("location") == "header" and place["name"] in _TELLING_HEADERS:
            headers.add(place["name"])
    return Operation(
        name=model.name,
        method=model.http["method"],
        parts=path.count("{"),
        queries={key: value for key, value in queries.items() if key not in _IGNORED_QUERIES},
        headers=frozenset(headers),
        status=model.http.get("responseCode", 200),
        input=shape,
        output=model.output_shape,
    )
