-- +goose Up
-- The token with which a provider elsewhere said who it is, so that a sign-out can end the session there too (id_token_hint of OpenID Connect
-- RP-Initiated Logout 1.0). It opens nothing: it was made for this office alone, which takes each once. An office empties it when the sign-in ends.
ALTER TABLE sign_ins ADD COLUMN id_token_hint text NOT NULL DEFAULT '' CHECK (length(id_token_hint) <= 8192);

-- +goose Down
ALTER TABLE sign_ins DROP COLUMN id_token_hint;
