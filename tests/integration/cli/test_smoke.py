"""`rollcall smoke` against a running deployment: what it finds, and that nothing of it stays."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from rollcall.cli.commands import smoke as command
from rollcall.cli.deployment import Deployment
from rollcall.cli.parser import build_parser
from rollcall.cli.smoke.failure import SmokeTestFailed
from rollcall.cli.smoke.material import Material, material, read_faces
from rollcall.cli.smoke.smoke_people import marked
from rollcall.cli.smoke.waiting import Patience
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER
from rollcall.pipeline.roles import BUCKET_ROLES, QUEUE_ROLES
from rollcall.pipeline.settings import Settings
from tests.e2e.videos import COLLINS, Videos
from tests.integration.deployments import PREFIX, RunningDeployment, running_deployment
from tests.integration.throwaway import until

TABLES = ("people", "faces", "jobs", "api-keys")


@pytest.fixture(scope="module")
def sent(videos: Videos, model_dir: Path) -> Material:
    """A clip like the demo's, of a few seconds."""
    clip = videos.of(("obama2.jpg", 2), ("astronaut.png", 2), ("biden.jpg", 2))
    faces = read_faces(videos.photos, videos.folder / "smoke-gallery", model_dir, DEFAULT_EMBEDDER)
    return material(clip.read_bytes(), videos.photos, faces)


@pytest.fixture(scope="module")
def running(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeployment]:
    with running_deployment(model_dir, tmp_path_factory.mktemp("deployment")) as running:
        yield running


@pytest.fixture
def deployment(running: RunningDeployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    for name, value in running.environment().items():
        monkeypatch.setenv(name, value)
    with opened() as deployment:
        yield deployment


@contextmanager
def opened() -> Iterator[Deployment]:
    with ExitStack() as ending:
        session = boto3.Session(region_name="us-east-1")
        buckets = Settings(prefix=PREFIX).bucket_names
        yield Deployment(prefix=PREFIX, buckets=buckets, session=session, ending=ending)


def options(*arguments: str) -> Any:
    return build_parser().parse_args(["smoke", *arguments])


def everything(deployment: Deployment) -> set[str]:
    found = set()
    for role in BUCKET_ROLES:
        listed: Any = deployment.s3.list_object_versions(Bucket=deployment.bucket(role))
        versions = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
        found |= {f"{role} {entry['Key']} {entry['VersionId']}" for entry in versions}
    for table in TABLES:
        found |= {f"{table} {sorted(item.items(), key=str)}" for item in deployment.table(table).scan()["Items"]}
    return found


def test_it_passes_tells_how_long_each_stage_took_and_leaves_what_was_there(
    running: RunningDeployment,
    deployment: Deployment,
    sent: Material,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Runs with a shorter clip than the command makes, which the rehearsal over TLS runs as it is."""
    monkeypatch.setattr(command, "prepare", lambda _embedder: sent)
    running.upload("theirs.txt", b"no video")
    running.until_status("theirs.txt", "failed")
    deployment.people.put({"name": "Ann"})
    before = everything(deployment)

    assert command.execute(options("--prefix", PREFIX)) == 0

    told = capsys.readouterr().out.splitlines()
    assert [line.split(" s  ")[1] for line in told if " s  " in line] == [
        "made a clip and found the faces on the photos",
        "enrolled two people",
        "uploaded a video and a photo",
        "answered both, with the right names and records",
    ]
    assert told[-1].startswith("smoke test passed in ")
    assert everything(deployment) == before


def test_somebody_of_the_demo_who_is_enrolled_keeps_the_name_and_stays(
    deployment: Deployment, sent: Material, capsys: pytest.CaptureFixture[str]
) -> None:
    (theirs,) = (face for face in sent.faces if face.name == COLLINS)
    deployment.gallery.put("Commander", theirs.embedding, model=theirs.model, source="theirs.jpg")
    before = everything(deployment)
    try:
        assert command.smoke(deployment, sent, options()) is False
        assert everything(deployment) == before
    finally:
        deployment.gallery.remove([("Commander", face) for face in deployment.gallery.faces_of("Commander")])
    assert f"{COLLINS} is enrolled in this deployment" in capsys.readouterr().err


def test_two_at_once_take_turns(deployment: Deployment, sent: Material, capsys: pytest.CaptureFixture[str]) -> None:
    before = everything(deployment)

    def run(_: int) -> bool:
        with opened() as mine:
            return command.smoke(mine, sent, options())

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, range(2))) == [False, False]

    assert "another smoke test of this deployment is under way" in capsys.readouterr().err
    assert everything(deployment) == before


def test_after_ctrl_c_nothing_stays_of_it_nor_comes_later(
    running: RunningDeployment, deployment: Deployment, sent: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(deployment)
    begun: list[bool] = []

    def stop(*_: object) -> None:
        until(lambda: any(line.startswith("stage-1 ") for line in everything(deployment) - before))
        begun.append(True)
        raise KeyboardInterrupt

    monkeypatch.setattr(Patience, "wait", stop)

    with pytest.raises(KeyboardInterrupt):
        command.smoke(deployment, sent, options())

    assert begun
    assert everything(deployment) == before
    until(lambda: sum(deployment.queue_counts(queue)[n] for queue in QUEUE_ROLES for n in (0, 1)) == 0)
    assert everything(deployment) == before


def test_an_answer_with_another_name_fails_it_and_nothing_stays(deployment: Deployment, sent: Material) -> None:
    """The clip shows somebody else than it should, as if faces were mixed up."""
    before = everything(deployment)

    with pytest.raises(
        SmokeTestFailed, match="photo.jpg shows Barack Obama, and nobody in the result is called"
    ) as failed:
        command.smoke(deployment, replace(sent, photo=sent.form_photo), options())

    assert marked(COLLINS) in str(failed.value)
    assert everything(deployment) == before
