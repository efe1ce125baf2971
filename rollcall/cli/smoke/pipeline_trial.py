"""Whether uploads to the input bucket come out with the right names and records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from rollcall.cli.demo.story import STRANGER
from rollcall.cli.deployment import Deployment
from rollcall.cli.outputs import RESULT
from rollcall.cli.preparation import note
from rollcall.cli.smoke.failure import SmokeTestFailed
from rollcall.cli.smoke.material import ON_PHOTO, Material
from rollcall.cli.smoke.smoke_people import Expected, check, expect, marked, record_of
from rollcall.cli.smoke.smoke_report import stage
from rollcall.cli.smoke.traces import ROOT
from rollcall.cli.smoke.waiting import Patience
from rollcall.cli.submissions import stage_of
from rollcall.contracts.errors import GalleryMismatch
from rollcall.contracts.events import Upload
from rollcall.contracts.object_keys import result_key
from rollcall.contracts.s3_absence import is_gone
from rollcall.contracts.usage_error import UsageError
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import Gallery
from rollcall.results.output_files import beside_json
from rollcall.results.result import Failure, Person, Result


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What answers are judged by: who has to be called what, with which record."""

    run: str
    expected: Mapping[str, Expected]  # by the demo's names

    def judge(self, what: str, found: Sequence[Person], shown: Sequence[str]) -> None:
        ours = {marked(who) for who in shown if self.expected[who].by_us}
        records = {name: record_of(name, self.run) for name in ours}
        check(what, found, [self.expected[who] for who in shown], records)


def enroll(deployment: Deployment, material: Material, embedder: str, run: str) -> Answers:
    try:
        gallery = Gallery(deployment.gallery.load(embedder), load_calibration(embedder))
    except GalleryMismatch as mismatch:
        raise UsageError(f"{mismatch} Name this deployment's embedder with --embedder.") from mismatch
    people = expect(material.faces, gallery)
    for somebody in people:
        if somebody.by_us:
            name = marked(somebody.who)
            deployment.people.put(record_of(name, run))
            for face in (face for face in material.faces if face.name == somebody.who):
                deployment.gallery.put(name, face.embedding, model=face.model, source=face.source)
        elif somebody.who != STRANGER:
            note(f"{somebody.who} is enrolled in this deployment, and has to be called so")
    return Answers(run=run, expected={somebody.who: somebody for somebody in people})


def ask_pipeline(deployment: Deployment, material: Material, answers: Answers, patience: Patience) -> None:
    sent = {"demo.mp4": (material.clip, list(answers.expected)), "photo.jpg": (material.photo, [ON_PHOTO])}
    with stage("uploaded a video and a photo"):
        uploads = {
            name: _upload(deployment, f"{ROOT}/{answers.run}/{name}", content) for name, (content, _) in sent.items()
        }
    with stage("answered both, with the right names and records"):
        for name, upload in uploads.items():
            patience.wait(upload.key, lambda job=upload.job: stage_of(deployment.jobs.get(job)))  # type: ignore[misc]
            result = done(upload.key, RESULT.validate_json(_read(deployment, result_key(upload.key))))
            answers.judge(name, result.people, sent[name][1])
            _require_files(deployment, upload.key, result)
            _tell(name, result)


def done(key: str, result: Result | Failure) -> Result:
    if isinstance(result, Failure):
        raise SmokeTestFailed(
            f"{key} has failed with {result.error.code}: {result.error.message} The functions' logs tell more, by the"
            " way that docs/runbook.md describes"
        )
    return result


def _upload(deployment: Deployment, key: str, content: bytes) -> Upload:
    bucket = deployment.bucket("input")
    stored = deployment.s3.put_object(Bucket=bucket, Key=key, Body=content)
    return Upload(bucket=bucket, key=key, version=stored["VersionId"])


def _require_files(deployment: Deployment, key: str, result: Result) -> None:
    """Checks the files that have to be beside the JSON."""
    crops = [person.best.crop for person in result.people if person.best.crop is not None]
    for name in (*(file.key(key) for file in beside_json()), *crops):
        _read(deployment, name)


def _read(deployment: Deployment, key: str) -> bytes:
    bucket = deployment.bucket("output")
    try:
        return deployment.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if not is_gone(error):
            raise
        raise SmokeTestFailed(f"{bucket} has no {key}, although the job is done") from error


def _tell(name: str, result: Result) -> None:
    took = result.timings
    print(
        f"           {name}: split {took.split:.1f} s, recognized {took.recognize:.1f} s, looked up {took.lookup:.1f} s"
        f"; {took.total:.1f} s from its event to its result"
    )
