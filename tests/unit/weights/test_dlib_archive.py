"""dlib's serialized numbers, and the network made of them, written here by hand."""

import math
import struct

import numpy as np
import pytest

from rollcall.weights.build_errors import ArchiveError
from rollcall.weights.dlib_archive import DlibArchive
from rollcall.weights.dlib_resnet import dlib_resnet


def integer(value: int) -> bytes:
    magnitude = abs(value).to_bytes(max(1, math.ceil(abs(value).bit_length() / 8)), "little")
    return bytes([len(magnitude) | (0x80 if value < 0 else 0)]) + magnitude


def tensor(values: np.ndarray) -> bytes:
    return integer(2) + b"".join(map(integer, values.shape)) + values.astype("<f4").tobytes()


def archive(content: bytes) -> DlibArchive:
    return DlibArchive(content, name="test")


@pytest.mark.parametrize("value", [0, 1, -1, 255, 256, -70_000, 2**40, -(2**63)])
def test_integers(value):
    assert archive(integer(value)).integer() == value


def test_tensors():
    values = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    read = archive(tensor(values))
    np.testing.assert_array_equal(read.tensor(), values)
    assert read.exhausted


@pytest.mark.parametrize(
    ("read", "content"),
    [
        pytest.param("integer", b"", id="nothing"),
        pytest.param("integer", b"\x00", id="an integer of no bytes"),
        pytest.param("integer", b"\x0f" + bytes(15), id="an integer of 15 bytes"),
        pytest.param("integer", b"\x04\x01", id="an integer cut short"),
        pytest.param("count", integer(-1), id="a negative count"),
        pytest.param("count", integer(2**40), id="a count beyond the file"),
        pytest.param("tensor", integer(1) + bytes(100), id="an old tensor"),
        pytest.param("tensor", tensor(np.zeros((1, 2, 3, 4)))[:-1], id="a tensor cut short"),
        pytest.param("tensor", integer(2) + integer(99) * 4 + bytes(99), id="a tensor larger than the file"),
    ],
)
def test_damage(read, content):
    with pytest.raises(ArchiveError, match="test: byte"):
        getattr(archive(content), read)()


def tag(text: str) -> bytes:
    return integer(len(text)) + text.encode()


def convolution(outputs: int, inputs: int, kernel: int, *, affine: bytes = tag("affine_")) -> bytes:
    parameters = np.zeros((outputs * inputs * kernel * kernel + outputs, 1, 1, 1))
    head = tag("con_4") + tensor(parameters) + b"".join(map(integer, (outputs, kernel, kernel)))
    return head + affine + tensor(np.ones((1, 2 * outputs, 1, 1)))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(convolution(32, 3, 7), id="one convolution"),
        pytest.param(convolution(32, 4, 7), id="a convolution of other channels"),
        pytest.param(convolution(32, 3, 7, affine=tag("bn_con")), id="a convolution without its affine layer"),
        pytest.param(convolution(32, 3, 7) + tag("fc_2"), id="too few convolutions"),
        pytest.param(struct.pack("<I", 7) * 100, id="another file"),
    ],
)
def test_other_networks(content):
    with pytest.raises(ArchiveError):
        dlib_resnet(content)
