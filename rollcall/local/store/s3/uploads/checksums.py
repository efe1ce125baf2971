"""The checksums that clients send with objects and parts, and how those of parts become one of the whole object."""

import base64
import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import anycrc

from rollcall.local.store.s3.s3_errors import S3Error

DEFAULT = "CRC64NVME"  # S3 computes it for whoever sends none
FULL, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
_CRCS: dict[str, tuple[str, str]] = {
    "CRC32": ("CRC32-ISO-HDLC", ">I"),
    "CRC32C": ("CRC32-ISCSI", ">I"),
    "CRC64NVME": ("CRC64-NVME", ">Q"),
}
_HASHES = {"SHA1": "sha1", "SHA256": "sha256"}
ALGORITHMS = (*_CRCS, *_HASHES)
HEADERS = {f"x-amz-checksum-{name.lower()}": name for name in ALGORITHMS}
_MODELS: dict[str, Any] = {name: anycrc.Model(model) for name, (model, _) in _CRCS.items()}


class _Digest(Protocol):
    def update(self, content: bytes) -> None: ...
    def digest(self) -> bytes: ...


class _Crc:
    def __init__(self, algorithm: str) -> None:
        self._model = _MODELS[algorithm]
        self._form = _CRCS[algorithm][1]
        self._value: int | None = None

    def update(self, content: bytes) -> None:
        self._value = self._model.calc(content) if self._value is None else self._model.calc(content, self._value)

    def digest(self) -> bytes:
        return struct.pack(self._form, self._model.calc(b"") if self._value is None else self._value)


class Digests:
    """Several at once, over bytes that come in pieces."""

    def __init__(self, algorithms: Iterable[str], *, sha256: bool) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._wanted: dict[str, _Digest] = {name: _digest(name) for name in algorithms}
        self._sha256 = self._wanted.get("SHA256") or (hashlib.sha256() if sha256 else None)

    def update(self, content: bytes) -> None:
        self._md5.update(content)
        for digest in self._wanted.values():
            digest.update(content)
        if self._sha256 is not None and "SHA256" not in self._wanted:
            self._sha256.update(content)

    @property
    def md5(self) -> bytes:
        return self._md5.digest()

    @property
    def sha256(self) -> str:
        return self._sha256.digest().hex() if self._sha256 is not None else ""

    def values(self) -> dict[str, str]:
        return {name: base64.b64encode(digest.digest()).decode() for name, digest in self._wanted.items()}


def sent_with(headers: Mapping[str, str]) -> tuple[str, str | None] | None:
    """Algorithm and value of the one checksum; the value is None when it follows the body. Raises: S3Error."""
    sent = {name: headers[header] for header, name in HEADERS.items() if header in headers}
    trailing = [HEADERS[name] for name in _names(headers.get("x-amz-trailer", "")) if name in HEADERS]
    if len(sent) + len(trailing) > 1:
        raise S3Error(
            "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    for name, value in sent.items():
        check_form(name, value, f"x-amz-checksum-{name.lower()}")
        return name, value
    if trailing:
        return trailing[0], None
    return None


def sent_with_whole(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """The checksum that completes an upload; one of parts ends with their number."""
    for header, name in HEADERS.items():
        if header in headers:
            return name, headers[header]
    return None


def check_form(algorithm: str, value: str, header: str) -> None:
    """Raises: S3Error."""
    try:
        decoded = base64.b64decode(value, validate=True)
    except ValueError:
        decoded = b""
    if len(decoded) != len(_digest(algorithm).digest()):
        raise S3Error("InvalidRequest", f"Value for {header} header is invalid.")


def asked_for(headers: Mapping[str, str], name: str) -> str | None:
    """The algorithm that a header names. Raises: S3Error."""
    algorithm = headers.get(name, "").upper()
    if algorithm and algorithm not in ALGORITHMS:
        raise S3Error(
            "InvalidRequest",
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types:"
            f" [{', '.join(ALGORITHMS)}]",
        )
    return algorithm or None


@dataclass(frozen=True, slots=True)
class PartSum:
    value: str
    size: int


def type_for(algorithm: str, asked: str | None) -> str:
    """Raises: S3Error."""
    if asked not in (None, FULL, COMPOSITE):
        raise S3Error("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
    if (asked == FULL and algorithm in _HASHES) or (asked == COMPOSITE and algorithm == DEFAULT):
        raise S3Error(
            "InvalidRequest",
            f"The {asked} checksum type cannot be used with the {algorithm.lower()} checksum algorithm.",
        )
    return asked or (FULL if algorithm == DEFAULT else COMPOSITE)


def of_parts(algorithm: str, kind: str, parts: Sequence[PartSum]) -> str:
    """The checksum of an object that is made of parts."""
    if kind == FULL:
        return _joined(algorithm, parts)
    digest = _digest(algorithm)
    for part in parts:
        digest.update(base64.b64decode(part.value))
    return f"{base64.b64encode(digest.digest()).decode()}-{len(parts)}"


def of_bytes(algorithm: str, content: bytes) -> str:
    digest = _digest(algorithm)
    digest.update(content)
    return base64.b64encode(digest.digest()).decode()


def _joined(algorithm: str, parts: Sequence[PartSum]) -> str:
    form = _CRCS[algorithm][1]
    values = [(struct.unpack(form, base64.b64decode(part.value))[0], part.size) for part in parts]
    whole, *rest = values
    joined = whole[0]
    for value, size in rest:
        joined = _MODELS[algorithm].combine(joined, value, size)
    return base64.b64encode(struct.pack(form, joined)).decode()


def _digest(algorithm: str) -> _Digest:
    return _Crc(algorithm) if algorithm in _CRCS else hashlib.new(_HASHES[algorithm], usedforsecurity=False)


def _names(listed: str) -> list[str]:
    return [name.strip().lower() for name in listed.split(",")]
