"""The answer of an operation, by the shapes of AWS's model: headers, and XML or the bytes of an object."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
REMEMBERED = 4096  # moments: those of a list are often the same
START = '<?xml version="1.0" encoding="UTF-8"?>\n'
XML = {"content-type": "application/xml"}

# what the model leaves out: the name of the outermost element
_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}
_CONTROLS = {chr(code): f"&#x{code:X};" for code in (*range(9), 11, 12, *range(14, 32), 13)}


def http_date(when: datetime | float) -> str:
    moment = when if isinstance(when, datetime) else datetime.fromtimestamp(int(when), UTC)
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def headers(shape: Any, answer: Mapping[str, Any]) -> dict[str, str]:
    written: dict[str, str] = {}
    for name, member in shape.members.items() if shape else ():
        place = member.serialization
        value = answer.get(name)
        if value is None:
            continue
        if place.get("location") == "header":
            written[place["name"].lower()] = _header_text(value)
        elif place.get("location") == "headers":
            written |= {f"{place['name']}{key}": text for key, text in value.items()}
    return written


def document(operation: str, shape: Any, answer: Mapping[str, Any]) -> bytes | None:
    """None when the operation answers with headers alone, or with bytes of its own."""
    if shape is None:
        return None
    name = shape.serialization.get("payload")
    if name is not None:
        member = shape.members[name]
        if member.type_name != "structure":
            return None
        root, inside, value = member.serialization.get("name", member.name), member, answer[name]
    else:
        if not any("location" not in member.serialization for member in shape.members.values()):
            return None
        root, inside, value = _ROOTS.get(operation, shape.name), shape, answer
    pieces: list[str] = [START, f'<{root} xmlns="{NAMESPACE}">']
    _members(inside, value, pieces)
    pieces.append(f"</{root}>")
    return "".join(pieces).encode()


def text(value: str) -> str:
    """AWS writes control characters as references, which XML 1.0 does not allow but most readers take."""
    if value.isalnum():
        return value
    escaped = escape(value)
    if escaped.isprintable():
        return escaped
    return "".join(_CONTROLS.get(letter, letter) for letter in escaped)


class _Member(NamedTuple):
    name: str
    tag: str
    shape: Any  # of the member, or of each of a list
    list_tag: str | None  # around a list
    is_list: bool


@cache
def _plan(shape: Any) -> tuple[_Member, ...]:
    """What of a structure goes into the document. Lists have thousands of entries, so this is worked out once."""
    return tuple(
        _member(name, member)
        for name, member in shape.members.items()
        if "location" not in member.serialization and not member.serialization.get("xmlAttribute")
    )


def _member(name: str, member: Any) -> _Member:
    tag = member.serialization.get("name", name)
    if member.type_name != "list":
        return _Member(name, tag, member, None, False)
    if member.serialization.get("flattened"):
        return _Member(name, tag, member.member, None, True)
    return _Member(name, member.member.serialization.get("name", "member"), member.member, tag, True)


def _members(shape: Any, value: Mapping[str, Any], pieces: list[str]) -> None:
    for name, tag, inner, list_tag, is_list in _plan(shape):
        found = value.get(name)
        if found is None:
            continue
        if list_tag is not None:
            pieces.append(f"<{list_tag}>")
        for entry in found if is_list else (found,):
            _element(tag, inner, entry, pieces)
        if list_tag is not None:
            pieces.append(f"</{list_tag}>")


def _element(tag: str, shape: Any, value: Any, pieces: list[str]) -> None:
    if not isinstance(value, dict):
        pieces.append(f"<{tag}>{_xml_text(value)}</{tag}>")
        return
    pieces.append(f"<{tag}{_attributes(shape, value)}>")
    _members(shape, value, pieces)
    pieces.append(f"</{tag}>")


@cache
def _attribute(shape: Any) -> tuple[str, str] | None:
    for name, member in shape.members.items():
        if member.serialization.get("xmlAttribute"):
            return name, member.serialization["name"]
    return None


def _attributes(shape: Any, value: Mapping[str, Any]) -> str:
    attribute = _attribute(shape)
    if attribute is None or not value.get(attribute[0]):
        return ""
    kind = text(value[attribute[0]])
    return f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {attribute[1]}="{kind}"'


def _xml_text(value: Any) -> str:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool):
        return str(value).lower()
    return _xml_time(value) if isinstance(value, datetime) else str(value)


@lru_cache(REMEMBERED)
def _xml_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _header_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return http_date(value) if isinstance(value, datetime) else str(value)
