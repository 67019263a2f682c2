-- What else proves people: accounts at an identity provider.

ALTER TABLE proofs ADD COLUMN issuer TEXT;
ALTER TABLE proofs ADD COLUMN subject TEXT;
