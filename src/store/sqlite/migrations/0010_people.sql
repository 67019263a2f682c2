-- What people are to a guard, and everything that proves them; moments are milliseconds since 1970.

CREATE TABLE proofs (
    key          BLOB PRIMARY KEY,
    version      INTEGER NOT NULL,
    operator     TEXT NOT NULL,
    kind         TEXT NOT NULL,
    added        INTEGER NOT NULL,
    expires      INTEGER,
    used         INTEGER,
    ended        INTEGER,
    scopes       TEXT,
    credential   BLOB,
    label        TEXT,
    public_key   TEXT,
    counter      INTEGER,
    party        TEXT,
    confirmed_by TEXT,
    confirmed_at INTEGER
) STRICT;

-- Until now each operator had one token, which was good for everything.
INSERT INTO proofs (key, version, operator, kind, added, expires, ended, scopes)
    SELECT secret, 1, name, 'token', added, expires, revoked, '["decide","admin"]'
    FROM operators ORDER BY rowid;

CREATE TABLE people (
    name    TEXT PRIMARY KEY,
    groups  TEXT NOT NULL,
    roles   TEXT NOT NULL,
    added   INTEGER NOT NULL,
    revoked INTEGER
) STRICT;

INSERT INTO people (name, groups, roles, added, revoked)
    SELECT name, groups, '["approver","admin"]', added, revoked FROM operators ORDER BY rowid;

DROP TABLE operators;
ALTER TABLE people RENAME TO operators;

-- Whether each approval must be signed with a passkey.
ALTER TABLE approvals ADD COLUMN rule_step_up INTEGER NOT NULL DEFAULT 0;
