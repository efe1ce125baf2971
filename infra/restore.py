"""Brings a table back to what it held at a moment of the last 35 days, under the name that the pipeline uses.

DynamoDB can only restore into a new table. So the items are compared with the present ones, counted for the user, and
written back once the user has agreed. The table keeps its place in the stack, its settings and its guard.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from os import environ
from typing import TYPE_CHECKING, Any

import boto3

from infra import preflight
from infra.ending import ended
from rollcall.pipeline.deployment_errors import NotReady
from rollcall.runtime.region import region_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WAIT_SECONDS = 10  # a restore takes minutes, and for many gigabytes hours
IN_A_BATCH = 25  # writes that DynamoDB takes at once

Item = dict[str, Any]


@dataclass(kw_only=True)
class Difference:
    """The writes that make a table hold what its restored copy holds."""

    returning: list[Item] = field(default_factory=list)
    changing: list[Item] = field(default_factory=list)
    leaving: list[Item] = field(default_factory=list)  # keys

    def __bool__(self) -> bool:
        return bool(self.returning or self.changing or self.leaving)

    def __str__(self) -> str:
        return f"{len(self.returning)} items come back, {len(self.changing)} change, {len(self.leaving)} go"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.restore", description=__doc__)
    parser.add_argument("table", help="its whole name, for example acme-people")
    parser.add_argument("at", type=_moment, help="with its offset from UTC, for example 2026-11-27T10:00:00+00:00")
    parser.add_argument("--confirm", metavar="TABLE", help="write into this table without asking")
    options = parser.parse_args(arguments)
    return ended("infra.restore", lambda: _execute(options))


def _execute(options: argparse.Namespace) -> int:
    session = boto3.Session(region_name=region_of(environ))
    preflight.require_account(session)
    return _restore(options.table, options.at, session.client("dynamodb"), confirmed=options.confirm)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} says nothing of its offset from UTC")
    return moment


def _restore(table: str, at: datetime, dynamodb: "DynamoDBClient", *, confirmed: str | None) -> int:
    copy = restore_copy(table, at, dynamodb)
    difference = compare(copy, table, dynamodb)
    print(f"{table} as of {at.isoformat()}: {difference}.")
    if not difference or _agreed(table, confirmed):
        write(difference, table, dynamodb)
        dynamodb.delete_table(TableName=copy)
        print(f"{table} holds now what it held then.")
        return 0
    print(f"nothing was written; {copy} is there to be looked at, and to be deleted")
    return 1


def _agreed(table: str, confirmed: str | None) -> bool:
    try:
        return (input(f"Type {table} to write that: ") if confirmed is None else confirmed) == table
    except EOFError:
        return False


def restore_copy(table: str, at: datetime, dynamodb: "DynamoDBClient") -> str:
    """The name of a new table that holds what this one held then."""
    copy = f"{table}-restored"
    try:
        dynamodb.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=copy, RestoreDateTime=at)
    except (dynamodb.exceptions.TableAlreadyExistsException, dynamodb.exceptions.TableInUseException):
        raise NotReady(
            f"{copy} is there from an earlier try: delete it (aws dynamodb delete-table --table-name {copy})"
            " and try again"
        ) from None
    while dynamodb.describe_table(TableName=copy)["Table"]["TableStatus"] != "ACTIVE":
        time.sleep(WAIT_SECONDS)
    return copy


def compare(copy: str, table: str, dynamodb: "DynamoDBClient") -> Difference:
    key = [part["AttributeName"] for part in dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
    then, now = ({str([item[name] for name in key]): item for item in _items(each, dynamodb)} for each in (copy, table))
    return Difference(
        returning=[item for place, item in then.items() if place not in now],
        changing=[item for place, item in then.items() if place in now and now[place] != item],
        leaving=[{name: item[name] for name in key} for place, item in now.items() if place not in then],
    )


def _items(table: str, dynamodb: "DynamoDBClient") -> Iterator[Item]:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from page["Items"]


def write(difference: Difference, table: str, dynamodb: "DynamoDBClient") -> None:
    requests: list[Any] = [{"PutRequest": {"Item": item}} for item in (*difference.returning, *difference.changing)]
    requests += [{"DeleteRequest": {"Key": key}} for key in difference.leaving]
    while requests:
        batch, requests = requests[:IN_A_BATCH], requests[IN_A_BATCH:]
        requests += dynamodb.batch_write_item(RequestItems={table: batch})["UnprocessedItems"].get(table, [])


if __name__ == "__main__":
    sys.exit(main())
