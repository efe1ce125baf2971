"""Bodies by the hundred that are no photo: each gets a 4xx with a reason, and the API goes on."""

import gzip
import random
import socket
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import cv2
import numpy as np
import psutil
import pytest

from tests.integration.api.running_api import Answer, RunningApi

SEED = 20_261
FUZZED = 150  # of each format
KILLS = 12
FORM = "multipart/form-data; boundary=x"


def noise(suffix: str, side: int = 64) -> bytes:
    pixels = np.random.default_rng(SEED).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return cv2.imencode(suffix, pixels)[1].tobytes()


def fuzzed(photo: bytes, chance: random.Random) -> bytes:
    """Cut, with bytes changed, pieces doubled or left out: still enough of a photo to be looked into."""
    body = bytearray(photo)
    for _ in range(chance.randint(1, 20)):
        start = chance.randrange(4, len(body))
        match chance.randrange(4):
            case 0:
                body[start] = chance.randrange(256)
            case 1:
                body[start : start + chance.randint(1, 64)] = b""
            case 2:
                body[start:start] = body[start : start + chance.randint(1, 64)]
            case _:
                body[start : start + 4] = struct.pack(">I", chance.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 65_535]))
        if len(body) < 32:
            break
    return bytes(body[: chance.choice([len(body), len(body), chance.randrange(1, len(body) + 1)])])


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(side: int) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def require_explained(answer: Answer) -> None:
    assert 400 <= answer.status < 500, (answer.status, answer.body[:300])
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["code"] and answer.json["detail"].endswith(".")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".tiff"])
def test_fuzzed_photos(api: RunningApi, suffix: str) -> None:
    chance = random.Random(f"{SEED}{suffix}")
    photo = noise(suffix)
    bodies = [fuzzed(photo, chance) for _ in range(FUZZED)]

    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda body: api.send("/v1/recognize", body), bodies))

    refused = [answer for answer in answers if answer.status != 200]  # some damage leaves a picture
    for answer in refused:
        require_explained(answer)
    assert len(refused) > FUZZED / 4
    require_still_serving(api)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"plain text", 422),
        (b"GIF89a" + bytes(50), 422),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(50), 415),
        (b"\x00\x00\x00\x18ftypheic" + bytes(50), 422),
        (b"PK\x03\x04" + bytes(50), 422),
        (png_bomb(20_000), 413),
        (png_bomb(60_000), 413),
        (noise(".jpg")[:-100], 422),
        (noise(".png")[:-100], 422),
        (noise(".webp")[:-100], 422),
        (bytes(21 * 1024**2), 413),
    ],
)
def test_bodies_that_are_no_photo(api: RunningApi, body: bytes, status: int) -> None:
    for answer in (
        api.send("/v1/recognize", body),
        api.send("/", body),
        api.ask("POST", "/v1/recognize", body=body, headers={"Content-Type": "image/png"}),
    ):
        require_explained(answer)
        assert answer.status == status
    require_still_serving(api)


def form(*lines: bytes) -> bytes:
    return b"\r\n".join(lines)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=", b"--x"),
        ("multipart/form-data; boundary=" + "x" * 500, b"--x"),
        (FORM, b""),
        (FORM, b"no boundary at all"),
        (FORM, b"\0" * 10_000),
        (FORM, form(b"--x", b"", b"content", b"--x--")),
        (FORM, form(b"--x", b"Content-Disposition: form-data", b"", b"", b"--x--")),
        (FORM, form(b"--x", b'Content-Disposition: form-data; name="a"', b"", b"1", b"--x--")),
        (FORM, form(b"--x", b'Content-Disposition: form-data; name="a"; filename="b', b"")),
        (FORM, form(b"--x", b'Content-Disposition: form-data; name="\xff"; filename*=x', b"")),
        (f"{FORM}; charset=none", form(b"--x", b'Content-Disposition: form-data; name="a"', b"", b"\xff", b"--x--")),
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b'{"bucket": 1, "key": null}'),
        ("application/json", b'{"bucket": "test-api-input", "key": "' + b"k" * 2000 + b'"}'),
        ("application/json", b"[" * 50_000),
        ("text/plain", b"hello"),
        ("video/mp4", b"hello"),
    ],
)
def test_envelopes_that_are_none(api: RunningApi, content_type: str, body: bytes) -> None:
    for path in ("/", "/v1/recognize", "/v1/people/Ada/photos"):
        answer = api.ask("POST", path, body=body, headers={"Content-Type": content_type})
        require_explained(answer)


