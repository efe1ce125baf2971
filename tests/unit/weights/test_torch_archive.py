"""Given torch files written by hand, when they are read, then tensors come out, or a clear error: nothing ever runs."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rollcall.weights.build_errors import ArchiveError
from rollcall.weights.torch_archive import read_state_dict
from tests.torch_files import global_, legacy, saved, state_dict, tensor, text, zipped

VALUES = {"7": np.arange(12, dtype=np.float32)}
MATRIX: dict[str, Any] = {"shape": (3, 4), "strides": (4, 1)}
TRANSPOSED: dict[str, Any] = {"shape": (4, 3), "strides": (1, 4)}
TAIL: dict[str, Any] = {"shape": (2,), "strides": (1,), "offset": 10}


@pytest.mark.parametrize("form", [legacy, zipped])
def test_tensors(form):
    tensors = read_state_dict(
        form(state_dict({"a": tensor(**MATRIX), "b": tensor(**TRANSPOSED), "c": tensor(**TAIL)}), VALUES)
    )
    assert list(tensors) == ["a", "b", "c"]
    np.testing.assert_array_equal(tensors["a"], VALUES["7"].reshape(3, 4))
    np.testing.assert_array_equal(tensors["b"], VALUES["7"].reshape(3, 4).T)
    np.testing.assert_array_equal(tensors["c"], VALUES["7"][10:])


@pytest.mark.parametrize("form", [legacy, zipped])
def test_scalar_of_whole_numbers(form):
    step = tensor((), (), count=1, storage="torch LongStorage")
    tensors = read_state_dict(form(state_dict({"steps": step}), {"7": np.array([7], dtype=np.int64)}))
    assert tensors["steps"].shape == ()
    assert tensors["steps"] == 7


def test_tensors_of_their_own_storages_as_torch_saves_a_network():
    network = {"conv.weight": np.ones((2, 3, 1, 1), np.float32), "conv.bias": np.arange(2, dtype=np.float32)}
    tensors = read_state_dict(saved(network))
    assert list(tensors) == list(network)
    for name, values in network.items():
        np.testing.assert_array_equal(tensors[name], values)


class Hostile:
    def __init__(self, *, path: Path) -> None:
        self._path = path

    def __reduce__(self):
        return os.system, (f"touch {self._path}",)


@pytest.mark.parametrize("form", [legacy, zipped])
@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("wrap", [lambda bomb: bomb, lambda bomb: {"a": bomb}, lambda bomb: OrderedDict(a=bomb)])
def test_hostile_pickle_does_not_run(form, protocol, wrap, tmp_path):
    path = tmp_path / "ran"
    pickled = pickle.dumps(wrap(Hostile(path=path)), protocol)
    with pytest.raises(ArchiveError):
        read_state_dict(form(pickled, VALUES))
    assert not path.exists()
    pickle.loads(pickled)
    assert path.exists(), "the pickle of this test is harmless, so the test shows nothing"


@pytest.mark.parametrize(
    "pickled",
    [
        pytest.param(b"cposix\nsystem\n.", id="a name"),
        pytest.param(b"(S'true'\niposix\nsystem\n.", id="INST"),
        pytest.param(text("posix") + text("system") + b"\x93.", id="STACK_GLOBAL"),
        pytest.param(global_("torch FloatStorage") + b")R.", id="a call of a storage"),
        pytest.param(global_("collections OrderedDict") + b")\x81.", id="NEWOBJ"),
        pytest.param(b"\x82\x01.", id="EXT1"),
        pytest.param(b"t.", id="a tuple without a mark"),
        pytest.param(b"R.", id="a call on an empty stack"),
        pytest.param(b"h\x05.", id="an unknown memo"),
        pytest.param(b"}(" + text("a") + b"u.", id="a name without a value"),
        pytest.param(b"(X\xff\xff\xff\xff.", id="a text longer than the file"),
        pytest.param(b"N.", id="None"),
        pytest.param(b"}" + text("a") + b"Ns.", id="a value that is no tensor"),
        pytest.param(b"}(" + b"]" + b"Nu.", id="a list as a name"),
    ],
)
def test_malformed_pickles(pickled):
    for form in (legacy, zipped):
        with pytest.raises(ArchiveError):
            read_state_dict(form(pickled, VALUES))


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"shape": (4, 4), "strides": (4, 1)}, id="more values than the storage"),
        pytest.param({"shape": (2,), "strides": (12,)}, id="a stride past the end"),
        pytest.param({"shape": (2,), "strides": (1,), "offset": 11}, id="an offset past the end"),
        pytest.param({"shape": (2,), "strides": (-1,), "offset": 11}, id="a negative stride"),
        pytest.param({"shape": (2, 2), "strides": (1,)}, id="shape and strides that differ in length"),
        pytest.param({"shape": (1,) * 9, "strides": (1,) * 9}, id="too many dimensions"),
        pytest.param({**MATRIX, "storage": "torch HalfStorage"}, id="another type"),
        pytest.param({**MATRIX, "count": 13}, id="another count than the file holds"),
        pytest.param({**MATRIX, "count": 2**31 - 1}, id="more than memory should hold"),
        pytest.param({**MATRIX, "key": "8"}, id="a storage that is not there"),
    ],
)
def test_impossible_tensors(wrong):
    for form in (legacy, zipped):
        with pytest.raises(ArchiveError):
            read_state_dict(form(state_dict({"a": tensor(**wrong)}), VALUES))


def test_shared_storage_is_no_way_to_fill_memory():
    big = np.zeros(2**20, dtype=np.float32)
    views = {f"v{index}": tensor((2**20,), (1,), count=2**20) for index in range(100)}
    with pytest.raises(ArchiveError, match="unpacks to more than"):
        read_state_dict(legacy(state_dict(views), {"7": big}))


@pytest.mark.parametrize("cut", [0, 1, 30, 200, -1])
def test_cut_short(cut):
    for form in (legacy, zipped):
        with pytest.raises(ArchiveError):
            read_state_dict(form(state_dict({"a": tensor(**MATRIX)}), VALUES)[:cut])


def test_other_files():
    for content in (b"", b"hello", pickle.dumps(1), legacy(b"N.", VALUES, magic=1)):
        with pytest.raises(ArchiveError):
            read_state_dict(content)


def test_storage_size_must_match():
    with pytest.raises(ArchiveError, match="expect 12"):
        read_state_dict(legacy(state_dict({"a": tensor(**MATRIX)}), VALUES, count=-1))
