"""Files as `torch.save` writes them, by hand: no test but those against the originals needs torch."""

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rollcall.weights.torch_archive import LEGACY_MAGIC, LEGACY_PROTOCOL

Storages = Mapping[str, NDArray[np.generic]]


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integers(*values: int) -> bytes:
    return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"


def global_(name: str) -> bytes:
    module, attribute = name.split()
    return b"c" + f"{module}\n{attribute}\n".encode()


EMPTY_ORDERED = global_("collections OrderedDict") + b")R"


def tensor(
    shape: Sequence[int],
    strides: Sequence[int],
    *,
    offset: int = 0,
    count: int = 12,
    storage: str = "torch FloatStorage",
    key: str = "7",
) -> bytes:
    persistent_id = text("storage") + global_(storage) + text(key) + text("cpu") + b"J" + struct.pack("<i", count)
    arguments = b"(" + persistent_id + b"tQ" + b"J" + struct.pack("<i", offset) + integers(*shape) + integers(*strides)
    return global_("torch._utils _rebuild_tensor_v2") + b"(" + arguments + b"\x89" + EMPTY_ORDERED + b"tR"


def state_dict(tensors: Mapping[str, bytes]) -> bytes:
    # with the attribute dictionary that torch adds to the OrderedDict
    items = b"".join(text(name) + value for name, value in tensors.items())
    return b"\x80\x02" + EMPTY_ORDERED + b"(" + items + b"u" + b"}" + text("_metadata") + EMPTY_ORDERED + b"sb" + b"."


def legacy(pickled: bytes, storages: Storages, *, magic: int = LEGACY_MAGIC, count: int | None = None) -> bytes:
    """`count`: what the file says of each storage, if not the truth."""
    head = (magic, LEGACY_PROTOCOL, {"protocol_version": LEGACY_PROTOCOL, "little_endian": True})
    parts = [pickle.dumps(part, 2) for part in head] + [pickled, pickle.dumps(list(storages), 2)]
    for values in storages.values():
        parts += [struct.pack("<q", values.size if count is None else count), values.tobytes()]
    return b"".join(parts)


def zipped(pickled: bytes, storages: Storages) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("net/data.pkl", pickled)
        for key, values in storages.items():
            archive.writestr(f"net/data/{key}", values.tobytes())
    return content.getvalue()


def saved(tensors: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Writes what `torch.save(module.state_dict(), ...)` writes of a network with these parameters."""
    described = {
        name: tensor(values.shape, [stride // 4 for stride in values.strides], count=values.size, key=str(number))
        for number, (name, values) in enumerate(tensors.items())
    }
    return legacy(state_dict(described), {str(number): values for number, values in enumerate(tensors.values())})
