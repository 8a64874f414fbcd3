-- +goose Up
-- Every picture that the gateway stores is named by a row, so that a look-up, a case and a deletion find it.
ALTER TABLE reads ADD COLUMN more_images_sha256 Array(FixedString(32)) COMMENT 'further pictures of the upload, 32 raw bytes each' AFTER image_sha256;
