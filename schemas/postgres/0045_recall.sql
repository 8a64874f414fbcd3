-- +goose Up
-- An act on many cases may also take back all that rests on one wrong value: withdrawn before the hand-over, annulled after it, in one act of two persons.
ALTER TABLE bulk_acts DROP CONSTRAINT bulk_acts_kind_check;
ALTER TABLE bulk_acts ADD CONSTRAINT bulk_acts_kind_check CHECK (kind IN ('withdraw', 'expire', 'annul', 'release', 'recall'));

-- +goose Down
-- Acts of this kind stay, and no new one is made.
ALTER TABLE bulk_acts DROP CONSTRAINT bulk_acts_kind_check;
ALTER TABLE bulk_acts ADD CONSTRAINT bulk_acts_kind_check CHECK (kind IN ('withdraw', 'expire', 'annul', 'release')) NOT VALID;
