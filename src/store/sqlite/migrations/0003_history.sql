-- What agents have done before. No user is the empty text. Values are kept as keyed marks, never as
-- themselves. Days are counted from 1970.

CREATE TABLE reaches (
    agent        TEXT NOT NULL,
    on_behalf_of TEXT NOT NULL,
    target_kind  TEXT NOT NULL,
    server       TEXT NOT NULL,
    target       TEXT NOT NULL,
    definition   BLOB NOT NULL,
    privilege    TEXT NOT NULL,
    calls        INTEGER NOT NULL,
    first        INTEGER NOT NULL,
    last         INTEGER NOT NULL,
    PRIMARY KEY (agent, on_behalf_of, target_kind, server, target, definition, privilege)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen_values (
    agent        TEXT NOT NULL,
    on_behalf_of TEXT NOT NULL,
    target_kind  TEXT NOT NULL,
    server       TEXT NOT NULL,
    target       TEXT NOT NULL,
    definition   BLOB NOT NULL,
    pointer      TEXT NOT NULL,
    mark         BLOB NOT NULL,
    calls        INTEGER NOT NULL,
    first        INTEGER NOT NULL,
    last         INTEGER NOT NULL,
    PRIMARY KEY (agent, on_behalf_of, target_kind, server, target, definition, pointer, mark)
) STRICT, WITHOUT ROWID;

CREATE TABLE days (
    agent        TEXT NOT NULL,
    on_behalf_of TEXT NOT NULL,
    day          INTEGER NOT NULL,
    privilege    TEXT NOT NULL,
    calls        INTEGER NOT NULL,
    PRIMARY KEY (agent, on_behalf_of, day, privilege)
) STRICT, WITHOUT ROWID;

CREATE TABLE climbs (
    session     TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    server      TEXT NOT NULL,
    target      TEXT NOT NULL,
    privilege   TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (session, target_kind, server, target, privilege)
) STRICT, WITHOUT ROWID;
