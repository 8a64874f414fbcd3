-- +goose Up
-- A person may end one sign-in of their own from another browser.
ALTER TABLE sign_ins DROP CONSTRAINT sign_ins_end_reason_check;
ALTER TABLE sign_ins ADD CONSTRAINT sign_ins_end_reason_check CHECK (end_reason IN ('', 'signed_out', 'user_changed', 'replaced', 'ended_elsewhere'));

-- +goose Down
UPDATE sign_ins SET end_reason = 'signed_out' WHERE end_reason = 'ended_elsewhere';
ALTER TABLE sign_ins DROP CONSTRAINT sign_ins_end_reason_check;
ALTER TABLE sign_ins ADD CONSTRAINT sign_ins_end_reason_check CHECK (end_reason IN ('', 'signed_out', 'user_changed', 'replaced'));
