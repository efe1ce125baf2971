import pytest

from rollcall.media.videos.mpjpeg import LONGEST_HEADER, OversizeFrame, jpegs


def part(body: bytes) -> bytes:
    head = b"--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: %d\r\n\r\n" % len(body)
    return head + body + b"\r\n"


BODIES = [b"first", b"", b"--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: 3\r\n\r\nabc", bytes(range(256)) * 9]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 100_000])
def test_parts_survive_any_cut_of_the_stream(size: int) -> None:
    stream = b"".join(part(body) for body in BODIES)
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert list(jpegs(chunks, most_bytes=10_000)) == BODIES


def test_a_last_part_that_is_cut_off_is_dropped() -> None:
    assert list(jpegs([part(b"whole") + part(b"cut off")[:-6]], most_bytes=100)) == [b"whole"]


def test_a_part_over_the_limit_is_not_read() -> None:
    head = part(bytes(101))[:-103]
    with pytest.raises(OversizeFrame, match="101 bytes; the limit is 100"):
        list(jpegs([head], most_bytes=100))


def test_anything_else_is_refused_early() -> None:
    with pytest.raises(ValueError, match="multipart"):
        list(jpegs([bytes(LONGEST_HEADER + 1)], most_bytes=100))
