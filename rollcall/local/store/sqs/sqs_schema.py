"""The tables of queues and messages. Times are milliseconds since 1970."""

MIGRATIONS = (
    """
CREATE TABLE sqs_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    tags TEXT NOT NULL
);
CREATE TABLE sqs_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue INTEGER NOT NULL,
    visible INTEGER NOT NULL,
    in_hand INTEGER NOT NULL DEFAULT 0,
    uuid TEXT NOT NULL,
    body TEXT NOT NULL,
    md5 TEXT NOT NULL,
    attributes TEXT,
    system TEXT,
    sent INTEGER NOT NULL,
    received INTEGER NOT NULL DEFAULT 0,
    first_received INTEGER,
    receipt TEXT,
    source TEXT
);
CREATE INDEX sqs_message_visible ON sqs_message (queue, visible, in_hand);
CREATE TABLE sqs_move (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    destination TEXT,
    rate INTEGER,
    status TEXT NOT NULL,
    reason TEXT,
    moved INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL,
    started INTEGER NOT NULL,
    last INTEGER NOT NULL
);
""",
    """
CREATE TABLE sqs_delivered (
    queue INTEGER NOT NULL,
    id TEXT NOT NULL,
    uuid TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (queue, id)
) WITHOUT ROWID;
CREATE INDEX sqs_delivered_at ON sqs_delivered (at);
""",
)
