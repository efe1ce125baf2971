"""Enrolling people from photos, and forgetting them."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, Field

from rollcall.api.body import PhotoFile
from rollcall.api.http_errors import ApiError
from rollcall.api.services import Services
from rollcall.people.enrollment import NotEnrolled, enrollable_face, looks_different
from rollcall.people.gallery_store import EnrolledFace
from rollcall.people.gop_faces import unpack_embedding
from rollcall.people.odd_faces import AGREEING, EnrollmentLimits, load_enrollment_limits, odd_ones
from rollcall.results.forget import Forgetter

SOURCE = "api"  # a file's own name may tell more than the gallery should know
FORGET_SECONDS = 15.0  # a gateway in front gives up after 30


class EnrolledPhoto(BaseModel):
    photo: int = Field(description="its number in the request, from 1")
    face: str
    weight: float = Field(description="0 to 1: how far the face is trusted")


class RefusedEnrollment(BaseModel):
    photo: int
    code: str
    reason: str


class Enrollment(BaseModel):
    name: str
    enrolled: list[EnrolledPhoto]
    refused: list[RefusedEnrollment]


class Forgotten(BaseModel):
    name: str
    record: bool = Field(description="whether there was one")
    faces: int
    photos: int = Field(description="kept photos, by version")
    results: int = Field(default=0, description="rewritten without the name")
    crops: int = 0
    continue_after: str | None = Field(
        default=None, description="where the time was up: ask again with it as `after`, until it is null"
    )


async def enroll(services: Services, name: str, photos: Sequence[PhotoFile]) -> Enrollment:
    """Judges every photo by itself, then against the other photos and the faces enrolled before."""
    limits = load_enrollment_limits(services.pool.ready.embedder)
    faces: dict[int, EnrolledFace] = {}
    refused: dict[int, ApiError | NotEnrolled] = {}
    for number, photo in enumerate(photos, start=1):
        try:
            faces[number] = await _face(services, name, photo, limits)
        except (ApiError, NotEnrolled) as error:
            refused[number] = error
    different = await services.photos.run(lambda: _different(services, name, faces, limits))
    refused |= different
    good = {number: face for number, face in faces.items() if number not in different}
    if good:
        await services.photos.run(lambda: services.faces.enroll(list(good.values())))
        services.gallery.forget()
    return Enrollment(
        name=name,
        enrolled=[
            EnrolledPhoto(photo=number, face=face.face, weight=round(face.weight or 0.0, 3))
            for number, face in good.items()
        ],
        refused=[
            RefusedEnrollment(photo=number, code=error.code, reason=str(error))
            for number, error in sorted(refused.items())
        ],
    )


async def _face(services: Services, name: str, photo: PhotoFile, limits: EnrollmentLimits) -> EnrolledFace:
    seen = await services.photos.see(photo.content, enrolling=True)
    face = seen.faces[enrollable_face(seen.faces, limits)]
    return EnrolledFace(
        name=name,
        embedding=unpack_embedding(face.embedding),
        model=services.pool.ready.embedder,
        source=SOURCE,
        weight=face.quality.weight,
    )


def _different(
    services: Services, name: str, faces: Mapping[int, EnrolledFace], limits: EnrollmentLimits
) -> dict[int, NotEnrolled]:
    """Reasons by the photo's number. A photo that differs from the faces enrolled before is the one refused."""
    if not faces:
        return {}
    numbers, embeddings = list(faces), np.array([face.embedding for face in faces.values()])
    stored = len(services.faces.faces_of(name))
    gallery = services.gallery.get()
    if stored >= AGREEING and name in gallery.people:
        place = gallery.people.index(name)
        apart = [gallery.distances(embedding)[place] > limits.most_apart for embedding in embeddings]
        return {number: looks_different(stored) for number, far in zip(numbers, apart, strict=True) if far}
    odd = odd_ones(embeddings, most_apart=limits.most_apart)
    return {numbers[position]: looks_different(len(faces) - len(odd)) for position in odd}


def forget(services: Services, name: str, *, after: str | None) -> Forgotten:
    """Nobody is given this name once the first step is done. Rewriting stored results takes a bounded time."""
    end = time.monotonic() + FORGET_SECONDS
    forgetter = Forgetter(
        s3=services.s3,
        input_bucket=services.settings.input_bucket,
        output_bucket=services.settings.output_bucket,
        people=services.people,
        gallery=services.faces,
    )
    person = forgetter.forget_person(name)
    services.gallery.forget()
    services.records.forget()
    if services.archive is not None:
        services.archive.settle()
    photos = forgetter.forget_photos(name)
    forgotten = Forgotten(name=name, record=person.record, faces=person.faces, photos=photos)
    while True:
        stretch = forgetter.forget_results(name, after=after)
        forgotten.results += stretch.rewritten
        forgotten.crops += stretch.crops
        forgotten.continue_after = after = stretch.next_after
        if after is None or time.monotonic() > end:
            return forgotten
