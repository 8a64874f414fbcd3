-- +goose Up
-- Accounts are of the server, not of a database: anpr_migrator owns this one, and each later migration grants to
-- anpr_office and anpr_retention what they need of its tables.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO anpr_office, anpr_retention, anpr_backup;

-- A backup reads every table that a later migration makes.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO anpr_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO anpr_backup;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Every account sees which migrations were applied.
GRANT SELECT ON goose_db_version TO anpr_office, anpr_retention, anpr_backup;

-- refuse_change is the trigger of an append-only table. Grants alone do not bind the owner of a table:
--   CREATE TRIGGER t BEFORE UPDATE OR DELETE OR TRUNCATE ON a_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: the table is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd

-- Jobs of the queue river stand in a schema of their own. Its tables come with the Go migration after this one.
CREATE SCHEMA river;
GRANT USAGE ON SCHEMA river TO anpr_office, anpr_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA river GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO anpr_office;
ALTER DEFAULT PRIVILEGES IN SCHEMA river GRANT USAGE, SELECT ON SEQUENCES TO anpr_office;
ALTER DEFAULT PRIVILEGES IN SCHEMA river GRANT SELECT ON TABLES TO anpr_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA river GRANT SELECT ON SEQUENCES TO anpr_backup;

-- +goose Down
DROP SCHEMA river CASCADE;
DROP FUNCTION refuse_change();
