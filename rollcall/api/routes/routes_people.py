"""`/v1/people/{name}`: who is enrolled, with which record and which faces."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from rollcall.api.access import Access, require
from rollcall.api.body import media_type
from rollcall.api.dependencies import ServicesOf
from rollcall.api.enrolling import Enrollment, Forgotten, enroll, forget
from rollcall.api.http_errors import BadRequest, NotFound, RefusedPhoto
from rollcall.api.problem_docs import problems
from rollcall.api.routes.routes_photos import JSON, form_of
from rollcall.contracts.shown_text import composed
from rollcall.people.enrollment import MAX_NAME_LENGTH, NotEnrolled, normal_name
from rollcall.people.people_store import MAX_RECORD_BYTES

router = APIRouter(prefix="/v1/people/{name}", tags=["people"])
MAX_PHOTOS = 10
KEY = r"^[^\x00-\x1f\x7f]+$"

# comes before what looks at the request: who has no key is told nothing else
CanRead = Annotated[Access, Depends(require("people:read"))]
CanWrite = Annotated[Access, Depends(require("people:write"))]
Record = dict[str, Any]


class EnrolledPerson(BaseModel):
    name: str
    record: Record | None
    faces: int = Field(description="enrolled")


def stored_name(
    name: Annotated[str, Path(min_length=1, max_length=MAX_NAME_LENGTH, pattern=r"^[^/\\\x00-\x1f\x7f-\x9f]*$")],
) -> str:
    try:
        return normal_name(name)
    except NotEnrolled as error:
        raise BadRequest(f"{error}.", code=error.code) from None


Name = Annotated[str, Depends(stored_name)]


@router.get("", summary="A person's record", responses=problems(400, 404, 422))
async def get_person(_: CanRead, name: Name, services: ServicesOf) -> EnrolledPerson:
    record = await services.photos.run(lambda: services.people.get_many([name]).get(name))
    faces = await services.photos.run(lambda: len(services.faces.faces_of(name)))
    if record is None and not faces:
        raise NotFound("Nobody of this name is enrolled.")
    return EnrolledPerson(name=name, record=record, faces=faces)


@router.put(
    "",
    summary="Set a person's record",
    responses=problems(400, 413, 422),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": f"any fields, at most {MAX_RECORD_BYTES // 1024} KiB in all",
            "content": {JSON: {"schema": {"type": "object", "additionalProperties": True}}},
        }
    },
)
async def put_person(request: Request, access: CanWrite, name: Name, services: ServicesOf) -> EnrolledPerson:
    if media_type(request) != JSON:
        raise BadRequest(f"Send the record as {JSON}, and say so in the Content-Type.", code="bad-json")
    # read here and not by the framework, which would parse any amount before it asks who sent it
    async with services.bodies.json_object(request, max_bytes=MAX_RECORD_BYTES) as record:
        given = record.get("name", name)
        if not isinstance(given, str) or composed(given) != name:
            raise BadRequest("The record's `name` is not the one in the address.", code="other-name")
        await services.photos.run(lambda: services.people.put(record | {"name": name}))
    services.records.forget()
    return await get_person(access, name, services)


@router.delete("", summary="Forget a person", responses=problems(400, 422))
async def delete_person(
    _: CanWrite,
    name: Name,
    services: ServicesOf,
    after: Annotated[str | None, Query(min_length=1, max_length=1024, pattern=KEY)] = None,
) -> Forgotten:
    """Record, enrolled faces, kept photos, and name and crops in all stored results; may be called again."""
    return await services.photos.run(lambda: forget(services, name, after=after))


@router.post(
    "/photos",
    summary="Enroll a person from photos",
    responses=problems(400, 413, 415, 422),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": form_of(
                    "photo",
                    {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MAX_PHOTOS,
                        "items": {"type": "string", "format": "binary"},
                    },
                )
            },
        }
    },
)
async def post_photos(request: Request, _: CanWrite, name: Name, services: ServicesOf) -> Enrollment:
    """Refuses each photo that cannot be used, or that looks like somebody else than the person's others do.

    The request fails only if none can be used. Photos are not kept.
    """
    async with services.bodies.photos(request, most=MAX_PHOTOS) as photos:
        enrollment = await enroll(services, name, photos)
    if not enrollment.enrolled:
        reasons = "; ".join(refused.reason for refused in enrollment.refused)
        raise RefusedPhoto(f"No photo can be used: {reasons}", code="no-usable-photo")
    return enrollment
