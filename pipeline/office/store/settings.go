package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// Settings returns a user's settings (JSON) and their version; version 0 = the user set nothing yet.
func (s *People) Settings(ctx context.Context, user string) (settings []byte, version int64, err error) {
	err = s.pool.QueryRow(ctx, "SELECT settings, version FROM settings WHERE user_name = $1", user).Scan(&settings, &version)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, 0, nil
	}
	return settings, version, safeError("find settings", err)
}

// ErrStale means that somebody changed the object after the caller's version.
var ErrStale = errors.New("this was changed since: load it again")

// SaveSettings replaces the settings with this version, and returns the next version. ErrStale means that the database
// has another version.
func (s *People) SaveSettings(ctx context.Context, user string, settings []byte, version int64) (next int64, err error) {
	sql := "UPDATE settings SET settings = $2, version = version + 1, changed_at = clock_timestamp() WHERE user_name = $1 AND version = $3 RETURNING version"
	if version == 0 {
		sql = "INSERT INTO settings (user_name, settings) SELECT $1, $2 WHERE $3 = 0 ON CONFLICT DO NOTHING RETURNING version"
	}
	err = s.pool.QueryRow(ctx, sql, user, settings, version).Scan(&next)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, ErrStale
	}
	return next, safeError("save settings", err)
}

// Errors that TakeKey returns.
var (
	ErrKeyReused = errors.New("the key of this change stood for another one: give each change a key of its own")
	ErrUnderWay  = errors.New("this change is under way: ask again in a moment")
)

// A key returns the first answer for keyTime. A change without an answer after doneTime belongs to an office that was
// killed, and the key is free.
const (
	keyTime  = 24 * time.Hour
	doneTime = time.Minute
)

// TakeKey takes the key for a change. answer is the first answer (JSON) when the change was done within the last 24
// hours. A nil answer tells the caller to make the change, and then to call KeepAnswer or DropKey. TakeKey also deletes
// the expired keys, for all users.
func (s *People) TakeKey(ctx context.Context, user string, route access.Route, key string, request []byte) (answer []byte, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM request_keys WHERE taken_at < clock_timestamp() - $4::interval
			OR user_name = $1 AND route = $2 AND request_key = $3 AND answer IS NULL AND taken_at < clock_timestamp() - $5::interval`, user, string(route), key, keyTime, doneTime); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, "INSERT INTO request_keys (user_name, route, request_key, request_sha256) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", user, string(route), key, request)
		if err != nil || tag.RowsAffected() == 1 {
			return err
		}
		var same bool
		err = tx.QueryRow(ctx, "SELECT request_sha256 = $4, answer FROM request_keys WHERE user_name = $1 AND route = $2 AND request_key = $3", user, string(route), key, request).Scan(&same, &answer)
		switch {
		case errors.Is(err, pgx.ErrNoRows): // another office gave the key up in this very moment
			return ErrUnderWay
		case err != nil:
			return err
		case !same:
			return ErrKeyReused
		case answer == nil:
			return ErrUnderWay
		}
		return nil
	})
	if errors.Is(err, ErrKeyReused) || errors.Is(err, ErrUnderWay) {
		return nil, err
	}
	return answer, safeError("take key", err)
}

// KeepAnswer stores the answer to a change under the change's key.
func (s *People) KeepAnswer(ctx context.Context, user string, route access.Route, key string, answer []byte) error {
	_, err := s.pool.Exec(ctx, "UPDATE request_keys SET answer = $4 WHERE user_name = $1 AND route = $2 AND request_key = $3", user, string(route), key, answer)
	return safeError("keep answer", err)
}

// DropKey frees the key when the change was refused. A kept answer stays: another office made the change meanwhile.
func (s *People) DropKey(ctx context.Context, user string, route access.Route, key string) error {
	_, err := s.pool.Exec(ctx, "DELETE FROM request_keys WHERE user_name = $1 AND route = $2 AND request_key = $3 AND answer IS NULL", user, string(route), key)
	return safeError("drop key", err)
}
