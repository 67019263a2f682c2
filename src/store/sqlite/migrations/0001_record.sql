-- The record: entries in their chain, the newest signed head of each run, and the public keys.

CREATE TABLE entries (
    seq        INTEGER PRIMARY KEY,
    previous   BLOB NOT NULL,
    hash       BLOB NOT NULL,
    body       TEXT NOT NULL,
    disclosure TEXT
) STRICT;

CREATE TABLE heads (
    boot      TEXT PRIMARY KEY,
    count     INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    at        INTEGER NOT NULL,
    key       TEXT NOT NULL,
    signature BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id     TEXT PRIMARY KEY,
    public BLOB NOT NULL
) STRICT, WITHOUT ROWID;
