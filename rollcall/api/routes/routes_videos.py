"""Videos: an upload address, the job's state, and the result."""

import uuid
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.convertors import PathConvertor, register_url_convertor

from rollcall.api.access import Access, require
from rollcall.api.dependencies import ServicesOf
from rollcall.api.file_names import key_name
from rollcall.api.http_errors import BadRequest, NotFound
from rollcall.api.job_state import JobState, job_state
from rollcall.api.problem_docs import problems, reference
from rollcall.api.routes.routes_photos import JSON
from rollcall.api.services import Services
from rollcall.api.stored_results import fetch_result
from rollcall.contracts.object_keys import MAX_KEY_BYTES
from rollcall.results.result import Failure, Result
from rollcall.runtime.local_requests import Authority


class ObjectKey(PathConvertor):
    regex = r"[\s\S]*"  # a line break is a character like any other


register_url_convertor("object_key", ObjectKey())
router = APIRouter(prefix="/v1", tags=["videos"])
UPLOAD_SECONDS = 3600
UPLOADED_UNDER = "api/videos"
MAX_QUESTION_BYTES = 64 * 1024  # JSON may write a character of a file name in 12 bytes
MAX_FILE_NAME = 2048


class NewVideo(BaseModel):
    content_type: str = Field(default="video/mp4", pattern=r"^(video|image)/[a-z0-9.+-]{1,64}$")
    file_name: str | None = Field(
        default=None,
        max_length=MAX_FILE_NAME,
        description="as its owner calls the file: the end of its key, without folders and unprintable characters",
    )


class FormUpload(BaseModel):
    url: str
    fields: dict[str, str] = Field(description="send these first, then the file as the field `file`")
    max_bytes: int
    expires_in: int = Field(description="seconds")


class VideoUpload(BaseModel):
    job: str = Field(description="for `/v1/jobs/{job}`")
    key: str = Field(description="for `/v1/results/{key}`")
    upload: FormUpload


@router.post(
    "/videos",
    status_code=201,
    summary="Ask for an upload",
    responses=problems(400, 413, 422),
    openapi_extra={"requestBody": {"required": True, "content": {JSON: {"schema": reference(NewVideo)}}}},
)
async def post_video(
    request: Request, services: ServicesOf, _: Annotated[Access, Depends(require("videos"))]
) -> VideoUpload:
    """A form that uploads straight to the input bucket. What is uploaded is worked on without another request."""
    # read here and not by the framework, which would parse any amount before it asks who sent it
    async with services.bodies.json_object(request, max_bytes=MAX_QUESTION_BYTES) as asked:
        video = _new_video(asked)
    upload = uuid.uuid4().hex
    name = None if video.file_name is None else key_name(video.file_name)
    key = f"{UPLOADED_UNDER}/{upload}" if name is None else f"{UPLOADED_UNDER}/{upload}/{name}"
    most = services.settings.max_video_bytes
    form = await services.photos.run(
        lambda: services.s3.generate_presigned_post(
            services.settings.input_bucket,
            key,
            Fields={"Content-Type": video.content_type},
            Conditions=[{"Content-Type": video.content_type}, ["content-length-range", 1, most]],
            ExpiresIn=UPLOAD_SECONDS,
        )
    )
    return VideoUpload(
        job=f"upload-{upload}",
        key=key,
        upload=FormUpload(
            url=_reached(form["url"], request, port=services.settings.uploads_port),
            fields=form["fields"],
            max_bytes=most,
            expires_in=UPLOAD_SECONDS,
        ),
    )


def _reached(url: str, request: Request, *, port: int | None) -> str:
    """On a server of one's own, the client knows a name of it. A form's signature leaves the host out."""
    if port is None:
        return url
    host = Authority.parse(request.headers.get("host", ""))
    if host is None:
        raise BadRequest("The header Host is no host name.")
    return f"{request.url.scheme}://{host.name}:{port}{urlsplit(url).path}"


def _new_video(asked: dict[str, Any]) -> NewVideo:
    try:
        return NewVideo.model_validate(asked)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


@router.get("/jobs/{job}", summary="A job's state and progress", responses=problems(400, 404, 422))
async def get_job(
    job: Annotated[str, Path(pattern=r"^(upload-)?[0-9a-f]{32}$")],
    services: ServicesOf,
    _: Annotated[Access, Depends(require("videos"))],
) -> JobState:
    state = await services.photos.run(lambda: job_state(services, job, uploaded_under=UPLOADED_UNDER))
    if state is None:
        raise NotFound("There is no such job.")
    return state


@router.get(
    "/results/{key:object_key}",
    summary="The result of a photo or video",
    response_model=Result | Failure,
    responses=problems(400, 404, 422),
)
async def get_result(
    key: Annotated[str, Path(min_length=1, max_length=MAX_KEY_BYTES)],
    services: ServicesOf,
    _: Annotated[Access, Depends(require("results"))],
) -> Any:
    """The key is the upload's, percent-encoded as a path."""
    return await _result(services, key)


@router.get(
    "/results",
    summary="The result of a photo or video whose key is no path",
    response_model=Result | Failure,
    responses=problems(400, 404, 422),
)
async def get_result_by_query(
    key: Annotated[str, Query(min_length=1, max_length=MAX_KEY_BYTES)],
    services: ServicesOf,
    _: Annotated[Access, Depends(require("results"))],
) -> Any:
    """Serves every key: many clients shorten paths with `..`, `.` or `//` before they send them."""
    return await _result(services, key)


async def _result(services: Services, key: str) -> Response:
    found = await services.photos.run(lambda: fetch_result(services, key))
    if found is None:
        raise NotFound("There is no result for this key (yet).")
    return Response(found, media_type="application/json")
