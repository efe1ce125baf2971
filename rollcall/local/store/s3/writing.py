"""The answer of an operation, by the shapes of AWS's model: headers, and XML or the bytes of an object."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
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
    escaped = escape(value)
    if escaped.isprintable():
        return escaped
    return "".join(_CONTROLS.get(letter, letter) for letter in escaped)


def _members(shape: Any, value: Mapping[str, Any], pieces: list[str]) -> None:
    for name, member in shape.members.items():
        found = value.get(name)
        if found is None or "location" in member.serialization or member.serialization.get("xmlAttribute"):
            continue
        tag = member.serialization.get("name", name)
        if member.type_name != "list":
            _element(tag, member, found, pieces)
        elif member.serialization.get("flattened"):
            for entry in found:
                _element(tag, member.member, entry, pieces)
        else:
            pieces.append(f"<{tag}>")
            for entry in found:
                _element(member.member.serialization.get("name", "member"), member.member, entry, pieces)
            pieces.append(f"</{tag}>")


def _element(tag: str, shape: Any, value: Any, pieces: list[str]) -> None:
    if shape.type_name != "structure":
        pieces.append(f"<{tag}>{_xml_text(value)}</{tag}>")
        return
    pieces.append(f"<{tag}{_attributes(shape, value)}>")
    _members(shape, value, pieces)
    pieces.append(f"</{tag}>")


def _attributes(shape: Any, value: Mapping[str, Any]) -> str:
    for name, member in shape.members.items():
        if member.serialization.get("xmlAttribute") and value.get(name):
            kind = text(value[name])
            return f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {member.serialization["name"]}="{kind}"'
    return ""


def _xml_text(value: Any) -> str:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    return str(value)


def _header_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return http_date(value) if isinstance(value, datetime) else str(value)
