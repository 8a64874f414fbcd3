-- +goose Up
-- Queries of before go on under the old names. SELECT * shows neither.
ALTER TABLE reads
    ADD COLUMN IF NOT EXISTS candidates Array(String) ALIAS alternatives COMMENT 'old name of alternatives',
    ADD COLUMN IF NOT EXISTS candidates_pm Array(UInt16) ALIAS alternatives_pm COMMENT 'old name of alternatives_pm';
