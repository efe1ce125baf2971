"""The other embedder all the way through. Its weights are random: they tell a photo from another, and no more."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rollcall.cli.preparation import Enrollment
from rollcall.engine.engine import load_engine
from rollcall.people.gallery_store import EnrolledFace
from rollcall.pipeline.settings import Settings
from rollcall.weights.folder import ensure_model_files
from tests.e2e.videos import OBAMA, Videos
from tests.facenet_weights import facenet_folder
from tests.integration.api.running_api import RunningApi, running_api
from tests.integration.deployments import run_rollcall
from tests.integration.throwaway import until

PREFIX = "test-facenet"
ANN = EnrolledFace(name="Ann", embedding=np.full(128, 0.1, dtype=np.float32), source="1.jpg")


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return facenet_folder(tmp_path_factory.mktemp("models") / "facenet")


@pytest.fixture(scope="module")
def gallery(videos: Videos) -> Path:
    """One person: with random weights two would be a tie."""
    person = videos.folder / "obama" / OBAMA
    person.mkdir(parents=True)
    (person / "obama.jpg").write_bytes((videos.photos / "obama.jpg").read_bytes())
    return person.parent


@pytest.fixture(scope="module")
def dlib_gallery(videos: Videos) -> Path:
    path = videos.folder / "dlib.json"
    path.write_text(json.dumps([{"name": "Ann", "embedding": [0.1] * 128}]))
    return path


@pytest.fixture(scope="module")
def api_on_a_dlib_gallery(model_dir: Path) -> Iterator[RunningApi]:
    settings = Settings(prefix=PREFIX, embedder="facenet", max_concurrency=1)
    with running_api(Enrollment(faces=[ANN], records=[]), model_dir, settings) as running:
        yield running


def test_faces_of_a_real_photo_have_512_numbers_of_length_1(model_dir: Path, videos: Videos) -> None:
    photos = [np.asarray(cv2.imread(str(videos.photos / name)), dtype=np.uint8) for name in ("obama.jpg", "biden.jpg")]
    engine, usual = load_engine(model_dir, "facenet"), load_engine(model_dir)

    found, found_as_usual = engine.analyze(photos), usual.analyze(photos)

    embeddings = np.array([faces[0].embedding for faces in found])
    assert embeddings.shape == (2, 512)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-4)
    assert np.linalg.norm(embeddings[0] - embeddings[1]) > 0.01
    assert engine.identity.embedder.startswith("facenet@")
    # nothing but the embedding depends on the embedder
    for faces, others in zip(found, found_as_usual, strict=True):
        assert [(face.box, face.quality) for face in faces] == [(face.box, face.quality) for face in others]


def test_a_photo_gives_the_same_numbers_whatever_it_comes_with(model_dir: Path, videos: Videos) -> None:
    photos = [np.asarray(cv2.imread(str(videos.photos / name)), dtype=np.uint8) for name in ("obama.jpg", "biden.jpg")]
    engine = load_engine(model_dir, "facenet")

    together = [faces[0].embedding for faces in engine.analyze(photos)]
    alone = [engine.analyze([photo])[0][0].embedding for photo in photos]

    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_run_finds_the_enrolled_photo(model_dir: Path, videos: Videos, gallery: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    answer = run_rollcall(
        *("run", videos.photos / "obama.jpg", "--gallery", gallery, "--out", out, "--embedder", "facenet"),
        environment={"ROLLCALL_MODEL_DIR": str(model_dir)},
    )

    assert answer.returncode == 0, answer.stderr
    result = json.loads((out / "obama.jpg.json").read_text())
    assert [person["name"] for person in result["people"]] == [OBAMA]
    assert result["model"]["embedder"].startswith("facenet@")
    assert result["threshold"] == 1.0


def test_faces_tells_its_numbers_and_the_distance(model_dir: Path, videos: Videos, gallery: Path) -> None:
    answer = run_rollcall(
        *("faces", videos.photos / "obama.jpg", "--gallery", gallery, "--embeddings"),
        environment={"ROLLCALL_MODEL_DIR": str(model_dir), "ROLLCALL_EMBEDDER": "facenet"},
    )

    assert answer.returncode == 0, answer.stderr
    face = json.loads(answer.stdout)["faces"][0]
    assert (face["name"], face["distance"], len(face["embedding"])) == (OBAMA, 0.0, 512)


@pytest.mark.parametrize("command", ["run", "up", "faces"])
def test_a_local_gallery_of_the_other_embedder_is_refused(
    model_dir: Path, videos: Videos, dlib_gallery: Path, tmp_path: Path, command: str
) -> None:
    media: list[str | Path] = [] if command == "up" else [videos.photos / "obama.jpg"]
    options: list[str | Path] = ["--out", tmp_path / "out"] if command == "run" else []

    answer = run_rollcall(
        *(command, *media, "--gallery", dlib_gallery, "--embedder", "facenet", *options),
        environment={"ROLLCALL_MODEL_DIR": str(model_dir)},
    )

    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert (
        "'Ann' in dlib.json was made with the embedder 'dlib-resnet', which cannot be compared with 'facenet'" in line
    )


@pytest.mark.parametrize("command", ["run", "up", "faces"])
def test_without_its_weights_it_is_refused_with_what_to_do(
    videos: Videos, gallery: Path, tmp_path: Path, command: str
) -> None:
    photo, out = videos.photos / "obama.jpg", tmp_path / "out"
    arguments: dict[str, list[Any]] = {
        "run": [photo, "--gallery", gallery, "--out", out],
        "up": [],
        "faces": [photo],
    }

    answer = run_rollcall(
        *(command, *arguments[command], "--embedder", "facenet"),
        environment={"ROLLCALL_MODEL_DIR": str(ensure_model_files(progress=print))},
    )

    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert "lack the embedder facenet: build it with `python -m rollcall.weights --facenet-weights FILE`" in line


def test_an_upload_is_told_that_the_gallery_is_of_another_embedder(
    api_on_a_dlib_gallery: RunningApi, videos: Videos
) -> None:
    session = api_on_a_dlib_gallery.session
    session.s3.upload_file(str(videos.photos / "obama.jpg"), session.bucket("input"), "upload.jpg")

    def result() -> Any:
        listed = session.s3.list_objects_v2(Bucket=session.bucket("output"), Prefix="upload.jpg.json")
        if not listed.get("Contents"):
            return None
        return json.loads(session.s3.get_object(Bucket=session.bucket("output"), Key="upload.jpg.json")["Body"].read())

    failure = until(result)

    assert (failure["status"], failure["error"]["code"]) == ("failed", "gallery-mismatch")
    assert "made with dlib-resnet, and faces are read with facenet" in failure["error"]["message"]


def test_the_api_neither_names_nor_enrolls_anybody_then(api_on_a_dlib_gallery: RunningApi, videos: Videos) -> None:
    photo = (videos.photos / "obama.jpg").read_bytes()

    asked = api_on_a_dlib_gallery.send("/v1/recognize", photo)
    enrolled = api_on_a_dlib_gallery.send("/v1/people/Bo/photos", photo, field="photo")

    for answer in (asked, enrolled):
        assert (answer.status, answer.json["code"]) == (503, "gallery-mismatch")
        assert "made with dlib-resnet, and faces are read with facenet" in answer.json["detail"]
    items = api_on_a_dlib_gallery.session.table("faces").scan()["Items"]
    assert [item["name"] for item in items] == ["Ann"]


def test_a_deployment_of_the_other_embedder_is_not_added_to(
    api_on_a_dlib_gallery: RunningApi, model_dir: Path, gallery: Path
) -> None:
    answer = run_rollcall(
        *("enroll", gallery, "--embedder", "facenet"),
        environment={
            "ROLLCALL_MODEL_DIR": str(model_dir),
            "ROLLCALL_PREFIX": PREFIX,
            "AWS_ENDPOINT_URL": api_on_a_dlib_gallery.session.cloud.endpoint_url,
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "thing",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
    )

    assert answer.returncode == 2
    assert "faces enrolled with dlib-resnet cannot be compared with facenet" in answer.stderr
    assert "--replace" in answer.stderr
