"""The tables behind tables. `hash` and `range` are bytes that sort as DynamoDB sorts keys."""

MIGRATIONS = (
    """
CREATE TABLE ddb_table (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    uuid TEXT NOT NULL,
    created REAL NOT NULL,
    definition TEXT NOT NULL,
    ttl TEXT,
    tags TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE ddb_item (
    tbl INTEGER NOT NULL,
    hash BLOB NOT NULL,
    range BLOB NOT NULL,
    size INTEGER NOT NULL,
    expires INTEGER,
    item TEXT NOT NULL,
    PRIMARY KEY (tbl, hash, range)
) WITHOUT ROWID;
CREATE INDEX ddb_item_expires ON ddb_item (tbl, expires) WHERE expires IS NOT NULL;
CREATE TABLE ddb_token (
    token TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID;
""",
)
