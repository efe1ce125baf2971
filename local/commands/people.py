"""`rollcall people`: load, list and remove the people of a deployment."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from local.deployment import Deployment, open_deployment
from local.listing import print_listing
from local.people import read_people, store_people
from local.preparation import note
from local.text import printable, record_line


def execute(options: argparse.Namespace) -> int:
    return ACTIONS[options.action](options)


def load(options: argparse.Namespace) -> int:
    records = read_people(options.people)
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
        broken = f", {self.unreadable} unreadable: enrol again" if self.unreadable else ""
        return f"{self.models.total()}{broken}"


def list_people(options: argparse.Namespace) -> int:
    with open_deployment(options) as deployment:
        people = _listed(deployment)
    if people:
        rows = ((name, who.faces, ", ".join(sorted(who.models)) or "-", who.record) for name, who in people)
        print_listing(("name", "faces", "embedder", "record"), rows)
    else:
        print("nobody is enrolled and nobody has a record")
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
        deployment.require("output")
        print(_removal(deployment, options.name))
    return 0


def _removal(deployment: Deployment, name: str) -> str:
    forgotten = deployment.forgetter.forget_person(name)
    looked_at = rewritten = crops = 0
    for stretch in _forget_results(deployment, name):
        looked_at, rewritten, crops = (looked_at + stretch[0], rewritten + stretch[1], crops + stretch[2])
    record = "the record" if forgotten.record else "no record"
    return (
        f"removed {printable(name)}: {record}, {forgotten.faces} faces, the name in {rewritten} of {looked_at} results,"
        f" {crops} crops"
    )


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
