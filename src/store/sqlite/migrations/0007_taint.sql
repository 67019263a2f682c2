-- What foreign words a session has heard, or was opened after; moments are milliseconds since 1970.

ALTER TABLE sessions ADD COLUMN taint TEXT;
ALTER TABLE sessions ADD COLUMN taint_since INTEGER;
ALTER TABLE sessions ADD COLUMN taint_source TEXT;
ALTER TABLE sessions ADD COLUMN taint_copied INTEGER;
