-- What decisions depend on. Moments are milliseconds since 1970, durations milliseconds.

CREATE TABLE agents (
    name     TEXT PRIMARY KEY,
    state    TEXT NOT NULL,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE credentials (
    id      TEXT PRIMARY KEY,
    agent   TEXT NOT NULL,
    kind    TEXT NOT NULL,
    secret  BLOB UNIQUE,
    issued  INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER
) STRICT;

CREATE TABLE operators (
    name    TEXT PRIMARY KEY,
    groups  TEXT NOT NULL,
    secret  BLOB NOT NULL UNIQUE,
    added   INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER
) STRICT;

CREATE TABLE sessions (
    id           TEXT PRIMARY KEY,
    agent        TEXT NOT NULL,
    credential   TEXT NOT NULL,
    on_behalf_of TEXT,
    opened       INTEGER NOT NULL,
    seen         INTEGER NOT NULL,
    state        TEXT NOT NULL,
    is_default   INTEGER NOT NULL,
    label        TEXT
) STRICT;

CREATE TABLE approvals (
    id             TEXT PRIMARY KEY,
    version        INTEGER NOT NULL,
    call           TEXT NOT NULL,
    agent          TEXT NOT NULL,
    credential     TEXT NOT NULL,
    on_behalf_of   TEXT,
    session        TEXT NOT NULL,
    mode           TEXT NOT NULL,
    method         TEXT NOT NULL,
    target_kind    TEXT NOT NULL,
    server         TEXT NOT NULL,
    target         TEXT NOT NULL,
    privilege      TEXT NOT NULL,
    arguments      BLOB NOT NULL,
    extras         BLOB NOT NULL,
    claims         BLOB NOT NULL,
    match_key      BLOB NOT NULL,
    digest         BLOB NOT NULL,
    salt           BLOB NOT NULL,
    manifest       BLOB NOT NULL,
    reasons        TEXT NOT NULL,
    any_of         TEXT NOT NULL,
    rule_decide_by INTEGER NOT NULL,
    rule_redeem_by INTEGER NOT NULL,
    code           TEXT NOT NULL,
    covers_session INTEGER NOT NULL,
    opened         INTEGER NOT NULL,
    decide_by      INTEGER NOT NULL,
    state          TEXT NOT NULL,
    state_by       TEXT,
    state_at       INTEGER,
    redeem_by      INTEGER,
    message        TEXT,
    used_by        TEXT
) STRICT;

CREATE TABLE grants (
    id        TEXT PRIMARY KEY,
    approval  TEXT NOT NULL,
    agent     TEXT NOT NULL,
    session   TEXT NOT NULL,
    match_key BLOB NOT NULL,
    uses      INTEGER NOT NULL,
    used      INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    revoked   INTEGER
) STRICT;

CREATE TABLE spends (
    agent  TEXT NOT NULL,
    budget TEXT NOT NULL,
    part   TEXT NOT NULL,
    call   TEXT NOT NULL,
    at     INTEGER NOT NULL,
    amount TEXT NOT NULL,
    until  INTEGER NOT NULL,
    PRIMARY KEY (agent, budget, part, call)
) STRICT, WITHOUT ROWID;

CREATE TABLE in_flight (
    call        TEXT PRIMARY KEY,
    agent       TEXT NOT NULL,
    session     TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    server      TEXT NOT NULL,
    target      TEXT NOT NULL,
    approval    TEXT,
    since       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rates (
    cell  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
