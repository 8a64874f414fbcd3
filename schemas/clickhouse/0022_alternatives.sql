-- +goose Up
-- Other readings of a plate are alternatives; a candidate is an offence. Renaming changes no part's data and no row. A worker of an earlier
-- release is refused its reads from here on and loses nothing: the log keeps them for the new one. The old names follow in a
-- migration of their own, because a renaming that is carried out again after them would find both names.
ALTER TABLE reads
    RENAME COLUMN IF EXISTS candidates TO alternatives,
    RENAME COLUMN IF EXISTS candidates_pm TO alternatives_pm;
