-- +goose Up
-- What a device measured beside the speed, under the names of schemas.Measures: the rows have what the rules decided on, so that a replay
-- decides the same. Rows from before have none; neither has what a worker of an earlier release inserts, because it does not read them.
ALTER TABLE reads
    ADD COLUMN IF NOT EXISTS `measures.name` Array(String) COMMENT 'of each further measure, in the order of names; the unit is the end of the name' AFTER alternatives_pm,
    ADD COLUMN IF NOT EXISTS `measures.value` Array(Int64) AFTER `measures.name`,
    ADD COLUMN IF NOT EXISTS `measures.uncertainty` Array(Int64) COMMENT 'half of the interval around the value; 0 = none is stated' AFTER `measures.value`,
    ADD COLUMN IF NOT EXISTS `measures.device` Array(String) COMMENT 'what measured it; empty = the camera' AFTER `measures.uncertainty`;
