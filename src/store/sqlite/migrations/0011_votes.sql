-- Who may decide in which stage, where a rule says more than one group and one approval; and each
-- person's vote, and whose groups are lent to whom. Moments and durations are milliseconds.

ALTER TABLE approvals ADD COLUMN stages TEXT;
ALTER TABLE approvals ADD COLUMN four_eyes TEXT;
ALTER TABLE approvals ADD COLUMN self_approval INTEGER NOT NULL DEFAULT 0;
ALTER TABLE approvals ADD COLUMN same_person INTEGER NOT NULL DEFAULT 0;

CREATE TABLE votes (
    approval TEXT NOT NULL,
    stage    INTEGER NOT NULL,
    person   TEXT NOT NULL,
    lender   TEXT,
    place    INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    own      INTEGER NOT NULL,
    choice   TEXT NOT NULL,
    uses     INTEGER,
    life     INTEGER,
    message  TEXT,
    PRIMARY KEY (approval, stage, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE delegations (
    lender TEXT NOT NULL,
    deputy TEXT NOT NULL,
    since  INTEGER NOT NULL,
    until  INTEGER NOT NULL,
    ended  INTEGER,
    PRIMARY KEY (lender, deputy)
) STRICT, WITHOUT ROWID;
