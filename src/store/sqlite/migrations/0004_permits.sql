-- Who runs a call in flight: the guard (`own`), whoever redeems its permit (`signed`), or the enforcement
-- point that did (`redeemed`), with the permit or credential, the moment, and the decision's place.

ALTER TABLE in_flight ADD COLUMN leg TEXT NOT NULL DEFAULT 'own';
ALTER TABLE in_flight ADD COLUMN leg_id TEXT;
ALTER TABLE in_flight ADD COLUMN leg_at INTEGER;
ALTER TABLE in_flight ADD COLUMN leg_of INTEGER;
