"""The demo's people in a deployment that has people of its own, and what they have to be called there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollcall.cli.demo.story import ENROLLED_FROM, STRANGER
from rollcall.cli.smoke.failure import SmokeTestFailed
from rollcall.contracts.shown_text import printable
from rollcall.people.gallery import Gallery
from rollcall.people.gallery_store import EnrolledFace
from rollcall.results.result import Person

MARK = "(Rollcall smoke test)"
STRANGER_PHOTO = "biden.jpg"
PHOTOS = ENROLLED_FROM | {STRANGER: STRANGER_PHOTO}


def marked(name: str) -> str:
    """A name that nobody has."""
    return f"{name} {MARK}"


MARKED = tuple(marked(name) for name in ENROLLED_FROM)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The names that somebody of the demo may get; `required`: one of them has to come."""

    who: str
    names: frozenset[str]
    required: bool

    @property
    def by_us(self) -> bool:
        return marked(self.who) in self.names


def expect(faces: Sequence[EnrolledFace], gallery: Gallery) -> list[Expected]:
    """`faces`: of the demo, by its own names. `gallery`: the deployment's.

    Somebody who is enrolled there already keeps that name: a second one would make every answer a tie.
    """
    return [_expect(who, [face for face in faces if face.name == who], gallery) for who in PHOTOS]


def _expect(who: str, faces: Iterable[EnrolledFace], gallery: Gallery) -> Expected:
    known = frozenset(
        name
        for face in faces
        for name, distance in zip(gallery.people, gallery.distances(face.embedding), strict=True)
        if distance <= gallery.calibration.threshold
    )
    if who == STRANGER:
        return Expected(who=who, names=known, required=False)
    # enrolled under several names it is a tie, and rightly nobody
    return Expected(who=who, names=known or frozenset({marked(who)}), required=len(known) <= 1)


def record_of(name: str, run: str) -> dict[str, Any]:
    return {"name": name, "smoke_test": run, "delete": "any time"}


def check(
    what: str, found: Sequence[Person], expected: Sequence[Expected], records: Mapping[str, Mapping[str, Any] | None]
) -> None:
    """`expected`: of those who are to be seen. Raises SmokeTestFailed."""
    names = {person.name for person in found}
    for somebody in expected:
        if somebody.required and not names & somebody.names:
            raise SmokeTestFailed(
                f"{what} shows {somebody.who}, and nobody in the result is called {_listed(somebody.names)};"
                f" found: {_listed(names) or 'nobody'}"
            )
    wrong = names - {name for somebody in expected for name in somebody.names}
    if wrong:
        raise SmokeTestFailed(f"{what}: wrong name found: {_listed(wrong)}")
    for person in found:
        if person.name in records and person.record != records[person.name]:
            raise SmokeTestFailed(f"{what}: {printable(person.name)} has not the record that was stored")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(printable(name)) for name in sorted(names))
