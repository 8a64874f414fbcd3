-- +goose Up
-- A rejected record has the police zone of its camera when it was received, so that who works for one zone sees those of that zone alone.
-- Rows from before have none, and are shown to nobody who is limited to zones.
ALTER TABLE rejects ADD COLUMN zone LowCardinality(String) COMMENT 'police zone of the camera when the record was received; empty when the registry does not know the camera' AFTER camera_id;
