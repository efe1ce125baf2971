"""Photos of people whose group is known, for rates by group: `NAME/*.jpg` with a `groups.json` beside the folders."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.material import Sample
from rollcall.people.gallery_store import EnrolledFace

GROUPS = "groups.json"
BOTH_WAYS = 2  # how often each pair of photos is counted
LEAST_EVIDENCE = 0.1  # the weight of a face: of less, next to nothing of it is seen


@dataclass(frozen=True, eq=False)
class People:
    """Good photos [N] of people [K].

    subject: of each photo, a position in `names`. groups: of each person. related: [K, K], true for people who are
    relatives, and count neither as one person nor as two. faces: as they are enrolled. asked: [N, D], embeddings of
    the same faces where they are asked about.
    """

    names: list[str]
    groups: list[str]
    related: NDArray[np.bool_]
    subject: NDArray[np.intp]
    faces: Sequence[EnrolledFace]
    asked: NDArray[np.float32]

    @cached_property
    def distances(self) -> NDArray[np.float32]:
        """[N, N]: what a gallery says of each photo asked about where it holds one photo of a person."""
        asked = self.asked.astype(np.float64)
        enrolled = np.array([face.embedding for face in self.faces], dtype=np.float64)
        squared = (asked**2).sum(axis=1)[:, None] + (enrolled**2).sum(axis=1) - 2 * asked @ enrolled.T
        return np.asarray(np.sqrt(np.maximum(squared, 0)), dtype=np.float32)

    @cached_property
    def evident(self) -> NDArray[np.bool_]:
        """[N]: faces that weigh enough to be evidence of anybody; half a face of 20 pixels does not."""
        return np.array([face.weight is None or face.weight >= LEAST_EVIDENCE for face in self.faces])

    @cached_property
    def same(self) -> NDArray[np.bool_]:
        """[N, N]: two evident photos of one person, asked about and enrolled; so each pair both ways."""
        return self._pairs(self.subject[:, None] == self.subject)

    @cached_property
    def different(self) -> NDArray[np.bool_]:
        """[N, N]: evident photos of two people who are no relatives; each pair both ways."""
        apart = self.subject[:, None] != self.subject
        return self._pairs(apart & ~self.related[np.ix_(self.subject, self.subject)])

    def _pairs(self, among: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return among & self.evident[:, None] & self.evident & ~np.eye(len(self.faces), dtype=bool)

    def members(self, group: str | None) -> NDArray[np.bool_]:
        """[K]: who is of a group; None is everybody."""
        return np.array([group is None or one == group for one in self.groups])


def people_of(
    samples: Sequence[Sample], groups: dict[str, str], relatives: Iterable[Iterable[str]], *, embedder: str
) -> People:
    """People without a group are of the group `no group`."""
    names = sorted({sample.subject for sample in samples})
    number = {name: position for position, name in enumerate(names)}
    related = np.zeros((len(names), len(names)), dtype=bool)
    for family in relatives:
        here = [number[name] for name in family if name in number]
        related[np.ix_(here, here)] = True
    np.fill_diagonal(related, False)
    return People(
        names=names,
        groups=[groups.get(name, "no group") for name in names],
        related=related,
        subject=np.array([number[sample.subject] for sample in samples]),
        faces=[
            EnrolledFace(
                name=sample.subject,
                embedding=sample.enrolled,
                model=embedder,
                source=sample.source,
                weight=sample.face.quality.weight,
            )
            for sample in samples
        ],
        asked=np.array([sample.face.embedding for sample in samples]),
    )


def read_groups(folder: Path) -> dict[str, str] | None:
    """The group of each person; None for a folder that does not say."""
    file = folder / GROUPS
    if not file.is_file():
        return None
    groups = _json(file)
    if not isinstance(groups, dict) or not all(isinstance(group, str) for group in groups.values()):
        raise SystemExit(f'{file}: expected the group of each person, {{"NAME": "GROUP"}}')
    return groups


def read_relatives(file: Path | None) -> list[list[str]]:
    """Families of people who look alike for a reason; None: those of the project's own material."""
    if file is None:
        text = resources.files("benchmarks.accuracy").joinpath("relatives.json").read_text(encoding="utf-8")
        families: Any = json.loads(text)
    else:
        families = _json(file)
    if not isinstance(families, list) or not all(_is_family(family) for family in families):
        raise SystemExit(f'{file}: expected a list of families, [["NAME", "NAME"]]')
    return families


def _is_family(family: object) -> bool:
    return isinstance(family, list) and all(isinstance(name, str) for name in family)


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"{file}: cannot be read as JSON ({error})") from None
