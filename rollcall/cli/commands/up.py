"""`rollcall up`: the local cloud until Ctrl-C."""

import argparse
import shlex
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rollcall.cli.answer_watch import AnswerWatch, EndedJobs
from rollcall.cli.aws_errors import AWS_ERRORS
from rollcall.cli.leaving import leave
from rollcall.cli.preparation import note, prepare_model_files, read_enrollment
from rollcall.cli.session import Serving, Session, open_session, settings_from
from rollcall.cli.watch.folder_watch import FolderWatch, require_watchable
from rollcall.cli.watch.results_beside import ResultsBeside
from rollcall.contracts.usage_error import UsageError
from rollcall.local.api_server import ApiServer, listen_for_api
from rollcall.local.cloud import CloudStopped
from rollcall.local.lambda_host.process_environment import LOCAL_CREDENTIALS, REGION
from rollcall.local.lambda_host.processes import describe_exit
from rollcall.local.listening import url_of
from rollcall.local.store.credentials import FILE as CREDENTIALS_FILE
from rollcall.local.store.credentials import load_or_create
from rollcall.local.store.store_errors import StoreError
from rollcall.local.supervisor import NotRestarted, Part, Supervisor
from rollcall.media.videos.ffmpeg import describe as describe_ffmpeg
from rollcall.runtime.confined.confinement import not_confined
from rollcall.runtime.local_requests import is_loopback

LOOK_SECONDS = 0.25
LAST_LOOK_SECONDS = 0.5
SAME_SECONDS = 5.0  # in which workers of one function that end one after the other are told of once


def execute(options: argparse.Namespace) -> int:
    check_watch(options)
    model_dir = prepare_model_files(options.embedder)
    enrollment = read_enrollment(
        options.gallery or [],
        options.people,
        model_dir,
        options.embedder,
        detector=options.detector,
        accept_poor=options.accept_poor_photos,
    )
    if not enrollment.faces:
        note("no --gallery: everybody will be unknown")
    note(f"starting the local cloud; videos are read by {describe_ffmpeg()}")
    if (sentence := not_confined()) is not None:
        note(sentence)
    settings, serving = settings_from(options), serving_from(options)
    note("nothing is kept: --data memory" if serving.data is None else f"everything is kept in {serving.data}")
    left, ended = "", EndedJobs()
    try:
        with (
            listen_for_api(options.api_port, serving.host) as listener,
            open_session(
                settings,
                enrollment,
                port=options.port,
                model_dir=model_dir,
                log_dir=options.log_dir,
                serving=serving,
                page_origins=own_origins(listener),
                restartable=True,
                worker_died=DeadWorkers(note).tell,
                messages_done=ended.note,
            ) as session,
            ApiServer(
                settings,
                listener=listener,
                endpoint_url=session.cloud.endpoint_url,
                model_dir=model_dir,
                credentials=serving.credentials,
                tls_options=serving.tls_options,
                uploads_port=session.cloud.port,
            ) as api,
        ):
            announce(session, serving, api.port)
            watch = AnswerWatch(
                session,
                answered=lambda line: print(line, flush=True),
                trouble=note,
                ended=ended,
                from_now_on=True,
            )
            try:
                with watching(session, options):
                    supervise(session, api, watch)
            finally:
                watch.stop()
                api.close()
                watch.join(LAST_LOOK_SECONDS)
                left = undone(api, watch, kept=serving.data is not None)
    except KeyboardInterrupt:
        note(f"stopped{left}")
        leave(0)
    return 0


def check_watch(options: argparse.Namespace) -> None:
    """Raises UsageError."""
    if options.watch is not None:
        require_watchable(options.watch, options.data)
    elif options.results_beside:
        raise UsageError("--results-beside: beside the files of which folder? Name it with --watch")


@contextmanager
def watching(session: Session, options: argparse.Namespace) -> Iterator[None]:
    if options.watch is None:
        yield
        return
    with ExitStack() as ending:
        folder = FolderWatch(
            options.watch.absolute(),
            s3=session.s3,
            bucket=session.bucket("input"),
            waiting=session.uploads_waiting,
            leave_out=options.data,
            say=note,
        )
        ending.callback(folder.stop)
        if options.results_beside:
            beside = ResultsBeside(session.s3, session.bucket("output"), folder.path_of, say=note)
            ending.callback(beside.stop)
        yield


def own_origins(listener: socket.socket) -> list[str]:
    """The origins of pages that the HTTP API serves there."""
    api_port = listener.getsockname()[1]
    return [f"http://{name}:{api_port}" for name in ("127.0.0.1", "localhost")]


