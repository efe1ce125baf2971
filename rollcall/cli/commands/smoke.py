"""`rollcall smoke`: whether a deployment does what it should, from uploads to names and records."""

import argparse
import secrets
import time

from rollcall.cli.aws_errors import AWS_ERRORS, explain
from rollcall.cli.deployment import Deployment, describe, open_deployment
from rollcall.cli.preparation import note
from rollcall.cli.smoke.api_trial import ask_api, open_api
from rollcall.cli.smoke.material import Material, prepare
from rollcall.cli.smoke.pipeline_trial import ask_pipeline, enroll
from rollcall.cli.smoke.smoke_report import stage
from rollcall.cli.smoke.traces import Traces
from rollcall.cli.smoke.turn import Turn
from rollcall.cli.smoke.waiting import Patience

SETTLE_SECONDS = 5  # for work that was under way when its upload was removed


def execute(options: argparse.Namespace) -> int:
    started = time.monotonic()
    with open_deployment(options) as deployment:
        deployment.require("input", "stage-1", "output")
        with stage("made a clip and found the faces on the photos"):
            material = prepare(options.embedder)
        by_http = smoke(deployment, material, options)
    answered = "a video and a photo are answered rightly" + (", by HTTP as well" if by_http else "")
    left = "all that it made is kept" if options.keep else "all that it made is removed"
    print(f"smoke test passed in {time.monotonic() - started:.0f} s: {answered}; {left}")
    return 0


def smoke(deployment: Deployment, material: Material, options: argparse.Namespace) -> bool:
    """Returns whether there was an API to ask. Raises SmokeTestFailed; leaves nothing behind in any case."""
    run = secrets.token_hex(4)
    turn = Turn(deployment.table("api-keys"), run)
    with turn.taken(seconds=options.timeout, waiting=_say_another, leave=options.keep):
        traces = Traces(deployment, turn)
        traces.remove(search=turn.inherited)
        patience = Patience(deployment, options.timeout, meanwhile=turn.keep)
        finished = False
        try:
            with stage("enrolled two people"):
                answers = enroll(deployment, material, options.embedder, run)
            ask_pipeline(deployment, material, answers, patience)
            api = open_api(deployment, options)
            if api is not None:
                ask_api(api, material, answers, patience, turn)
            finished = True
        except KeyboardInterrupt:
            note("smoke test stopped")
            raise
        finally:
            if not options.keep:
                _remove(traces, deployment, settled=finished)
    return api is not None


def _remove(traces: Traces, deployment: Deployment, *, settled: bool) -> None:
    note("removing all that the smoke test made")
    try:
        traces.remove(search=not settled)
        if not settled:
            time.sleep(SETTLE_SECONDS)
            traces.remove(search=True)
    except AWS_ERRORS as error:
        reason = explain(error, describe(deployment.prefix))
        note(f"not all of it is removed, which the next smoke test begins with: {reason}")


def _say_another() -> None:
    note("another smoke test of this deployment is under way: waiting for its end")
