-- Entries that were sealed in files and taken out of the record, each range following the one before.

CREATE TABLE segments (
    first    INTEGER PRIMARY KEY,
    last     INTEGER NOT NULL,
    previous BLOB NOT NULL,
    hash     BLOB NOT NULL,
    digest   BLOB NOT NULL
) STRICT;
