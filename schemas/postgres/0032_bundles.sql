-- +goose Up
-- What a bundle takes from data that change later: register row, certificate, excerpt of the catalogue, printed dossier. Kept at the first bundle of a
-- version of a case, so that every further bundle of that version has the same bytes. The office signs each, and takes none that it did not sign.
CREATE TABLE bundle_materials
(
    case_id      uuid        NOT NULL REFERENCES cases ON DELETE CASCADE,
    case_version bigint      NOT NULL,
    name         text        NOT NULL,
    content      bytea       NOT NULL,
    key_id       text        NOT NULL,
    signature    bytea       NOT NULL CHECK (length(signature) = 64),
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (case_id, case_version, name)
);

-- Bundles that were made: who, for whom, and the sum by which one that turns up later is known again. The file itself stays for a day.
CREATE TABLE bundles
(
    bundle_id    uuid        NOT NULL PRIMARY KEY DEFAULT gen_random_uuid(),
    case_id      uuid        NOT NULL REFERENCES cases ON DELETE CASCADE,
    case_version bigint      NOT NULL,
    user_name    text        NOT NULL,
    wanted_for   text        NOT NULL,
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at   timestamptz NOT NULL DEFAULT clock_timestamp() + interval '24 hours',
    key_id       text        NOT NULL,
    sha256       bytea       NOT NULL CHECK (length(sha256) = 32),
    size         bigint      NOT NULL,
    file         bytea
);
CREATE INDEX bundles_case ON bundles (case_id, made_at);
CREATE INDEX bundles_expiry ON bundles (expires_at) WHERE file IS NOT NULL;

-- The period stands here, so that an office can delete no younger file.
-- +goose StatementBegin
CREATE FUNCTION delete_expired_bundles() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    n bigint;
BEGIN
    UPDATE bundles SET file = NULL WHERE file IS NOT NULL AND expires_at < clock_timestamp();
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION delete_expired_bundles() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_expired_bundles() TO anpr_office, anpr_retention;
GRANT SELECT, INSERT ON bundle_materials, bundles TO anpr_office;

-- +goose Down
DROP FUNCTION delete_expired_bundles;
DROP TABLE bundles;
DROP TABLE bundle_materials;
