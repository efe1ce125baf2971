"""The people of a result as pictures show them, and whose each face in a frame is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollcall.cli.show.fonts import is_legible
from rollcall.cli.show.sampled_frames import TOLERANCE, SampledFrame
from rollcall.contracts.shown_text import printable
from rollcall.people.gop_faces import FaceRecord, unpack_embedding
from rollcall.results.result import Appearance, Person, Result

ENROLLED, STRANGER = "#23a05f", "#79838f"


@dataclass(frozen=True)
class Subject:
    label: str
    caption: str  # the label, and the similarity of somebody enrolled
    color: str
    appearance: Appearance

    def seen_at(self, time: float) -> bool:
        # a sighting stands for the time to the next sample, so a segment's end is already somebody else's
        return any(
            segment.start - TOLERANCE <= time < max(segment.end, segment.start + TOLERANCE) - TOLERANCE / 2
            for segment in self.appearance.segments
        )


def subjects_of(result: Result) -> list[Subject]:
    people = [_enrolled(person, number) for number, person in enumerate(result.people, start=1)]
    return people + [Subject(stranger.id, stranger.id, STRANGER, stranger) for stranger in result.unknown]


def _enrolled(person: Person, number: int) -> Subject:
    name = printable(person.name)
    # in a script that no font here has, the person's number in the report stands for the name
    label = name if is_legible(name) else f"person {number}"
    return Subject(label, f"{label}  {person.similarity:.0f}", ENROLLED, person)


class Faces:
    """Finds the subject of each face: the one present whose best view it resembles most."""

    def __init__(self, subjects: Sequence[Subject], frames: Iterable[SampledFrame]) -> None:
        self._references: list[tuple[Subject, NDArray[np.float32]]] = []
        by_time = {round(frame.time, 3): frame for frame in frames}
        for subject in subjects:
            best = subject.appearance.best
            faces = by_time[best.time].faces if best.time in by_time else []
            if faces:
                view = min(faces, key=lambda face: _offset(face.box, best.box))
                self._references.append((subject, unpack_embedding(view.embedding)))

    def subject_of(self, face: FaceRecord) -> Subject | None:
        embedding = unpack_embedding(face.embedding)
        present = [
            (float(np.linalg.norm(reference - embedding)), number)
            for number, (subject, reference) in enumerate(self._references)
            if subject.seen_at(face.time)
        ]
        return self._references[min(present)[1]][0] if present else None


def _offset(box: Sequence[float], other: Sequence[float]) -> float:
    return sum(abs(one - two) for one, two in zip(box, other, strict=True))
