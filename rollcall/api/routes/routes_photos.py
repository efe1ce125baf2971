"""`POST /` and `POST /v1/recognize`: a photo in, names out."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field, ValidationError

from rollcall.api.access import Access, require
from rollcall.api.body import ENVELOPE_BYTES, is_form, media_type, require_photo_type, stem
from rollcall.api.dependencies import ServicesOf
from rollcall.api.http_errors import BadRequest, Forbidden
from rollcall.api.photos.recognition import Recognition
from rollcall.api.photos.stored_photo import fetch_photo
from rollcall.api.problem_docs import problems, reference
from rollcall.media.photo_formats import FORMATS

router = APIRouter(tags=["photos"])
JSON = "application/json"

_FILE = {"type": "string", "format": "binary"}
_PHOTO_TYPES = f"under this type or its own: {', '.join(known.content_type for known in FORMATS)}"


def form_of(field: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"schema": {"type": "object", "required": [field], "properties": {field: schema}}}


class StoredPhoto(BaseModel):
    """A photo that is already in the input bucket."""

    bucket: str = Field(min_length=3, max_length=63)
    key: str = Field(min_length=1, max_length=512)


@router.post(
    "/",
    response_class=PlainTextResponse,
    summary="Name the person on a photo",
    responses={200: {"content": {"text/plain": {"example": "test_05:Ada Lovelace"}}}, **problems(400, 413, 415, 422)},
    openapi_extra={
        "requestBody": {"required": True, "content": {"multipart/form-data": form_of("inputFile", _FILE)}},
    },
)
async def name(request: Request, services: ServicesOf, _: Annotated[Access, Depends(require("recognize"))]) -> str:
    """`<file name without extension>:<name>`; the name is `unknown` or `no-face` where there is none."""
    if not is_form(request):
        raise BadRequest("Send the photo as the field `inputFile` of a multipart form.", code="bad-form")
    async with services.bodies.photos(request) as (photo,):
        return f"{stem(photo.name)}:{await services.photos.name(photo.content)}"


@router.post(
    "/v1/recognize",
    summary="Everybody on a photo",
    responses=problems(400, 403, 404, 413, 415, 422),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": form_of("inputFile", _FILE),
                "application/octet-stream": {"schema": _FILE | {"description": _PHOTO_TYPES}},
                JSON: {"schema": reference(StoredPhoto)},
            },
        }
    },
)
async def recognize(
    request: Request, services: ServicesOf, access: Annotated[Access, Depends(require("recognize"))]
) -> Recognition:
    """A photo in the bucket is somebody's upload, and needs the scope `results`; records need `people:read`."""
    records = "people:read" in access.scopes
    if media_type(request) == JSON:
        access.require("results")
        where = await _stored(request, services)
        photo = await fetch_photo(services, where.key)
        return await services.photos.recognize(photo, key=where.key, records=records)
    if not is_form(request):
        require_photo_type(request)
    async with services.bodies.photos(request) as (sent,):
        return await services.photos.recognize(sent.content, records=records)


async def _stored(request: Request, services: ServicesOf) -> StoredPhoto:
    async with services.bodies.read(request, max_bytes=ENVELOPE_BYTES) as body:
        try:
            where = StoredPhoto.model_validate_json(body)
        except ValidationError:
            raise BadRequest('The body must be JSON, {"bucket": "…", "key": "…"}.', code="bad-json") from None
    if where.bucket != services.settings.input_bucket:
        raise Forbidden("Only photos in the input bucket can be asked about.", code="other-bucket")
    return where
