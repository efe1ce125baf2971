"""People's records as native DynamoDB attributes, so that a record put by any other client works as well."""

import base64
import json
import math
from collections.abc import Iterable, Iterator
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, SupportsBytes, cast

from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError

from rollcall.contracts.batch_get import batch_get
from rollcall.contracts.bounds import beside
from rollcall.contracts.errors import BadRecord
from rollcall.contracts.shown_text import composed, quoted, visible

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

# DynamoDB's limits
MAX_RECORD_BYTES = 400 * 1024
MAX_NAME_BYTES = 2048
MAX_DEPTH = 32
MAX_DIGITS = 38
MIN_EXPONENT, MAX_EXPONENT = -130, 125  # of the first digit

Record = dict[str, Any]


class PeopleStore:
    def __init__(self, table: "Table") -> None:
        self._table = table

    def put(self, record: Record) -> None:
        item = to_item(record)
        try:
            self._table.put_item(Item=item)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            raise BadRecord(f"record of {quoted(record['name'])}: {error.response['Error']['Message']}") from error

    def get_many(self, names: Iterable[str]) -> dict[str, Record]:
        """Records by name; a name without a record is absent."""
        items = batch_get(self._table, [{"name": name} for name in sorted(set(names))])
        return {str(item["name"]): {field: _from_attribute(value) for field, value in item.items()} for item in items}

    def all(self) -> Iterator[Record]:
        pages = self._table.meta.client.get_paginator("scan").paginate(TableName=self._table.name, ConsistentRead=True)
        for page in pages:
            yield from ({field: _from_attribute(value) for field, value in item.items()} for item in page["Items"])

    def remove(self, name: str) -> bool:
        """Whether there was a record."""
        return "Attributes" in self._table.delete_item(Key={"name": name}, ReturnValues="ALL_OLD")


def to_item(record: Record) -> dict[str, Any]:
    """The record as DynamoDB attributes; raise BadRecord, naming record and field, for what the table cannot hold."""
    name = record.get("name")
    if not isinstance(name, str) or not visible(name):
        raise BadRecord('a record needs a "name" that is a text of at least one visible character')
    where = f"record of {quoted(name)}"
    item = {field: _to_attribute(value, where, field, depth=1) for field, value in record.items()}
    item["name"] = composed(name)
    try:
        size = len(json.dumps(record, ensure_ascii=False).encode())
    except UnicodeEncodeError as error:
        raise BadRecord(f"{where}: not valid text ({error.reason})") from error
    if len(name.encode()) > MAX_NAME_BYTES:
        raise BadRecord(f"{where}: the name is longer than {MAX_NAME_BYTES} bytes")
    if size > MAX_RECORD_BYTES:
        most = MAX_RECORD_BYTES / 1024
        raise BadRecord(f"{where}: {beside(size / 1024, most)} KB, at most {most:g} KB fit; shorten it")
    return item


def _to_attribute(value: Any, where: str, field: str, *, depth: int) -> Any:
    if not field:
        raise BadRecord(f"{where}: a field has no name; give it one")
    if depth > MAX_DEPTH:
        raise BadRecord(f"{where}, field {quoted(field)}: nested more than {MAX_DEPTH} levels deep")
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            return _to_number(value, where, field)
        case list():
            return [_to_attribute(entry, where, field, depth=depth + 1) for entry in value]
        case dict():
            return {key: _to_attribute(entry, where, str(key), depth=depth + 1) for key, entry in value.items()}
        case _:
            raise BadRecord(
                f"{where}, field {quoted(field)}: {type(value).__name__} cannot be stored; use JSON's types"
            )


def _to_number(value: float, where: str, field: str) -> Decimal:
    if isinstance(value, float) and not math.isfinite(value):
        raise BadRecord(
            f"{where}, field {quoted(field)}: {value} is not a number that can be stored; leave the field out"
        )
    number = Decimal(value) if isinstance(value, int) else Decimal(repr(value))  # repr() of an int has a limit
    digits = len("".join(map(str, number.as_tuple().digits)).strip("0"))
    if digits > MAX_DIGITS or (number and not MIN_EXPONENT <= number.adjusted() <= MAX_EXPONENT):
        raise BadRecord(
            f"{where}, field {quoted(field)}: the number has over {MAX_DIGITS} digits or is out of range;"
            " write it as text"
        )
    # what boto3 refuses are digits, zeros at the end among them; there are no others to lose
    return number.normalize(Context(prec=MAX_DIGITS))


def _from_attribute(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _from_attribute(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_from_attribute(entry) for entry in value]
    # what JSON has no type for: other clients may have put it
    if isinstance(value, set):
        return sorted((_from_attribute(entry) for entry in value), key=str)
    if isinstance(value, Binary):
        return base64.b64encode(bytes(cast(SupportsBytes, value))).decode()
    return value
