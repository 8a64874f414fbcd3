-- +goose Up
-- A catalogue has few legal bases, each some hundred bytes in three languages: a block carries each text once instead of once a row. Clients
-- read and write the same text as before.
ALTER TABLE offences MODIFY COLUMN legal_basis LowCardinality(String);
