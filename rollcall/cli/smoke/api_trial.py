"""Whether the HTTP API of a deployment answers, where there is one."""

import argparse
import time
from collections.abc import Sequence
from typing import Any

from rollcall.api.api_keys import ApiKeyStore
from rollcall.cli.deployment import Deployment
from rollcall.cli.outputs import RESULT
from rollcall.cli.smoke.failure import SmokeTestFailed
from rollcall.cli.smoke.http_api import HttpApi
from rollcall.cli.smoke.material import FORM_TYPE, ON_FORM_PHOTO, ON_PHOTO, Material
from rollcall.cli.smoke.pipeline_trial import Answers, done
from rollcall.cli.smoke.smoke_people import Expected, marked, record_of
from rollcall.cli.smoke.smoke_report import stage
from rollcall.cli.smoke.traces import KEY_NAME
from rollcall.cli.smoke.turn import Turn
from rollcall.cli.smoke.waiting import Patience
from rollcall.cli.submissions import Stage

KEY_SECONDS = 3600  # after which the key opens nothing, whatever becomes of this run
SCOPES = ("recognize", "videos", "results", "people:read")  # records are for the last one


def open_api(deployment: Deployment, options: argparse.Namespace) -> HttpApi | None:
    """The API, opened with a key made for it, or with signatures if it takes those."""
    found = _find(deployment, options)
    if found is None:
        return None
    url, auth = found
    return HttpApi(url=url, session=deployment.session, key=None if auth == "iam" else _make_key(deployment))


def _find(deployment: Deployment, options: argparse.Namespace) -> tuple[str, str] | None:
    """Its address, and who may ask: `keys` or `iam`."""
    if options.no_api:
        return None
    if options.api_url is not None:
        return options.api_url, "keys"
    if not deployment.on_aws and not options.stack:
        return None  # a local cloud has no stack to ask
    outputs = deployment.find_stack(options.stack)
    return (outputs["ApiUrl"], outputs.get("ApiAuth", "keys")) if "ApiUrl" in outputs else None


def _make_key(deployment: Deployment) -> str:
    keys = ApiKeyStore(deployment.table("api-keys"))
    return keys.create(KEY_NAME, SCOPES, expires=int(time.time()) + KEY_SECONDS)[1]


def ask_api(api: HttpApi, material: Material, answers: Answers, patience: Patience, turn: Turn) -> None:
    with stage("asked the API who is on a photo"):
        answer = api.recognize(material.photo)
        if answer.get("key"):
            turn.note(answer["key"])
        _judge(answer["faces"], answers.expected[ON_PHOTO], answers.run)
    with stage("uploaded a photo by the API's form, and asked it for the result"):
        asked = api.ask_for_upload(FORM_TYPE)
        turn.note(asked["key"])
        api.upload(asked["upload"], material.form_photo)
        patience.wait(asked["key"], lambda: _stage_told(api.job(asked["job"])))
        result = done(asked["key"], RESULT.validate_python(api.result(asked["key"])))
        answers.judge("the photo sent by the form", result.people, [ON_FORM_PHOTO])


def _judge(faces: Sequence[Any], somebody: Expected, run: str) -> None:
    """Faces as the API tells them, which are not the people of a result."""
    names = {face["name"] for face in faces if face["name"] is not None}
    if not names <= somebody.names or (somebody.required and not names):
        raise SmokeTestFailed(f"the API names {somebody.who} {', '.join(sorted(names)) or 'nobody'}")
    ours = marked(somebody.who)
    if any(face["record"] != record_of(ours, run) for face in faces if face["name"] == ours):
        raise SmokeTestFailed(f"the API gives {ours} another record than the one that was stored")


def _stage_told(job: Any) -> Stage:
    if job["state"] in {"done", "failed"}:
        return Stage(job["state"])
    return Stage("recognizing", job["recognized"], job["of"] or 0) if job["packs"] else Stage("splitting")
