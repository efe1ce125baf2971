"""Capacity units that a request would use, for clients that ask."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rollcall.local.store.dynamodb.tables import Table

READ_BYTES, WRITE_BYTES = 4096, 1024


def read_units(size: int, *, consistent: bool) -> float:
    units = max(1, -(-size // READ_BYTES))
    return float(units) if consistent else units / 2


def write_units(*sizes: int) -> float:
    """Write units of an item: the larger of its sizes before and after counts."""
    return float(max(1, -(-max(sizes, default=0) // WRITE_BYTES)))


def consumed(asked: Mapping[str, Any], table: Table, units: Callable[[], float]) -> dict[str, Any]:
    """A part of the answer; nothing where nobody asked."""
    wanted = asked.get("ReturnConsumedCapacity", "NONE")
    return {} if wanted == "NONE" else {"ConsumedCapacity": _told(wanted, table.name, units())}


def consumed_by_all(asked: Mapping[str, Any], tables: Iterable[tuple[Table, float]]) -> dict[str, Any]:
    wanted = asked.get("ReturnConsumedCapacity", "NONE")
    if wanted == "NONE":
        return {}
    sums: dict[str, float] = {}
    for table, units in tables:
        sums[table.name] = sums.get(table.name, 0.0) + units
    return {"ConsumedCapacity": [_told(wanted, name, units) for name, units in sums.items()]}


def _told(wanted: str, name: str, units: float) -> dict[str, Any]:
    of_table = {"Table": {"CapacityUnits": units}} if wanted == "INDEXES" else {}
    return {"TableName": name, "CapacityUnits": units, **of_table}
