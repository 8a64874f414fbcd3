-- +goose Up
-- The pictures of an upload have roles. Whoever decides a case must know which picture shows the scene and which the plate alone.
ALTER TABLE reads ADD COLUMN image_kinds LowCardinality(String) COMMENT 'roles of image_sha256 and of more_images_sha256, in this order, comma-separated: scene, plate, second, other; empty = not said' AFTER more_images_sha256;
