"""People's records as the user gives them: a JSON list of objects with a `name`."""

from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.contracts.errors import BadRecord
from rollcall.contracts.shown_text import composed, quoted
from rollcall.contracts.usage_error import UsageError
from rollcall.people.json_lists import read_json_list
from rollcall.people.people_store import Record, to_item

if TYPE_CHECKING:
    from rollcall.people.people_store import PeopleStore


def read_people(path: Path) -> list[Record]:
    """Every record, checked against what the table can hold before anything is started."""
    records = read_json_list(path)
    first_seen: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise UsageError(f'{path}, entry {number}: expected an object with a "name", found {type(record).__name__}')
        try:
            to_item(record)
        except BadRecord as error:
            raise UsageError(f"{path}, entry {number}: {error}") from error
        record["name"] = composed(record["name"])
        if record["name"] in first_seen:
            earlier = first_seen[record["name"]]
            raise UsageError(
                f"{path}, entry {number}: {quoted(record['name'])} is already entry {earlier}; keep one of them"
            )
        first_seen[record["name"]] = number
    return records


def store_people(store: "PeopleStore", records: list[Record]) -> None:
    for record in records:
        store.put(record)
