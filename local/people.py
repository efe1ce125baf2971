"""People's records as the user gives them: a JSON list of objects with a `name`."""

from pathlib import Path
from typing import TYPE_CHECKING

from functions.common.errors import BadRecord
from functions.common.people_store import Record, to_item
from functions.common.shown_text import composed, quoted
from local.errors import UsageError
from local.json_input import read_json_list

if TYPE_CHECKING:
    from functions.common.people_store import PeopleStore


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
