-- Entries that change the key that signs heads, kept when their segments are sealed.

CREATE TABLE rotations (
    seq      INTEGER PRIMARY KEY,
    previous BLOB NOT NULL,
    hash     BLOB NOT NULL,
    body     TEXT NOT NULL
) STRICT;
