"""The values of a request, by the shapes of AWS's model: from path, query, headers and XML."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

from rollcall.local.store.s3 import xml_tree
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.xml_tree import Element

Values = dict[str, Any]
LARGEST = 2**63


@cache
def _places(shape: Any) -> tuple[tuple[str, str, str, Any], ...]:
    """Where members outside of the body are: name, kind of place, name there, shape."""
    return tuple(
        (name, member.serialization["location"], _place_name(member), member)
        for name, member in shape.members.items()
        if member.serialization.get("location") in ("querystring", "header", "headers")
    )


def _place_name(member: Any) -> str:
    name: str = member.serialization["name"]
    return name if member.serialization["location"] == "querystring" else name.lower()


def outside_of_body(shape: Any, queries: Mapping[str, str], headers: Mapping[str, str]) -> Values:
    """Whatever the request says in its query and headers. Raises: S3Error."""
    found: Values = {}
    for name, kind, wanted, member in _places(shape) if shape else ():
        if kind == "headers":
            found[name] = _prefixed(headers, wanted)
            continue
        given = queries if kind == "querystring" else headers
        if wanted in given:
            found[name] = _typed(member, given[wanted], wanted)
    return found


def payload_member(shape: Any) -> str | None:
    """The member that the whole body is, if there is one."""
    return shape.serialization.get("payload") if shape else None


def body(shape: Any, document: bytes) -> Values:
    """The member that the body is. Raises: S3Error (MalformedXML)."""
    name = payload_member(shape)
    if name is None:
        return {}
    member = shape.members[name]
    if member.type_name != "structure":
        try:
            return {name: document.decode()}
        except UnicodeDecodeError as error:
            raise S3Error("MalformedPolicy") from error
    if not document.strip():
        if name in shape.required_members:
            raise S3Error("MalformedXML")
        return {}
    root = xml_tree.parse(document)
    if root.name != member.serialization.get("name", member.name):
        raise S3Error("MalformedXML")
    return {name: _value(member, root)}


def _prefixed(headers: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name[len(prefix) :]: value for name, value in headers.items() if name.startswith(prefix)}


def _typed(shape: Any, text: str, name: str) -> Any:
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            return _integer(text)
        if kind == "boolean":
            return _boolean(text)
        if kind == "timestamp":
            return header_time(text)
    except ValueError as error:
        raise S3Error("InvalidArgument", f"The value of {name} is not valid.", ArgumentName=name) from error
    return text


def _integer(text: str) -> int:
    value = int(text) if len(text) < len(str(LARGEST)) + 2 and text.isascii() else LARGEST
    if abs(value) >= LARGEST:
        raise ValueError(text)
    return value


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def header_time(text: str) -> datetime:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    raise ValueError(text)


def _value(shape: Any, element: Element) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, element)
    if kind == "list":
        return [_value(shape.member, child) for child in element.children]
    return _scalar(shape, element.text)


def _scalar(shape: Any, text: str) -> Any:
    try:
        if shape.type_name in ("integer", "long"):
            return _integer(text.strip())
        if shape.type_name == "boolean":
            return _boolean(text.strip())
        if shape.type_name == "timestamp":
            return header_time(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise S3Error("MalformedXML") from error
    if shape.metadata.get("enum") and text not in shape.metadata["enum"]:
        raise S3Error("InvalidLocationConstraint" if shape.name == "BucketLocationConstraint" else "MalformedXML")
    return text


def _structure(shape: Any, element: Element) -> Values:
    names = {_xml_name(name, member): name for name, member in shape.members.items()}
    found: Values = {}
    for child in element.children:
        if child.name not in names:
            continue
        name = names[child.name]
        member = shape.members[name]
        if member.type_name == "list" and member.serialization.get("flattened"):
            found.setdefault(name, []).append(_value(member.member, child))
        elif name in found:
            raise S3Error("MalformedXML")
        else:
            found[name] = _value(member, child)
    for name, member in shape.members.items():
        if member.serialization.get("xmlAttribute") and (value := _attribute(member, element)):
            found[name] = value
    if any(name not in found for name in shape.required_members):
        raise S3Error("MalformedXML")
    return found


def _xml_name(name: str, member: Any) -> str:
    written: str = member.serialization.get("name", name)
    return written


def _attribute(member: Any, element: Element) -> str | None:
    return element.attributes.get(member.serialization["name"].rpartition(":")[2])
