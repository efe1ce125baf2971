"""The commands on real files, with real weights, most of them in a process of its own."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import cv2
import numpy as np
import psutil
import pytest

from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER
from rollcall.people.calibration import load_calibration
from tests.commands import run_here
from tests.integration.throwaway import until

SHARED = Path(__file__).parents[4] / "shared" / "data"
COMMAND = [sys.executable, "-m", "rollcall"]
START_SECONDS = 120  # the first start on a machine also builds the model files

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the clips and photos of ../shared/data")


@contextmanager
def up(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*COMMAND, "up", "--data", "memory", "--port", "0", "--api-port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        export = read_line(process)
        ready = read_line(process)
        assert ready.startswith("ready ")
        endpoint = export.split("AWS_ENDPOINT_URL=")[1].split()[0]
        assert endpoint in ready
        yield process, endpoint
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        process.stdout.close()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_up_takes_uploads_tells_of_answers_keeps_logs_and_leaves_nothing_behind(tmp_path: Path) -> None:
    logs = tmp_path / "new" / "logs"
    functions = ("test-up-video-split", "test-up-lookup")
    with up("--prefix", "test-up", "--log-dir", str(logs)) as (process, endpoint):
        s3 = boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        s3.put_object(Bucket="test-up-input", Key="a b+ü.mp4", Body=b"this is text")

        told = read_line(process)
        result = json.load(s3.get_object(Bucket="test-up-output", Key="a b+ü.mp4.json")["Body"])
        s3.close()
        until(lambda: all("REPORT RequestId: " in read(logs / f"{function}.log") for function in functions))
        until(lambda: all(f'"{function}", "workers": 1' in read(logs / "workers.jsonl") for function in functions))
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)

    assert told.startswith("failed a b+ü.mp4: ")
    assert result["status"] == "failed"
    assert code == 0
    assert children
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    require_logs(logs, functions, "a b+ü.mp4")


def require_logs(logs: Path, functions: tuple[str, ...], key: str) -> None:
    counts = [json.loads(line) for line in read(logs / "workers.jsonl").splitlines()]
    fields = frozenset({"time", "function", "workers", "in_flight", "backlog"})
    assert {frozenset(count) for count in counts} == {fields}
    assert [count["time"] for count in counts] == sorted(count["time"] for count in counts)
    for function in functions:
        lines = [json.loads(line) for line in read(logs / f"{function}.log").splitlines() if line.startswith("{")]
        assert any(line.get("key") == key for line in lines)


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_a_port_in_use_is_one_line_and_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run_here("up", "--data", "memory", "--port", str(port), "--api-port", "0")

    assert answer.returncode == 2
    assert answer.stdout == ""
    assert str(port) in answer.stderr.splitlines()[-1]
    assert "Traceback" not in answer.stderr


@needs_shared
def test_run_names_the_person_writes_all_outputs_and_reports_the_failure(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("this is text")
    out = tmp_path / "out"

    answer = subprocess.run(
        [*COMMAND, "run", str(SHARED / "videos" / "test_8.mp4"), str(tmp_path / "notes.mp4"), "--out", str(out)]
        + ["--name-texts"]
        + [
            "--gallery",
            str(SHARED / "gallery" / "embeddings.json"),
            "--people",
            str(SHARED / "gallery" / "people.json"),
        ],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert answer.returncode == 1, answer.stderr  # one of the two files failed
    assert "test_8.mp4: done" in answer.stderr
    assert "notes.mp4: failed" in answer.stderr
    assert "president_obama" in answer.stdout
    assert "major: electrical_engineering" in answer.stdout
    result = json.loads((out / "test_8.mp4.json").read_text())
    assert [person["name"] for person in result["people"]] == ["president_obama"]
    for name in (
        "test_8.mp4.csv",
        "test_8.mp4.vtt",
        result["people"][0]["best"]["crop"],
        "report.html",
        "notes.mp4.json",
    ):
        assert (out / name).stat().st_size > 0
    assert (out / "test_8.txt").read_text() == "president_obama"
    assert not (out / "notes.txt").exists()
    sheet = cv2.imread(str(out / "test_8.mp4.contact-sheet.png"))
    assert sheet is not None
    green = (np.abs(sheet.astype(int) - (0x5F, 0xA0, 0x23)).max(axis=2) <= 2).sum()
    assert green > 1000
    sentence = json.loads((out / "notes.mp4.json").read_text())["error"]["message"]
    assert sentence in answer.stdout


@needs_shared
def test_run_stops_cleanly_on_ctrl_c(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "run", str(SHARED / "videos"), "--out", str(tmp_path / "out")]
        + ["--gallery", str(SHARED / "gallery" / "embeddings.json")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.endswith(": splitting\n"):
            break
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    code = process.wait(30)
    process.stderr.close()

    assert code == 130
    assert "Traceback" not in rest
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


@needs_shared
def test_faces_prints_one_json_line_per_photo(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not much of a photo")
    group = SHARED / "detection" / "bald_guys.jpg"

    answer = subprocess.run(
        [*COMMAND, "faces", str(group), str(broken), str(SHARED / "detection" / "dogs.jpg"), "--embeddings"]
        + ["--gallery", str(SHARED / "gallery" / "embeddings.json")],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )

    assert answer.returncode == 1  # one photo could not be read
    people, unreadable, dogs = map(json.loads, answer.stdout.splitlines())
    assert list(people) == ["image", "faces"]
    assert people["image"] == str(group)
    assert len(people["faces"]) >= 20
    areas = [face["box"][2] * face["box"][3] for face in people["faces"]]
    assert areas == sorted(areas, reverse=True)
    for face in people["faces"]:
        known = ["box", "confidence", "landmarks", "name", "similarity", "distance"]
        assert list(face) == [*known, "quality", "threshold", "runner_up", "embedding"]
        assert 0 <= face["quality"]["weight"] <= 1
        assert face["threshold"] == load_calibration(DEFAULT_EMBEDDER).threshold
        assert face["distance"] <= face["runner_up"]["distance"]
        assert len(face["embedding"]) == 256
        assert np.shape(face["landmarks"]) == (5, 2)
        assert 0 <= face["similarity"] <= 100
    # dlib's collage shows several actors, one of whom is in the gallery
    assert {face["name"] for face in people["faces"]} == {"unknown", "vin_diesel"}
    assert list(unreadable) == ["image", "error"]
    assert dogs["faces"] == []


@needs_shared
def test_faces_without_a_gallery_names_nobody_and_with_a_folder_of_photos_knows_them(tmp_path: Path) -> None:
    johns = sorted(path for path in (SHARED / "johns").iterdir() if path.is_dir())
    enrolled, probe = sorted(johns[0].iterdir())[:2]
    gallery = tmp_path / "gallery" / "Somebody"
    gallery.mkdir(parents=True)
    (gallery / enrolled.name).write_bytes(enrolled.read_bytes())

    without, known = (
        json.loads(run_here("faces", probe, *options).stdout)["faces"][0]
        for options in ([], ["--gallery", str(tmp_path / "gallery")])
    )

    assert [without[field] for field in ("name", "similarity", "distance", "threshold", "runner_up")] == [None] * 5
    assert known["runner_up"] is None  # one person is enrolled
    assert known["name"] == "Somebody"
    assert known["similarity"] > 50
