-- +goose Up
-- An act on many cases may also settle one doubt for which the rules hold them: the clock of a camera, accepted for a window by two persons. Each case is
-- decided again.
ALTER TABLE bulk_acts DROP CONSTRAINT bulk_acts_kind_check;
ALTER TABLE bulk_acts ADD CONSTRAINT bulk_acts_kind_check CHECK (kind IN ('withdraw', 'expire', 'annul', 'release'));

-- +goose Down
-- Acts of this kind stay, and no new one is made.
ALTER TABLE bulk_acts DROP CONSTRAINT bulk_acts_kind_check;
ALTER TABLE bulk_acts ADD CONSTRAINT bulk_acts_kind_check CHECK (kind IN ('withdraw', 'expire', 'annul')) NOT VALID;
