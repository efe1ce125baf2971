"""dlib's serialised numbers, and the two objects made of them, written here by hand."""

import math
import struct

import numpy as np
import pytest

from model.build.dlib_archive import DlibArchive
from model.build.dlib_resnet import dlib_resnet
from model.build.errors import ArchiveError
from model.build.shape_predictor import shape_predictor

MANTISSA_BITS = 24


def integer(value: int) -> bytes:
    magnitude = abs(value).to_bytes(max(1, math.ceil(abs(value).bit_length() / 8)), "little")
    return bytes([len(magnitude) | (0x80 if value < 0 else 0)]) + magnitude


def number(value: float) -> bytes:
    fraction, exponent = math.frexp(value)
    return integer(int(fraction * 2**MANTISSA_BITS)) + integer(exponent - MANTISSA_BITS)


def column(*values: float) -> bytes:
    return integer(-len(values)) + integer(-1) + b"".join(map(number, values))


def tensor(values: np.ndarray) -> bytes:
    return integer(2) + b"".join(map(integer, values.shape)) + values.astype("<f4").tobytes()


def items(*encoded: bytes) -> bytes:
    return integer(len(encoded)) + b"".join(encoded)


def archive(content: bytes) -> DlibArchive:
    return DlibArchive(content, name="test")


@pytest.mark.parametrize("value", [0, 1, -1, 255, 256, -70_000, 2**40, -(2**63)])
def test_integers(value):
    assert archive(integer(value)).integer() == value


@pytest.mark.parametrize("value", [0.0, 1.0, -0.5, 1e-20, 123.456, -3e20])
def test_numbers(value):
    assert archive(number(value)).number() == pytest.approx(value, rel=2**-22)


def test_integers_as_dlib_writes_them():
    # from the head of shape_predictor_5_face_landmarks.dat: 0.77625173…, the x of its first point
    assert archive(bytes.fromhex("036eb8c68118")).number() == pytest.approx(0.7762517, abs=1e-7)


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
        pytest.param("number", integer(1) + integer(32000), id="infinity"),
        pytest.param("column", integer(-1) + integer(-2), id="two columns"),
        pytest.param("column", integer(-(2**40)) + integer(-1), id="more rows than the file"),
        pytest.param("tensor", integer(1) + bytes(100), id="an old tensor"),
        pytest.param("tensor", tensor(np.zeros((1, 2, 3, 4)))[:-1], id="a tensor cut short"),
        pytest.param("tensor", integer(2) + integer(99) * 4 + bytes(99), id="a tensor larger than the file"),
    ],
)
def test_damage(read, content):
    with pytest.raises(ArchiveError, match="test: byte"):
        getattr(archive(content), read)()


TREE = items(integer(0) + integer(1) + number(2.5)) + items(column(0.25, -0.5), column(1.0, 2.0))
PREDICTOR = (
    integer(1)
    + column(0.5, 0.75)
    + items(items(TREE, TREE), items(TREE, TREE))
    + items(items(integer(0), integer(0)), items(integer(0), integer(0)))
    + items(*[items(number(0.125) + number(-0.25), number(0.5) + number(1.0))] * 2)
)


def test_shape_predictor():
    arrays = shape_predictor(PREDICTOR)
    assert {name: (values.shape, values.dtype.name) for name, values in arrays.items()} == {
        "initial_shape": ((1, 2), "float32"),
        "anchor_index": ((2, 2), "int16"),
        "deltas": ((2, 2, 2), "float32"),
        "split_features": ((2, 2, 1, 2), "int16"),
        "split_thresholds": ((2, 2, 1), "float32"),
        "leaf_values": ((2, 2, 2, 2), "float32"),
    }
    np.testing.assert_array_equal(arrays["initial_shape"], [[0.5, 0.75]])
    np.testing.assert_array_equal(arrays["deltas"][1], [[0.125, -0.25], [0.5, 1.0]])
    np.testing.assert_array_equal(arrays["split_features"][1, 0, 0], [0, 1])
    np.testing.assert_array_equal(arrays["split_thresholds"][0, 1], [2.5])
    np.testing.assert_array_equal(arrays["leaf_values"][1, 1], [[0.25, -0.5], [1.0, 2.0]])


@pytest.mark.parametrize("content", [PREDICTOR[:-1], PREDICTOR + b"\x00", b"\x01\x02" + PREDICTOR[2:], b""])
def test_other_shape_predictors(content):
    with pytest.raises(ArchiveError):
        shape_predictor(content)


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
