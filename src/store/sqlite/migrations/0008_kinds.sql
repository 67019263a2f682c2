-- What calls are aimed at, as keyed marks and never as themselves, and which of their arguments are
-- secrets. A doubt without a destination is about the whole target; its destination is then empty.

ALTER TABLE approvals ADD COLUMN secrets TEXT NOT NULL DEFAULT '[]';
ALTER TABLE approvals ADD COLUMN destinations BLOB NOT NULL DEFAULT x'';
ALTER TABLE approvals ADD COLUMN objects BLOB NOT NULL DEFAULT x'';

ALTER TABLE in_flight ADD COLUMN destinations BLOB NOT NULL DEFAULT x'';

ALTER TABLE doubts RENAME TO doubts_of_targets;

CREATE TABLE doubts (
    agent       TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    server      TEXT NOT NULL,
    target      TEXT NOT NULL,
    destination BLOB NOT NULL,
    call        TEXT NOT NULL,
    PRIMARY KEY (agent, target_kind, server, target, destination)
) STRICT, WITHOUT ROWID;

INSERT INTO doubts (agent, target_kind, server, target, destination, call)
    SELECT agent, target_kind, server, target, x'', call FROM doubts_of_targets;

DROP TABLE doubts_of_targets;
