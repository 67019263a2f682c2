-- Each use of break-glass, and how another person judged it. Moments are milliseconds.

CREATE TABLE reviews (
    id        TEXT NOT NULL PRIMARY KEY,
    approval  TEXT NOT NULL,
    grant_id  TEXT NOT NULL,
    agent     TEXT NOT NULL,
    groups    TEXT NOT NULL,
    person    TEXT NOT NULL,
    reason    TEXT NOT NULL,
    opened    INTEGER NOT NULL,
    closed_by TEXT,
    closed_at INTEGER,
    verdict   TEXT,
    note      TEXT
) STRICT, WITHOUT ROWID;
