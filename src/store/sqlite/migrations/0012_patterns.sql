-- Grants for calls like an approved one: the places of its arguments that are pinned, and from what the
-- keys of such grants are made.

ALTER TABLE grants ADD COLUMN pins TEXT;
ALTER TABLE grants ADD COLUMN pattern_key BLOB;
ALTER TABLE votes ADD COLUMN pins TEXT;
ALTER TABLE approvals ADD COLUMN frame BLOB;
ALTER TABLE approvals ADD COLUMN secret_marks TEXT;
