"""`rollcall run`: files through the whole pipeline, once."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from functions.common.jobs import Job
from functions.common.results import Failure, Result
from functions.video_split.ffmpeg import describe as describe_ffmpeg
from infra.pipeline import Settings
from local.contact_sheet import draw_contact_sheet
from local.media_files import MediaFile, check_output_folder, find_media, output_path
from local.outputs import contact_sheet_key, download_outputs
from local.preparation import Enrolment, note, prepare_model_files, read_enrolment
from local.progress import show_progress
from local.report import write_report
from local.result_table import print_places, print_result
from local.sampled_frames import SampledFrames
from local.session import Session, open_session, settings_from
from local.submissions import push
from local.watchdog import Watchdog

Answer = tuple[str, Result | Failure]  # a file's key and what the pipeline says about it


def execute(options: argparse.Namespace) -> int:
    media = find_media(options.media, leave_out=options.out)
    check_output_folder(options.out, media)
    model_dir = prepare_model_files(options.embedder)
    enrolment = read_enrolment(options.gallery, options.people, model_dir, options.embedder)
    answers = run_pipeline(
        media, enrolment, settings_from(options), port=options.port, model_dir=model_dir, out=options.out
    )
    return 1 if any(isinstance(result, Failure) for _, result in answers) else 0


def run_pipeline(
    media: Sequence[MediaFile], enrolment: Enrolment, settings: Settings, *, port: int, model_dir: Path, out: Path
) -> list[Answer]:
    """Everything between the checked input and the tables on the terminal."""
    note(f"starting the local cloud; videos are read by {describe_ffmpeg()}")
    with open_session(settings, enrolment, port=port, model_dir=model_dir, log_dir=out / "logs") as session:
        collected = collect(media, session, out)
    answers = [(file.key, collected[file.key]) for file in media]
    report = out / "report.html"
    write_report(answers, report)
    for key, result in answers:
        print_result(key, result)
    print_places(out, report)
    return answers


def collect(media: Sequence[MediaFile], session: Session, out: Path) -> dict[str, Result | Failure]:
    results: dict[str, Result | Failure] = {}
    watchdog = Watchdog(session.cloud.status)
    with show_progress() as progress:
        finished = push(
            media,
            s3=session.s3,
            bucket=session.bucket("input"),
            jobs=session.jobs,
            progress=progress,
            check=lambda _: watchdog.check(),
        )
        for file, job in finished:
            results[file.key] = _fetch(job, session, out)
    return results


def _fetch(job: Job, session: Session, out: Path) -> Result | Failure:
    key = job.upload.key
    result = download_outputs(session.s3, session.bucket("output"), key, out)
    if isinstance(result, Result):
        frames = SampledFrames(session.s3, session.bucket("stage-1"), job)
        draw_contact_sheet(result, frames.at).save(output_path(out, contact_sheet_key(key)))
    return result
