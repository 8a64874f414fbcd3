-- +goose Up
-- The numbers an offence rests on, under the names of schemas.Measures; the three speeds of before become aliases of them. Rows that a
-- worker of an earlier release inserts meanwhile get their measures by the defaults; afterwards its inserts are refused and tried again.
ALTER TABLE offences
    ADD COLUMN IF NOT EXISTS `measures.name` Array(String)
        DEFAULT arrayFilter((n, v) -> v != 0, ['measured_speed_dkmh', 'corrected_speed_dkmh', 'limit_dkmh'], [measured_dkmh, corrected_dkmh, limit_dkmh])
        COMMENT 'of each number the decision rests on; the unit is the end of the name' AFTER amount_cents,
    ADD COLUMN IF NOT EXISTS `measures.value` Array(Int64)
        DEFAULT arrayMap(v -> toInt64(v), arrayFilter(v -> v != 0, [measured_dkmh, corrected_dkmh, limit_dkmh])) AFTER `measures.name`,
    ADD COLUMN IF NOT EXISTS `measures.uncertainty` Array(Int64)
        DEFAULT arrayMap(v -> toInt64(0), arrayFilter(v -> v != 0, [measured_dkmh, corrected_dkmh, limit_dkmh]))
        COMMENT 'half of the interval around the value; 0 = none is stated' AFTER `measures.value`,
    ADD COLUMN IF NOT EXISTS `measures.device` Array(String)
        DEFAULT arrayMap(v -> '', arrayFilter(v -> v != 0, [measured_dkmh, corrected_dkmh, limit_dkmh]))
        COMMENT 'what measured it; empty = the camera of the read, or no measurement' AFTER `measures.uncertainty`;

-- Writes down what the defaults say of the rows that are there, on every replica, before the columns they are made of become aliases. Run
-- again it changes nothing.
ALTER TABLE offences
    UPDATE `measures.name` = `measures.name`, `measures.value` = `measures.value`, `measures.uncertainty` = `measures.uncertainty`, `measures.device` = `measures.device`
    WHERE true
    SETTINGS mutations_sync = 2;

ALTER TABLE offences
    MODIFY COLUMN `measures.name` Array(String) DEFAULT [],
    MODIFY COLUMN `measures.value` Array(Int64) DEFAULT [],
    MODIFY COLUMN `measures.uncertainty` Array(Int64) DEFAULT [],
    MODIFY COLUMN `measures.device` Array(String) DEFAULT [],
    MODIFY COLUMN measured_dkmh Int32 ALIAS toInt32(`measures.value`[indexOf(`measures.name`, 'measured_speed_dkmh')]) COMMENT 'of measures, 0 = none; so are the next two',
    MODIFY COLUMN corrected_dkmh Int32 ALIAS toInt32(`measures.value`[indexOf(`measures.name`, 'corrected_speed_dkmh')]),
    MODIFY COLUMN limit_dkmh Int32 ALIAS toInt32(`measures.value`[indexOf(`measures.name`, 'limit_dkmh')]);
