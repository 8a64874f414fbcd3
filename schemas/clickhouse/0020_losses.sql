-- +goose Up
-- A range of records that a person gave up, so that its partition goes on behind it: a row of its own, with nothing fetched. No record of it is in
-- any table; the dead-letter topic has none either. Every take-over asks for losses: the index keeps it from reading the whole ledger.
ALTER TABLE batches
    ADD COLUMN IF NOT EXISTS lost UInt64 COMMENT 'records of the range that were given up at most: its length; 0 for a batch' AFTER ticks,
    ADD COLUMN IF NOT EXISTS loss_reason String COMMENT 'what the person wrote who gave them up' AFTER lost,
    ADD COLUMN IF NOT EXISTS loss_by String COMMENT 'who it was' AFTER loss_reason,
    ADD INDEX IF NOT EXISTS by_loss lost TYPE minmax;
ALTER TABLE batches MATERIALIZE INDEX by_loss;
