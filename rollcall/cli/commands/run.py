"""`rollcall run`: files through the whole pipeline, once."""

import argparse
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rollcall.cli.answers import Answer, Answers
from rollcall.cli.aws_errors import AWS_ERRORS
from rollcall.cli.outputs import (
    LOGS,
    check_log_folder,
    check_output_folder,
    download_name_texts,
    download_outputs,
    fetched,
    not_answered,
    write_output,
)
from rollcall.cli.preparation import Enrollment, note, note_left_out, prepare_model_files, read_enrollment
from rollcall.cli.session import Session, open_session, settings_from
from rollcall.cli.show.contact_sheet import draw_contact_sheet
from rollcall.cli.show.progress import show_progress
from rollcall.cli.show.report import write_report
from rollcall.cli.show.result_table import print_places, print_results
from rollcall.cli.show.sampled_frames import SampledFrames
from rollcall.cli.submissions import Push, Steps, send
from rollcall.contracts.events import Upload
from rollcall.contracts.jobs import Job
from rollcall.contracts.shown_text import printable
from rollcall.local.cloud import CloudStopped
from rollcall.local.watchdog import Stalled, Watchdog
from rollcall.media.folders import LeftOut, reason_of
from rollcall.media.media_files import MediaFile, find_media
from rollcall.media.videos.ffmpeg import describe as describe_ffmpeg
from rollcall.pipeline.settings import Settings
from rollcall.results.output_files import CONTACT_SHEET, REPORT
from rollcall.results.result import Result

MOST_SHEETS = (
    100  # up to this many files get contact sheets; more get them only on request, since each takes half a second
)
AHEAD = 256  # uploads that wait for their answers: the local queues are quick while they are short


def execute(options: argparse.Namespace) -> int:
    found = find_media(options.media, leave_out=options.out)
    check_log_folder(options.out)
    media, refused = check_output_folder(options.out, found.files, taken=[REPORT.name])
    left_out = [*found.left_out, *refused]
    note_left_out(left_out)
    model_dir = prepare_model_files(options.embedder)
    enrollment = read_enrollment(
        options.gallery,
        options.people,
        model_dir,
        options.embedder,
        detector=options.detector,
        accept_poor=options.accept_poor_photos,
    )
    answers = run_pipeline(
        media,
        enrollment,
        settings_from(options),
        port=options.port,
        model_dir=model_dir,
        out=options.out,
        sheets=wants_sheets(options.contact_sheets, len(media)),
        left_out=left_out,
    )
    complete = not (answers.failed or enrollment.incomplete or any(entry.failed for entry in left_out))
    return 0 if complete else 1


def wants_sheets(choice: str, files: int) -> bool:
    if choice == "auto" and files > MOST_SHEETS:
        note(f"no contact sheets of {files:,} files; for one of each: --contact-sheets all")
        return False
    return choice != "none"


def run_pipeline(
    media: Sequence[MediaFile],
    enrollment: Enrollment,
    settings: Settings,
    *,
    port: int,
    model_dir: Path,
    out: Path,
    sheets: bool = True,
    left_out: Sequence[LeftOut] = (),
) -> Answers:
    """Runs the pipeline on checked input, and returns the answers for the tables."""
    note(f"starting the local cloud; videos are read by {describe_ffmpeg()}")
    with open_session(settings, enrollment, port=port, model_dir=model_dir, log_dir=out / LOGS) as session:
        answers = collect(media, session, out, sheets=sheets)
        if settings.name_texts:
            _fetch_name_texts(media, session, out, answers)
    report: Path | None = out / REPORT.name
    try:
        write_report(answers.of(media), out / REPORT.name, sheets=sheets, left_out=left_out)
    except OSError as error:
        note(f"failed {report}: cannot be written ({reason_of(error)})")
        report = None
    print_results(answers.of(media), left_out, files=len(media))
    print_places(out, report)
    return answers


def collect(media: Sequence[MediaFile], session: Session, out: Path, *, sheets: bool) -> Answers:
    """An answer to each file: the pipeline's, or why there is none."""
    answers = Answers()
    reason = ""
    with show_progress(len(media)) as progress:
        failures: list[str] = []
        push = Push(media, _steps(session, out, failures.append, sheets=sheets), progress, ahead=AHEAD)
        try:
            for file, answer in push.answers():
                answers.add(file.key, answer)
        except (Stalled, CloudStopped) as error:
            reason = str(error)
        except AWS_ERRORS as error:
            reason = f"the local AWS cannot be reached ({error}); {out / LOGS} say why"
    for file in media:
        if file.key not in answers:
            answers.add(file.key, not_answered(file.key, f"There is no answer: {reason}."))
    for line in failures:
        note(line)
    answers.failed += len(failures)
    return answers


def _fetch_name_texts(media: Sequence[MediaFile], session: Session, out: Path, answers: Answers) -> None:
    try:
        keys = [file.key for file in media]
        failures = download_name_texts(session.s3, session.bucket("output"), keys, out)
    except AWS_ERRORS as error:
        failures = [f"failed: the texts of names could not be fetched ({error})"]
    for line in failures:
        note(line)
    answers.failed += len(failures)


def _steps(session: Session, out: Path, fail: Callable[[str], None], *, sheets: bool) -> Steps:
    watchdog = Watchdog(session.cloud.status)

    def nothing_lost(_: Sequence[Upload], moved: bool) -> Mapping[str, str]:
        watchdog.check(moved=moved)
        return {}

    return Steps(
        upload=lambda file: send(session.s3, session.bucket("input"), file),
        look=session.jobs.get_many,
        fetch=lambda file, job: fetched(file.key, lambda: _fetch(job, session, out, fail, sheets=sheets)),
        lost=nothing_lost,
    )


def _fetch(job: Job, session: Session, out: Path, fail: Callable[[str], None], *, sheets: bool) -> Answer:
    key = job.upload.key
    result = download_outputs(session.s3, session.bucket("output"), key, out)
    if sheets and isinstance(result, Result):
        frames = SampledFrames(session.s3, session.bucket("stage-1"), job)
        picture = io.BytesIO()
        draw_contact_sheet(result, frames.at).save(picture, "PNG")
        try:
            write_output(out, CONTACT_SHEET.key(key), picture.getvalue())
        except OSError as error:  # the results are there
            fail(f"failed {printable(CONTACT_SHEET.key(key))}: {reason_of(error)}")
    return result
