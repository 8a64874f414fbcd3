-- +goose Up
-- A trace is stored once: that of an offence or a hold in offences, that of any other verdict here. Rows from before have it in both.
ALTER TABLE decisions COMMENT COLUMN trace 'JSON array of steps; empty when the outcome is offence or held: the row of offences with this offence_id has it';
