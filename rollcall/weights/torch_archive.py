"""Reads the tensors of a `torch.save` file without torch, and without running what the file says.

A pickle is a program. Here a small stack machine walks it opcode by opcode (`pickletools.genops` only decodes). The
machine knows the few opcodes of a state dict. Names in the pickle are compared with a list and never imported.

Formats: torch 1.0 to 1.5 ("legacy": five pickles, then the raw storages) and the zip archive of torch 1.6 and later.
Source: torch/serialization.py, `_legacy_save` and `_save`.
"""

import io
import math
import pickletools
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rollcall.weights.build_errors import ArchiveError

StateDict = dict[str, NDArray[Any]]

MAX_BYTES = 512 * 1024**2
MAX_DIMENSIONS = 8
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001

_DICT = "collections OrderedDict"
_REBUILD_TENSOR = "torch._utils _rebuild_tensor_v2"
_STORAGE_DTYPES = {"torch FloatStorage": "<f4", "torch LongStorage": "<i8"}
_GLOBALS = frozenset({_DICT, _REBUILD_TENSOR, *_STORAGE_DTYPES})

_PUSH = frozenset({"BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"})
_CONSTANTS: dict[str, Callable[[], object]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
_FIXED_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MALFORMED = (ValueError, IndexError, KeyError, TypeError, struct.error, zipfile.BadZipFile)


@dataclass(frozen=True)
class _Global:
    name: str


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: str
    count: int

    @property
    def size(self) -> int:
        return self.count * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


_MARK = object()


def read_state_dict(content: bytes) -> StateDict:
    """The tensors of a `torch.save(module.state_dict(), ...)` file by name: float32 or int64, each its own copy.

    Raises `ArchiveError` for anything else than a flat state dict of such tensors; nothing in the file is executed.
    """
    if len(content) > MAX_BYTES:
        raise ArchiveError(f"torch file has {len(content)} bytes; the reader takes at most {MAX_BYTES}")
    try:
        tensors, storages = _read_zip(content) if zipfile.is_zipfile(io.BytesIO(content)) else _read_legacy(content)
        return {name: _array(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}
    except _MALFORMED as error:
        raise ArchiveError(f"torch file is malformed ({type(error).__name__}: {error}); fetch it again") from error


def _read_legacy(content: bytes) -> tuple[dict[str, _Tensor], StateDict]:
    stream = io.BytesIO(content)
    if _unpickle(stream) != LEGACY_MAGIC or _unpickle(stream) != LEGACY_PROTOCOL:
        raise ArchiveError("not a torch file: neither a zip archive nor the legacy magic number")
    system = _unpickle(stream)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ArchiveError("torch file was not written on a little-endian machine")
    tensors = _tensors(_unpickle(stream))
    keys = _unpickle(stream)
    described = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    if not isinstance(keys, list) or sorted(keys) != sorted(described):
        raise ArchiveError("torch file lists other storages than its tensors use")
    storages = {}
    for key in keys:
        (count,) = struct.unpack("<q", stream.read(8))
        storage = described[key]
        if count != storage.count:
            raise ArchiveError(f"storage {key} holds {count} values where its tensors expect {storage.count}")
        storages[key] = _values(storage, stream.read(storage.size))
    return tensors, storages


def _read_zip(content: bytes) -> tuple[dict[str, _Tensor], StateDict]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        roots = [name.removesuffix("data.pkl") for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise ArchiveError("zip archive holds no torch data.pkl")
        root = roots[0]
        tensors = _tensors(_unpickle(io.BytesIO(_member(archive, f"{root}data.pkl"))))
        storages = {
            tensor.storage.key: _values(tensor.storage, _member(archive, f"{root}data/{tensor.storage.key}"))
            for tensor in tensors.values()
        }
    return tensors, storages


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    size = archive.getinfo(name).file_size
    if size > MAX_BYTES:
        raise ArchiveError(f"{name} unpacks to {size} bytes; the reader takes at most {MAX_BYTES}")
    with archive.open(name) as member:
        return member.read(size)


def _tensors(unpickled: object) -> dict[str, _Tensor]:
    if not isinstance(unpickled, dict):
        raise ArchiveError("torch file holds no state dict; save `module.state_dict()` rather than the module")
    for name, tensor in unpickled.items():
        if not isinstance(name, str) or not isinstance(tensor, _Tensor):
            raise ArchiveError("torch file holds something else than named tensors")
    # tensors may share storages: what the file can make us allocate is bounded by their own sizes
    values = sum(math.prod(tensor.shape) for tensor in unpickled.values())
    storages = sum(storage.size for storage in {tensor.storage for tensor in unpickled.values()})
    if max(8 * values, storages) > MAX_BYTES:
        raise ArchiveError(f"torch file unpacks to more than {MAX_BYTES} bytes")
    return unpickled


def _values(storage: _Storage, raw: bytes) -> NDArray[Any]:
    if len(raw) != storage.size:
        raise ArchiveError(f"storage {storage.key} is cut short")
    return np.frombuffer(raw, dtype=storage.dtype)


def _array(tensor: _Tensor, values: NDArray[Any]) -> NDArray[Any]:
    itemsize = values.itemsize
    view = np.lib.stride_tricks.as_strided(
        values[tensor.offset :], tensor.shape, [stride * itemsize for stride in tensor.strides]
    )
    return np.ascontiguousarray(view).reshape(tensor.shape).copy()


def _unpickle(stream: io.BytesIO) -> object:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for name, argument in _opcodes(stream):
        if name in _PUSH:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in {"BINPUT", "LONG_BINPUT"}:
            memo[argument] = stack[-1]
        elif name in {"BINGET", "LONG_BINGET"}:
            stack.append(memo[argument])
        else:
            _apply(name, argument, stack)
    if len(stack) != 1:
        raise ArchiveError("pickle leaves no single value")
    return stack[0]


def _opcodes(stream: io.BytesIO) -> Iterator[tuple[str, Any]]:
    for opcode, argument, _ in pickletools.genops(stream):
        if opcode.name not in {"PROTO", "STOP"}:
            yield opcode.name, argument


def _apply(name: str, argument: Any, stack: list[Any]) -> None:
    match name:
        case "MARK":
            stack.append(_MARK)
        case "TUPLE":
            stack.append(tuple(_pop_to_mark(stack)))
        case "TUPLE1" | "TUPLE2" | "TUPLE3":
            stack.append(tuple(_pop(stack, _FIXED_TUPLES[name])))
        case "SETITEM":
            _set_items(_pop(stack, 2), stack)
        case "SETITEMS":
            _set_items(_pop_to_mark(stack), stack)
        case "APPEND":
            _append(_pop(stack, 1), stack)
        case "APPENDS":
            _append(_pop_to_mark(stack), stack)
        case "GLOBAL":
            stack.append(_global(argument))
        case "BINPERSID":
            stack.append(_storage(*_pop(stack, 1)))
        case "REDUCE":
            stack.append(_reduce(*_pop(stack, 2)))
        case "BUILD":
            _discard_attributes(_pop(stack, 1)[0], stack)
        case _:
            raise ArchiveError(f"pickle uses the opcode {name}, which no state dict needs; do not trust this file")


def _pop(stack: list[Any], count: int) -> list[Any]:
    if len(stack) < count:
        raise ArchiveError("pickle takes more from its stack than it put there")
    items = stack[-count:]
    del stack[-count:]
    return items


def _pop_to_mark(stack: list[Any]) -> list[Any]:
    for position in range(len(stack) - 1, -1, -1):
        if stack[position] is _MARK:
            return _pop(stack, len(stack) - position)[1:]
    raise ArchiveError("pickle takes more from its stack than it put there")


def _set_items(items: list[Any], stack: list[Any]) -> None:
    if not isinstance(stack[-1], dict):
        raise ArchiveError("pickle sets items of something else than a dict")
    stack[-1].update(zip(items[::2], items[1::2], strict=True))


def _append(items: list[Any], stack: list[Any]) -> None:
    if not isinstance(stack[-1], list):
        raise ArchiveError("pickle appends to something else than a list")
    stack[-1].extend(items)


def _discard_attributes(attributes: object, stack: list[Any]) -> None:
    # torch keeps `_metadata` (module versions) as an attribute of the OrderedDict; the tensors do not depend on it
    if not isinstance(attributes, dict) or not isinstance(stack[-1], dict):
        raise ArchiveError("pickle builds an object; a state dict has none")


def _global(name: str) -> _Global:
    if name not in _GLOBALS:
        raise ArchiveError(f"pickle names {name!r}, which no state dict needs; do not trust this file")
    return _Global(name)


def _storage(persistent_id: object) -> _Storage:
    match persistent_id:
        case ("storage", _Global(name), str(key), str(), int(count), *_) if name in _STORAGE_DTYPES:
            if not 0 <= count <= MAX_BYTES:
                raise ArchiveError(f"storage {key} claims {count} values")
            return _Storage(key=key, dtype=_STORAGE_DTYPES[name], count=count)
    raise ArchiveError("pickle refers to something else than a float32 or int64 storage")


def _reduce(function: object, arguments: object) -> object:
    match function, arguments:
        case _Global(name), () if name == _DICT:
            return {}
        case _Global(name), (_Storage() as storage, int(offset), tuple(shape), tuple(strides), *_) if (
            name == _REBUILD_TENSOR
        ):
            return _tensor(storage, offset, shape, strides)
    raise ArchiveError("pickle calls something else than a tensor's constructor; do not trust this file")


def _tensor(storage: _Storage, offset: int, shape: tuple[Any, ...], strides: tuple[Any, ...]) -> _Tensor:
    numbers = (offset, *shape, *strides)
    if len(shape) != len(strides) or len(shape) > MAX_DIMENSIONS or not all(_is_size(number) for number in numbers):
        raise ArchiveError(f"storage {storage.key} is used with an impossible shape")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if math.prod(shape) > storage.count or (math.prod(shape) and last >= storage.count):
        raise ArchiveError(f"a tensor reaches past the end of storage {storage.key}")
    return _Tensor(storage=storage, offset=offset, shape=shape, strides=strides)


def _is_size(number: object) -> bool:
    return isinstance(number, int) and 0 <= number <= MAX_BYTES
