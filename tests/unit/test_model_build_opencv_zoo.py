import numpy as np
import pytest

from model.build.errors import SourceError
from model.build.opencv_zoo import dequantized
from model.build.sources import SFACE, read_archives


def test_each_block_has_its_own_scale_and_zero_and_the_last_one_may_be_short():
    values = np.array([[10, 20, 30, 40, 50]], dtype=np.int8)
    scales = np.array([[1.0, 0.5, 2.0]], dtype=np.float32)
    zeros = np.array([[0, 10, -1]], dtype=np.int8)

    restored = dequantized(values, scales, zeros, axis=1, block=2)

    assert restored.dtype == np.float32
    assert restored.tolist() == [[10.0, 20.0, 10.0, 15.0, 102.0]]


def test_a_file_that_its_origin_does_not_publish_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("model.build.sources.PACKAGES", (SFACE.package,))
    monkeypatch.setattr("model.build.sources.read_members", lambda *_, **__: {SFACE.member: b"another network"})

    with pytest.raises(SourceError, match=f"{SFACE.file} is not the file"):
        read_archives(tmp_path)
