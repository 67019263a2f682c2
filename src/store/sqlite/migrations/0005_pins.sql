-- What servers present, and what people accepted of it. No row is ever deleted.

CREATE TABLE pins (
    server        TEXT NOT NULL,
    kind          TEXT NOT NULL,
    name          TEXT NOT NULL,
    digest        BLOB NOT NULL,
    identity      BLOB NOT NULL,
    definition    BLOB NOT NULL,
    first_seen    INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    accepted_by   TEXT,
    accepted_at   INTEGER,
    refused_by    TEXT,
    refused_at    INTEGER,
    superseded_at INTEGER,
    UNIQUE (server, kind, name, digest)
) STRICT;
