"""`rollcall people`: load, list and remove the people of a deployment."""

import argparse
import difflib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rollcall.cli.deployment import Deployment, open_deployment
from rollcall.cli.preparation import note
from rollcall.cli.show.listing import print_listing
from rollcall.cli.show.text import record_line
from rollcall.contracts.shown_text import composed, printable
from rollcall.contracts.usage_error import UsageError
from rollcall.people.records import read_people, store_people

NOBODY = "nobody is enrolled and nobody has a record"
NEAREST = 3  # names that somebody who mistyped one may have meant


def execute(options: argparse.Namespace) -> int:
    return ACTIONS[options.action](options)


def load(options: argparse.Namespace) -> int:
    records = read_people(options.people)
    if not records:
        raise UsageError(f"{options.people}: an empty list; nobody to load")
    with open_deployment(options) as deployment:
        store_people(deployment.people, records)
        print(f"{len(records)} records stored in {deployment.table('people').name}")
    return 0


@dataclass
class Listed:
    record: str = "-"
    models: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0

    @property
    def faces(self) -> str:
        broken = f", {self.unreadable} unreadable: enroll again" if self.unreadable else ""
        return f"{self.models.total()}{broken}"


def list_people(options: argparse.Namespace) -> int:
    with open_deployment(options) as deployment:
        people = _listed(deployment)
    if people:
        rows = ((name, who.faces, ", ".join(sorted(who.models)) or "-", who.record) for name, who in people)
        print_listing(("name", "faces", "embedder", "record"), rows)
    else:
        print(NOBODY)
    return 0


def _listed(deployment: Deployment) -> list[tuple[str, Listed]]:
    people: dict[str, Listed] = {}
    for record in deployment.people.all():
        people.setdefault(str(record["name"]), Listed()).record = record_line(record) or "(no fields)"
    for face in deployment.gallery.faces():
        listed = people.setdefault(face.name, Listed())
        listed.models[face.model] += 1
        listed.unreadable += not face.readable
    return sorted(people.items())


def remove(options: argparse.Namespace) -> int:
    with open_deployment(options) as deployment:
        deployment.require("input")
        deployment.require("output")
        print(removal(deployment, composed(options.name)))
    return 0


def removal(deployment: Deployment, name: str) -> str:
    """Removes a person; returns what was removed. A name that only results hold was removed before, but not wholly."""
    forgotten = deployment.forgetter.forget_person(name)
    photos = deployment.forgetter.forget_photos(name)
    looked_at = rewritten = crops = 0
    for stretch in _forget_results(deployment, name):
        looked_at, rewritten, crops = (looked_at + stretch[0], rewritten + stretch[1], crops + stretch[2])
    if not (forgotten.record or forgotten.faces or photos or rewritten or crops):
        nobody = f"nobody is called {printable(name)!r}, enrolled or in any of {looked_at} results"
        raise UsageError(f"{nobody}; {_nearest(deployment, name)}")
    record = "the record" if forgotten.record else "no record"
    return (
        f"removed {printable(name)}: {record}, {forgotten.faces} faces, the name in {rewritten} of {looked_at} results,"
        f" {crops} crops, {photos} photos that came by HTTP"
    )


def _nearest(deployment: Deployment, name: str) -> str:
    known = {known.casefold(): printable(known) for known, _ in _listed(deployment)}
    near = difflib.get_close_matches(name.casefold(), known, n=NEAREST, cutoff=0)
    return f"the nearest names are {', '.join(repr(known[each]) for each in near)}" if near else NOBODY


def _forget_results(deployment: Deployment, name: str) -> Iterator[tuple[int, int, int]]:
    after: str | None = None
    while True:
        stretch = deployment.forgetter.forget_results(name, after=after)
        yield stretch.looked_at, stretch.rewritten, stretch.crops
        after = stretch.next_after
        if after is None:
            return
        note(f"looked through the results up to {printable(after)}")


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {"load": load, "list": list_people, "remove": remove}
