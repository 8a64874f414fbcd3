-- +goose Up
-- Who is signed in with a browser. The cookie itself is nowhere: token_sha256 is what it hashes to. A sign-in ends in every office at once.
CREATE TABLE sign_ins
(
    sign_in_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    token_sha256     bytea       NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    user_name        text        NOT NULL,
    issuer           text        NOT NULL, -- who said who it is, and under which name
    subject          text        NOT NULL,
    address          text        NOT NULL,
    user_sha256      bytea       NOT NULL CHECK (length(user_sha256) = 32), -- of the user's entry; a changed entry ends the sign-in
    authenticated_at timestamptz NOT NULL, -- when the provider saw the person last
    began_at         timestamptz NOT NULL,
    used_at          timestamptz NOT NULL,
    ended_at         timestamptz,
    end_reason       text        NOT NULL DEFAULT '' CHECK (end_reason IN ('', 'signed_out', 'user_changed', 'replaced')),
    CHECK ((ended_at IS NULL) = (end_reason = ''))
);
CREATE INDEX sign_ins_of_user ON sign_ins (user_name) WHERE ended_at IS NULL;
CREATE INDEX sign_ins_began ON sign_ins (began_at);

-- Passwords of the office's own provider, as argon2id hashes.
CREATE TABLE sign_in_accounts
(
    user_name    text PRIMARY KEY,
    password     text        NOT NULL CHECK (password LIKE '$argon2id$%'),
    changed_at   timestamptz NOT NULL,
    failures     integer     NOT NULL DEFAULT 0,
    locked_until timestamptz
);

-- Links that set a password, once.
CREATE TABLE sign_in_invites
(
    token_sha256 bytea PRIMARY KEY CHECK (length(token_sha256) = 32),
    user_name    text        NOT NULL,
    made_at      timestamptz NOT NULL,
    until        timestamptz NOT NULL,
    used_at      timestamptz
);

GRANT SELECT, INSERT, UPDATE ON sign_ins, sign_in_accounts, sign_in_invites TO anpr_office;
GRANT SELECT, DELETE ON sign_ins, sign_in_invites TO anpr_retention;

-- +goose Down
DROP TABLE sign_in_invites;
DROP TABLE sign_in_accounts;
DROP TABLE sign_ins;