def serving_from(options: argparse.Namespace) -> Serving:
    """Raises UsageError: others may reach this machine, and nothing says with which credentials."""
    if is_loopback(options.host):
        if options.certificate is not None:
            raise UsageError("--certificate: TLS is for other machines; let them in with --host, such as 0.0.0.0")
        return Serving(data=options.data, host=options.host)
    if options.data is None:
        raise UsageError(f"--host {options.host} needs a folder for its credentials: choose one with --data")
    try:
        credentials = load_or_create(options.data)
    except (StoreError, OSError) as error:
        raise UsageError(str(error)) from None
    return Serving(
        data=options.data,
        host=options.host,
        certificate=options.certificate,
        key=options.key,
        credentials=credentials,
    )


def announce(session: Session, serving: Serving, api_port: int) -> None:
    endpoint, api_url = (public_url(serving, port) for port in (session.cloud.port, api_port))
    buckets = ", ".join(session.bucket(role) for role in ("input", "stage-1", "output"))
    print(
        f"export AWS_ENDPOINT_URL={endpoint} {keys_of(serving)} AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}\n"
        f"ready at {endpoint}: upload to {session.bucket('input')}, results come in {session.bucket('output')}"
        f" (buckets: {buckets}); photos by HTTP at {api_url}; Ctrl-C stops",
        flush=True,
    )
    if not is_loopback(serving.host):
        note("photos by HTTP need an API key: `rollcall keys create NAME` makes one")


def public_url(serving: Serving, port: int) -> str:
    """For clients: with the name by which others reach this machine, where they may."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(serving.host, serving.host)
    return url_of(name, port, tls=serving.certificate is not None)


def keys_of(serving: Serving) -> str:
    """Never the store's own secret: a terminal is read by others."""
    if serving.credentials is LOCAL_CREDENTIALS:
        return "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test"
    assert serving.data is not None
    return f"AWS_SHARED_CREDENTIALS_FILE={shlex.quote(str(serving.data / CREDENTIALS_FILE))}"


def supervise(session: Session, api: ApiServer, watch: AnswerWatch) -> None:
    """Runs until Ctrl-C; starts parts that end again, and says so."""
    parts = [
        Part(
            name="the local AWS",
            ended=lambda: _exit(session.cloud.aws_exit_code),
            restart=lambda: restart_aws(session, watch),
        ),
        Part(
            name="the HTTP API",
            ended=lambda: _exit(api.exit_code),
            restart=api.restart,
            serving=api.serving,
            abandon=api.refuse,
        ),
    ]
    supervisor = Supervisor(parts, tell=note)
    while True:
        supervisor.check()
        watch.check()
        for reason in api.replaced_recognizers():
            note(f"a recognizer of the HTTP API ended ({reason}); it is started again")
        time.sleep(LOOK_SECONDS)


def restart_aws(session: Session, watch: AnswerWatch) -> str:
    try:
        session.cloud.restart_aws()
    except (CloudStopped, UsageError, OSError, *AWS_ERRORS) as error:
        raise NotRestarted("it did not come to serve") from error
    watch.look_soon()
    return "the local AWS runs again; nothing is lost, and what was in work is done again"


def undone(api: ApiServer, watch: AnswerWatch, *, kept: bool) -> str:
    uploads = watch.unanswered()
    later = " (done at the next start)" if kept else ""
    parts = [f"{_count(uploads, 'upload')} waiting or in work{later}" if uploads else ""]
    if api.undone is None:
        parts.append("the HTTP API was busy, and photos that it answered last may not be kept")
    else:
        parts += [
            f"{_count(api.undone.photos, 'photo')} answered by HTTP and not yet kept" if api.undone.photos else "",
            f"{_count(api.undone.requests, 'HTTP request')} without an answer" if api.undone.requests else "",
        ]
    left = ", ".join(part for part in parts if part)
    return f"; left undone: {left}" if left else ""


class DeadWorkers:
    """Prints a line for each worker that ended by itself; one for workers of a function that end together."""

    def __init__(self, tell: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._told: dict[str, float] = {}
        self._untold: Counter[str] = Counter()

    def tell(self, function: str, how: str) -> None:
        self._untold[function] += 1
        now = self._clock()
        if now - self._told.get(function, -SAME_SECONDS) < SAME_SECONDS:
            return
        self._told[function] = now
        count = self._untold.pop(function)
        workers = f"a worker of {function}" if count == 1 else f"{count} workers of {function}"
        self._tell(f"{workers} ended ({how}); what it had in hand is done again, by another")


def _exit(code: int | None) -> str | None:
    return None if code is None else describe_exit(code)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
