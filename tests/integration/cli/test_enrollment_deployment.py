"""`rollcall enroll` beside faces that a running deployment has already."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.videos import COLLINS, OBAMA
from tests.integration.deployments import PREFIX, RunningDeployment, run_rollcall, running_deployment


@pytest.fixture
def deployment(model_dir: Path, tmp_path: Path) -> Iterator[RunningDeployment]:
    with running_deployment(model_dir, tmp_path / "logs") as running:
        yield running


def test_photos_are_compared_with_the_faces_of_the_deployment(
    deployment: RunningDeployment, demo_photos: Path, tmp_path: Path
) -> None:
    def folder(person: str, *names: str) -> Path:
        gallery = tmp_path / f"{person}-{'-'.join(names)}"
        (gallery / person).mkdir(parents=True)
        for name in names:
            shutil.copy(demo_photos / name, gallery / person)
        return gallery

    assert deployment.rollcall("enroll", folder(OBAMA, "obama.jpg", "obama2.jpg")).startswith("2 faces of 1 people")

    # somebody who is enrolled, as somebody new
    assert f"looks like '{OBAMA}'" in deployment.rollcall("enroll", folder("Ann", "obama3.jpg"), code=2)
    # somebody new, as somebody who is enrolled
    other = run_rollcall("enroll", folder(OBAMA, "astronaut.png", "obama3.jpg"), environment=deployment.environment())
    assert "astronaut.png: does not look like the person on the 3 others" in other.stderr
    assert other.stdout == f"1 faces of 1 people stored in {PREFIX}-faces\n"
    # whoever replaces everybody compares with nobody
    assert "3 others removed" in deployment.rollcall("enroll", folder("Barack", "obama.jpg", "obama2.jpg"), "--replace")


def test_a_face_that_cannot_be_read_does_not_keep_others_from_being_enrolled(
    deployment: RunningDeployment, demo_photos: Path, tmp_path: Path
) -> None:
    deployment.cloud.client("dynamodb").put_item(
        TableName=f"{PREFIX}-faces", Item={"name": {"S": "Ann"}, "face": {"S": "0f"}, "embedding": {"B": b"short"}}
    )
    (tmp_path / "gallery" / COLLINS).mkdir(parents=True)
    shutil.copy(demo_photos / "astronaut.png", tmp_path / "gallery" / COLLINS)

    answer = run_rollcall("enroll", tmp_path / "gallery", environment=deployment.environment())

    assert answer.stdout == f"1 faces of 1 people stored in {PREFIX}-faces\n"
    assert "not compared with the faces enrolled before" in answer.stderr