@pytest.mark.parametrize("encoding", ["gzip", "BR", "identity, gzip", "x" * 900])
def test_a_compressed_body_is_told_so(api: RunningApi, encoding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    for method, path in (("POST", "/v1/recognize"), ("POST", "/v1/videos"), ("PUT", "/v1/people/Ada")):
        answer = api.ask(method, path, body=gzip.compress(b"{}"), headers=headers)
        require_explained(answer)
        assert (answer.status, answer.json["code"]) == (415, "compressed-body")
        assert "Content-Encoding" in answer.json["detail"] and len(answer.json["detail"]) < 200
    assert api.ask("PUT", "/v1/people/Ada", json={}, headers={"Content-Encoding": "identity"}).status == 200


@pytest.mark.parametrize("encodings", [["identity", "gzip"], ["gzip", "identity"], ["identity, gzip"], ["", "br"]])
def test_every_content_encoding_counts(api: RunningApi, encodings: list[str]) -> None:
    head = "".join(f"Content-Encoding: {encoding}\r\n" for encoding in encodings)
    host, _, port = api.server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        client.sendall(
            f"PUT /v1/people/Ada HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{head}"
            "Connection: close\r\nContent-Length: 2\r\n\r\n{}".encode()
        )
        assert client.recv(65536).startswith(b"HTTP/1.1 415 ")


@pytest.mark.parametrize("digits", [320, 3000, 5000, 100_000])
def test_numbers_of_many_digits(api: RunningApi, digits: int) -> None:
    number = "9" * digits
    for body in (
        f'{{"a": {number}}}',
        f'{{"a": [{{"b": -{number}}}]}}',
        f'{{"name": {number}}}',
        f'{{"a": 0.{number}e{number}}}',
    ):
        for method, path in (("PUT", "/v1/people/Ada"), ("POST", "/v1/videos"), ("POST", "/v1/recognize")):
            answer = api.ask(method, path, body=body, headers={"Content-Type": "application/json"})
            if path != "/v1/videos" or answer.status != 201:  # it ignores fields that it does not know
                require_explained(answer)
    short = number[:8000]
    for path in (f"/v1/jobs/{short}", f"/v1/results/{short}", f"/v1/people/{short}", f"/v1/people/Ada?after=-{short}"):
        assert api.ask("GET", path).status < 500
    for form in (f"multipart/form-data; boundary*{short}=x", f"multipart/form-data; boundary=x; charset*{short}*=x"):
        require_explained(api.ask("POST", "/", body=b"--x--", headers={"Content-Type": form}))
    part = f'Content-Disposition: form-data; name="inputFile"; filename*{short}*=x'.encode()
    require_explained(api.ask("POST", "/", body=form_of(part), headers={"Content-Type": FORM}))
    assert api.ask("GET", "/healthz", headers={"X-Request-Id": short, "Range": f"bytes={short}-"}).status == 200


def form_of(header: bytes) -> bytes:
    return form(b"--x", header, b"", b"content", b"--x--")


def test_fuzzed_forms(api: RunningApi) -> None:
    chance = random.Random(SEED)
    head = form(b"--x", b'Content-Disposition: form-data; name="inputFile"; filename="a.jpg"', b"", b"")
    whole = head + noise(".jpg", 16) + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for _ in range(FUZZED):
        answer = api.ask("POST", "/", body=fuzzed(whole, chance), headers=headers)
        if answer.status != 200:
            require_explained(answer)
    require_still_serving(api)


def test_a_body_over_the_limit_is_refused_before_it_is_sent(api: RunningApi) -> None:
    """And one without a length as soon as it is over the limit."""
    for header, pieces in ((b"Content-Length: 104857600", 0), (b"Transfer-Encoding: chunked", 25)):
        with socket.create_connection(("127.0.0.1", int(api.server.url.rpartition(":")[2])), timeout=30) as client:
            client.sendall(
                b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n" + header + b"\r\n\r\n"
            )
            try:
                for _ in range(pieces):
                    client.sendall(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
            except ConnectionError:
                assert pieces  # refused while it was being sent
                continue
            assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_file_over_the_limit_is_refused_though_the_form_could_hold_ten(api: RunningApi) -> None:
    start = form(b"--x", b'Content-Disposition: form-data; name="photo"; filename="a.jpg"', b"", b"")
    with socket.create_connection(("127.0.0.1", int(api.server.url.rpartition(":")[2])), timeout=30) as client:
        client.sendall(
            b"POST /v1/people/Ada/photos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + start
        )
        try:
            for _ in range(21):
                client.sendall(bytes(1 << 20))
        except ConnectionError:
            return  # refused while it was being sent
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_others_are_served_while_a_large_form_is_read(api: RunningApi) -> None:
    head = b'Content-Disposition: form-data; name="photo"; filename="a.jpg"'
    files = [form(b"--x", head, b"", unit * (19 * 1024**2 // len(unit))) for unit in (b"\r\n", b"\r\n-", b"-", b"\0")]
    body = b"\r\n".join([*files, b"--x--", b""])
    served = 0
    with ThreadPoolExecutor(1) as clients:
        enrolling = clients.submit(api.ask, "POST", "/v1/people/Ada/photos", body=body, headers={"Content-Type": FORM})
        while not enrolling.done():
            assert api.ask("GET", "/health").status == 200
            served += 1
    require_explained(enrolling.result())
    assert served > 3


@pytest.mark.parametrize("request_line", [b"POST / HTTP/1.1", b"PUT /v1/people/Ada HTTP/1.1"])
def test_clients_that_send_slowly_hold_no_worker(api: RunningApi, request_line: bytes) -> None:
    address = ("127.0.0.1", int(api.server.url.rpartition(":")[2]))
    slow = [socket.create_connection(address, timeout=30) for _ in range(200)]
    try:
        for client in slow:
            head = b"\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
            client.sendall(request_line + head + b"{")
        for _ in range(5):
            require_still_serving(api)
    finally:
        for client in slow:
            client.close()


def test_good_photos_are_answered_while_recognizers_and_decoders_are_killed(api: RunningApi) -> None:
    over = threading.Event()

    def kill() -> None:
        chance = random.Random(SEED)
        for _ in range(KILLS):
            if victims := psutil.Process(api.server.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    chance.choice(victims).kill()
            time.sleep(chance.uniform(0, 1))
        over.set()

    def send_until_over(number: int) -> list[int]:
        statuses = []
        while not over.is_set():
            answer = api.send("/v1/recognize", noise(".jpg", 64 + number))
            statuses.append(answer.status)
            if answer.status == 503:
                assert answer.headers["Retry-After"]
        return statuses

    with ThreadPoolExecutor(5) as executor:
        killer = executor.submit(kill)
        statuses = [status for sent in executor.map(send_until_over, range(4)) for status in sent]
        killer.result()

    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    require_still_serving(api)


def require_still_serving(api: RunningApi) -> None:
    answer = api.send("/", noise(".png"), name="fine.png")
    assert (answer.status, answer.body) == (200, b"fine:no-face")
