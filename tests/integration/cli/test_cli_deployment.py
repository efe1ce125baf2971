"""The commands that work with a deployment, against a running one, with real faces and real weights."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.videos import COLLINS, OBAMA, Videos
from tests.integration.deployments import PREFIX, RunningDeployment, run_rollcall, running_deployment
from tests.integration.throwaway import until

BROKEN = "Bartholomew Unreadable"


@pytest.fixture
def empty_deployment(model_dir: Path, tmp_path: Path) -> Iterator[RunningDeployment]:
    with running_deployment(model_dir, tmp_path / "logs") as running:
        yield running


@pytest.fixture(scope="module")
def deployment(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeployment]:
    """For tests that leave the gallery and the queues without traces."""
    with running_deployment(model_dir, tmp_path_factory.mktemp("deployment")) as running:
        yield running


def test_a_key_is_shown_once_listed_and_revoked(deployment: RunningDeployment) -> None:
    rollcall = deployment.rollcall
    text = rollcall("keys", "create", "camera", "--scope", "recognize", "--rate", "7").strip()
    key = text.split("_")[1]

    assert re.fullmatch(r"rc_[0-9a-f]{16}_[0-9A-Za-z_-]{43}", text)
    listed = rollcall("keys", "list")
    assert [line.split() for line in listed.splitlines() if key in line] == [[key, "camera", "7", "recognize", "-"]]
    assert text[-43:] not in listed

    assert rollcall("keys", "revoke", key) == f"revoked {key}: it is refused within seconds\n"
    assert f"there is no key {key}" in rollcall("keys", "revoke", key, code=2)
    assert rollcall("keys", "list") == "there are no keys: nobody can ask\n"


def test_from_enrollment_to_results_to_being_forgotten(
    empty_deployment: RunningDeployment, videos: Videos, tmp_path: Path
) -> None:
    people, gallery, video = videos.people(), videos.gallery(), videos.of(("obama2.jpg", 2), ("astronaut.png", 2))
    rollcall = empty_deployment.rollcall

    assert rollcall("people", "load", people) == f"1 records stored in {PREFIX}-people\n"
    assert rollcall("enroll", gallery) == f"2 faces of 2 people stored in {PREFIX}-faces\n"
    assert rollcall("enroll", gallery) == f"2 faces of 2 people stored in {PREFIX}-faces\n"
    listed = rollcall("people", "list")
    assert [line.split()[:3] for line in listed.splitlines() if "fused" in line] == [
        ["Barack", "Obama", "1"],
        ["Eileen", "Collins", "1"],
    ]
    assert "office: president" in listed

    shown = rollcall("submit", video, "--out", tmp_path / "waited")
    assert OBAMA in shown
    assert COLLINS in shown
    status = rollcall("status", video.name)
    assert "stage   done" in status
    job = status.split()[1]
    assert job in rollcall("status")

    rollcall("results", video.name, "--out", tmp_path / "fetched")
    for path in (path for path in (tmp_path / "waited").rglob("*") if path.is_file()):
        assert (tmp_path / "fetched" / path.relative_to(tmp_path / "waited")).read_bytes() == path.read_bytes()
    result = json.loads((tmp_path / "fetched" / f"{video.name}.json").read_text())
    assert {person["name"] for person in result["people"]} == {OBAMA, COLLINS}

    assert rollcall("people", "remove", OBAMA) == (
        f"removed {OBAMA}: the record, 1 faces, the name in 1 of 1 results, 1 crops, 0 photos that came by HTTP\n"
    )
    assert rollcall("people", "remove", OBAMA, code=2) == (
        f"rollcall: nobody is called {OBAMA!r}, enrolled or in any of 1 results; the nearest names are {COLLINS!r}\n"
    )
    assert OBAMA not in rollcall("people", "list")
    rollcall("results", video.name, "--out", tmp_path / "fetched")
    for path in (tmp_path / "fetched").rglob("*"):
        assert OBAMA not in path.name
        assert path.is_dir() or OBAMA.encode() not in path.read_bytes()
    forgotten = json.loads((tmp_path / "fetched" / f"{video.name}.json").read_text())
    (before,) = (person for person in result["people"] if person["name"] == OBAMA)
    (after,) = forgotten["unknown"]
    assert after == {
        "id": "unknown-1",
        "first_seen": before["first_seen"],
        "last_seen": before["last_seen"],
        "segments": before["segments"],
        "best": before["best"] | {"crop": None},
    }
    assert [person["name"] for person in forgotten["people"]] == [COLLINS]
    assert f"{COLLINS}-1.jpg" in {path.name for path in (tmp_path / "fetched").rglob("*.jpg")}

    of_job = [line for line in empty_deployment.log_lines() if line.get("job") == job]
    assert {line["service"] for line in of_job} >= {"face_recognition", "lookup"}
    assert all(line["key"] == video.name for line in of_job)
    for path in empty_deployment.log_dir.iterdir():
        assert OBAMA not in path.read_text()
        assert COLLINS not in path.read_text()


def test_an_upload_keeps_its_results_whatever_others_are_called(
    deployment: RunningDeployment, videos: Videos, tmp_path: Path
) -> None:
    photo = (videos.photos / "astronaut.png").read_bytes()
    for key in ("party/faces/group-1.jpg", "party", "party.json"):
        deployment.upload(key, photo)
        deployment.until_status(key, "done")
    deployment.upload("party", b"no photo")
    deployment.until_status("party", "failed")

    for key in ("party/faces/group-1.jpg", "party.json"):
        out = tmp_path / key.replace("/", "-")
        deployment.rollcall("results", key, "--out", out)
        assert json.loads((out / f"{key}.json").read_text())["video"] == key
        assert list((out / key / "faces").glob("*-1.jpg"))


def test_a_key_as_long_as_s3_takes_is_answered(deployment: RunningDeployment, tmp_path: Path) -> None:
    key = "/".join(["k" * 100] * 10)
    key += "l" * (1024 - len(key))
    deployment.upload(key, b"anything")

    failed = deployment.until_status(key, "failed")

    assert failed["video"] == key
    assert "longer than 512 bytes" in failed["error"]["message"]
    assert "longer than 512 bytes" in deployment.rollcall("status", key)
    deployment.rollcall("results", key, "--out", tmp_path, code=1)
    (answer,) = tmp_path.rglob("*.json")
    assert json.loads(answer.read_text())["video"] == key


def test_dead_letters_are_tried_again_once_the_cause_is_gone(deployment: RunningDeployment, videos: Videos) -> None:
    photo = videos.photos / "astronaut.png"
    deployment.cloud.client("dynamodb").put_item(
        TableName=f"{PREFIX}-faces",
        Item={"name": {"S": BROKEN}, "face": {"S": "0f"}, "embedding": {"B": b"not an embedding"}},
    )
    deployment.upload(photo.name, photo.read_bytes())

    failed = deployment.until_status(photo.name, "failed")
    assert failed["error"]["code"] == "internal"
    assert "error   internal: " in deployment.rollcall("status", photo.name)
    assert "unreadable" in deployment.rollcall("people", "list")
    assert all(BROKEN not in path.read_text() for path in deployment.log_dir.iterdir())
    complaints = [line for line in deployment.log_lines() if line.get("message") == "record failed"]
    assert {line["key"] for line in complaints} == {photo.name}

    until(lambda: deployment.waiting("lookup-dead-letters"))  # it moves after the owner is told
    assert deployment.rollcall("redrive", "--queue", "split") == "split: 0 messages sent back\n"
    deployment.rollcall("people", "remove", BROKEN)
    assert deployment.rollcall("redrive").splitlines()[-1] == "lookup: 1 messages sent back"
    deployment.until_status(photo.name, "done")
    assert deployment.waiting("lookup-dead-letters") == 0
    status = deployment.rollcall("status", photo.name)
    assert "stage   done" in status
    assert "error" not in status


def test_a_gallery_of_another_embedder_is_refused_and_can_be_replaced(
    deployment: RunningDeployment, videos: Videos
) -> None:
    deployment.cloud.client("dynamodb").put_item(
        TableName=f"{PREFIX}-faces",
        Item={
            "name": {"S": OBAMA},
            "face": {"S": "0f"},
            "embedding": {"B": b"\0" * 2048},
            "model": {"S": "facenet"},
        },
    )
    gallery = videos.gallery()

    refusal = deployment.rollcall("enroll", gallery, code=2)
    replaced = deployment.rollcall("enroll", gallery, "--replace")

    assert "facenet" in refusal
    assert "--replace" in refusal
    assert replaced == f"2 faces of 2 people stored in {PREFIX}-faces, 1 others removed\n"
    assert "facenet" not in deployment.rollcall("people", "list")
    for name in (OBAMA, COLLINS):
        deployment.rollcall("people", "remove", name)


def test_what_cannot_be_done_is_one_line_and_code_2(deployment: RunningDeployment, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_text("this is text")
    nobody = tmp_path / "nobody.json"
    nobody.write_text("[]")
    cases = {
        ("people", "load", nobody): f"{nobody}: an empty list",
        ("enroll", nobody): f"{nobody}: an empty list",
        ("enroll", tmp_path / "gone"): f"rollcall: gallery {tmp_path / 'gone'}: no such file or folder",
        ("people", "remove", "Nobody"): "nobody is called 'Nobody'",
        ("status", "gone.mp4"): "gone.mp4: no such upload in dep-input",
        ("results", "gone.mp4", "--out", tmp_path / "out"): "gone.mp4: no results, and no upload",
        ("status", "--prefix", "elsewhere"): "no deployment with the prefix 'elsewhere'",
        ("people", "list", "--prefix", "elsewhere"): "no deployment with the prefix 'elsewhere'",
        ("people", "remove", "Ann", "--prefix", "elsewhere"): "no deployment with the prefix 'elsewhere'",
        ("redrive", "--prefix", "elsewhere"): "no deployment with the prefix 'elsewhere'",
        ("submit", clip, "--prefix", "elsewhere"): "no deployment with the prefix 'elsewhere'",
        ("submit", clip, "--out", clip): "exists and is not a folder",
        ("status", "--stack", "acme"): "does not offer CloudFormation",
    }

    for arguments, complaint in cases.items():
        (line,) = deployment.rollcall(*arguments, code=2).splitlines()
        assert complaint in line


def test_a_failed_upload_ends_with_its_sentence_and_code_1(deployment: RunningDeployment, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_text("this is text")

    answer = run_rollcall("submit", clip, "--wait", environment=deployment.environment())

    assert answer.returncode == 1
    assert "failed: This is a text file, not a video or photo" in answer.stdout


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "no AWS credentials"),
        ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, "no AWS region"),
        ({"AWS_PROFILE": "nobody"}, "nobody"),
        *(
            (
                {
                    region: "eu-west-1",
                    "AWS_ACCESS_KEY_ID": "a",
                    "AWS_SECRET_ACCESS_KEY": "b",
                    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                    "AWS_MAX_ATTEMPTS": "1",
                },
                "AWS cannot be reached",
            )
            for region in ("AWS_DEFAULT_REGION", "AWS_REGION")
        ),
    ],
)
def test_what_aws_lacks_is_one_line_and_code_2(environment: dict[str, str], complaint: str) -> None:
    answer = run_rollcall("people", "list", "--prefix", "acme", environment=environment)

    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert complaint in line


def test_a_name_too_long_for_a_key_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    deep = tmp_path / "x" / ("y" * 255) / ("z" * 255)
    for folder in (deep, tmp_path / "w" / ("y" * 255) / ("z" * 255)):
        folder.mkdir(parents=True)
        (folder / "clip.mp4").write_text("")

    answer = run_rollcall("submit", tmp_path / "x", tmp_path / "w", environment={})

    assert answer.returncode == 2
    assert "too long for an object key" in answer.stderr
