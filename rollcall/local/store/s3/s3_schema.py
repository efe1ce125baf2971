"""The tables of S3. A migration never changes once it is released; a new one goes to the end."""

MIGRATIONS = (
    """
CREATE TABLE s3_buckets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created REAL NOT NULL,
    region TEXT NOT NULL,
    versioning TEXT NOT NULL DEFAULT ''
);

CREATE TABLE s3_settings (
    bucket INTEGER NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (bucket, kind)
) WITHOUT ROWID;

CREATE TABLE s3_objects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket INTEGER NOT NULL,
    key TEXT NOT NULL,
    version TEXT NOT NULL,
    latest INTEGER NOT NULL,
    marker INTEGER NOT NULL DEFAULT 0,
    modified REAL NOT NULL,
    blob TEXT,
    size INTEGER NOT NULL DEFAULT 0,
    etag TEXT NOT NULL DEFAULT '',
    described TEXT NOT NULL DEFAULT '{}'
);

CREATE UNIQUE INDEX s3_versions ON s3_objects (bucket, key, version);
CREATE INDEX s3_by_age ON s3_objects (bucket, key, id DESC);
CREATE INDEX s3_current ON s3_objects (bucket, key) WHERE latest AND NOT marker;
CREATE INDEX s3_object_blobs ON s3_objects (blob) WHERE blob IS NOT NULL;

CREATE TABLE s3_uploads (
    id TEXT PRIMARY KEY,
    bucket INTEGER NOT NULL,
    key TEXT NOT NULL,
    started REAL NOT NULL,
    assembly TEXT NOT NULL,
    described TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX s3_uploads_by_key ON s3_uploads (bucket, key, id);

CREATE TABLE s3_parts (
    upload TEXT NOT NULL,
    number INTEGER NOT NULL,
    modified REAL NOT NULL,
    blob TEXT NOT NULL,
    place INTEGER,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;

CREATE INDEX s3_part_blobs ON s3_parts (blob);
CREATE INDEX s3_upload_assemblies ON s3_uploads (assembly);

CREATE TABLE s3_journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket TEXT NOT NULL,
    key TEXT,
    blob TEXT,
    content BLOB,
    dropped TEXT
);
""",
)
