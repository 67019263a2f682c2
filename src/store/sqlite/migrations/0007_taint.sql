-- What foreign words a session has heard, or was opened after; moments are milliseconds since 1970.

ALTER TABLE sessions ADD COLUMN taint TEXT;
ALTER TABLE sessions ADD COLUMN taint_since INTEGER;
ALTER TABLE sessions ADD COLUMN taint_source TEXT;
ALTER TABLE sessions ADD COLUMN taint_copied INTEGER;

-- What a permitted call may do to the world, and calls whose outcome nobody knows, the newest of each
-- target.

ALTER TABLE in_flight ADD COLUMN privilege TEXT NOT NULL DEFAULT 'admin';

CREATE TABLE doubts (
    agent       TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    server      TEXT NOT NULL,
    target      TEXT NOT NULL,
    call        TEXT NOT NULL,
    PRIMARY KEY (agent, target_kind, server, target)
) STRICT, WITHOUT ROWID;
