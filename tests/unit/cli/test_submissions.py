"""Pushing files: uploads, looks and fetches side by side, and one bad file beside good ones."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from rollcall.cli.answers import Answer
from rollcall.cli.outputs import check_log_folder, check_output_folder, fetched, write_output
from rollcall.cli.show.report import write_report
from rollcall.cli.submissions import Push, Stage, Steps, Unreadable
from rollcall.contracts.events import Upload
from rollcall.contracts.jobs import Job
from rollcall.contracts.usage_error import UsageError
from rollcall.media.media_files import MediaFile
from rollcall.results.result import Failure
from tests.unit.full_disk import full_disk
from tests.unit.made_results import result

FILES = [MediaFile(Path(f"/{number}.jpg"), f"{number}.jpg") for number in range(40)]


class Pipeline:
    """Answers an upload at its second look."""

    def __init__(self, *, unreadable: str = "", lost: str = "") -> None:
        self.looks: Counter[str] = Counter()
        self.most_awaited = 0
        self.fetching = threading.Semaphore(0)
        self._uploads: dict[str, Upload] = {}
        self._unreadable = unreadable
        self._lost = lost

    def steps(self) -> Steps:
        return Steps(upload=self.upload, look=self.look, fetch=self.fetch, lost=self.lost)

    def upload(self, file: MediaFile) -> Upload:
        if file.key == self._unreadable:
            raise Unreadable("the disk reports an error")
        upload = Upload(bucket="in", key=file.key, version="1")
        self._uploads[upload.job] = upload
        return upload

    def look(self, jobs: Sequence[str]) -> Mapping[str, Job]:
        self.most_awaited = max(self.most_awaited, len(jobs))
        self.looks.update(jobs)
        done = [job for job in jobs if self.looks[job] > 1 and self._uploads[job].key != self._lost]
        return {
            job: Job.model_validate({"job": job, "upload": self._uploads[job], "created": 0.0, "status": "done"})
            for job in done
        }

    def fetch(self, file: MediaFile, _: Job) -> Answer:
        return result(video=file.key)

    def lost(self, awaited: Sequence[Upload], _: bool) -> Mapping[str, str]:
        return {upload.job: "It was deleted." for upload in awaited if upload.key == self._lost}


class Stages:
    def __init__(self) -> None:
        self.last: dict[str, Stage] = {}

    def update(self, key: str, stage: Stage) -> None:
        self.last[key] = stage


def push(pipeline: Pipeline, *, ahead: int | None = None) -> tuple[dict[str, Answer], Stages]:
    stages = Stages()
    return {file.key: answer for file, answer in Push(FILES, pipeline.steps(), stages, ahead=ahead).answers()}, stages


def test_every_file_gets_its_answer_and_few_wait_at_a_time() -> None:
    pipeline = Pipeline()

    answers, stages = push(pipeline, ahead=10)

    assert {key: answer.video for key, answer in answers.items()} == {file.key: file.key for file in FILES}
    assert set(stages.last.values()) == {Stage("done")}
    assert 1 < pipeline.most_awaited <= 10


def test_a_file_that_cannot_be_read_or_is_lost_fails_alone() -> None:
    answers, _ = push(Pipeline(unreadable="7.jpg", lost="9.jpg"))

    failures = {key: answer.error.message for key, answer in answers.items() if isinstance(answer, Failure)}
    assert failures == {
        "7.jpg": "The file cannot be uploaded: the disk reports an error.",
        "9.jpg": "It was deleted.",
    }
    assert len(answers) == len(FILES)


def test_a_failure_of_aws_ends_it() -> None:
    class Broken(Pipeline):
        def look(self, jobs: Sequence[str]) -> Mapping[str, Job]:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        push(Broken())


def test_results_that_cannot_be_written_are_that_file_s_failure(tmp_path: Path) -> None:
    (tmp_path / "a.jpg.json").mkdir()

    def write() -> Answer:
        write_output(tmp_path, "a.jpg.json", b"{}")
        return result()

    answer = fetched("a.jpg", write)

    assert isinstance(answer, Failure)
    assert "a.jpg.json" in answer.error.message


def test_half_a_file_is_not_left_on_a_full_disk(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(OSError, match=r"'.*a\.json'"):
        write_output(tmp_path, "a.json", b"x" * 100_000)

    assert list(tmp_path.iterdir()) == []


def test_a_report_that_does_not_fit_leaves_the_one_before(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text("before")

    with full_disk(), pytest.raises(OSError):
        write_report([("a.jpg", result())], report)

    assert report.read_text() == "before"


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo, lambda path: path.symlink_to("gone"), None])
def test_logs_that_cannot_be_written_are_told_before_any_work(
    tmp_path: Path, make: Callable[[Path], object] | None
) -> None:
    logs = tmp_path / "out" / "logs"
    (logs if make is None else logs.parent).mkdir(parents=True)
    if make is None:
        os.mkfifo(logs / "aws.log")
    else:
        make(logs)

    with pytest.raises(UsageError, match="logs"):
        check_log_folder(tmp_path / "out")


def test_logs_of_an_earlier_run_are_no_obstacle(tmp_path: Path) -> None:
    check_log_folder(tmp_path)
    (tmp_path / "logs" / "kept").mkdir(parents=True)
    (tmp_path / "logs" / "aws.log").touch()

    check_log_folder(tmp_path)


def test_a_folder_whose_name_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the name is too long"):
        check_output_folder(tmp_path / ("x" * 300), [MediaFile(path=tmp_path / "a.jpg", key="a.jpg")])


def test_only_files_with_something_in_the_way_are_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "b.jpg.json").mkdir()
    files = [MediaFile(Path(f"/{key}"), key) for key in ("a.jpg", "b.jpg", "c.jpg", "x" * 240 + ".jpg")]

    good, refused = check_output_folder(tmp_path, files)

    assert [file.key for file in good] == ["c.jpg"]
    assert [entry.reason.partition(" ")[2][:20] for entry in refused] == [
        "is a file where its ",
        "is a folder where it",
        "results cannot be wr",
    ]
    with pytest.raises(UsageError, match=r"a.jpg is a file where its results need a folder"):
        check_output_folder(tmp_path, files[:1])
