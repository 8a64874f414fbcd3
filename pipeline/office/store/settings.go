package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// Own is data of a user's own that is replaced as a whole, with a version.
type Own struct{ table, column string }

// All data of users' own.
var (
	Settings     = Own{"settings", "settings"}
	SavedFilters = Own{"saved_filters", "filters"}
)

// FindOwn returns a user's own data (JSON) and its version; version 0 = the user has none yet.
func (s *People) FindOwn(ctx context.Context, what Own, user string) (content []byte, version int64, err error) {
	err = s.pool.QueryRow(ctx, "SELECT "+what.column+", version FROM "+what.table+" WHERE user_name = $1", user).Scan(&content, &version)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, 0, nil
	}
	return content, version, safeError("find "+what.table, err)
}

// ErrStale means that somebody changed the object after the caller's version.
var ErrStale = errors.New("this was changed since: load it again")

// SaveOwn replaces a user's own data with this version, and keeps the answer under the change's key, in one transaction.
// answer gives the answer (JSON) for the next version. ErrStale means that the database has another version, ErrUnderWay
// that another office has taken the key over. An error means that nothing changed, unless the database failed to say so.
func (s *People) SaveOwn(ctx context.Context, what Own, user string, content []byte, version int64, key Key, answer func(next int64) ([]byte, error)) error {
	sql := "UPDATE " + what.table + " SET " + what.column + " = $2, version = version + 1, changed_at = clock_timestamp() WHERE user_name = $1 AND version = $3 RETURNING version"
	if version == 0 {
		sql = "INSERT INTO " + what.table + " (user_name, " + what.column + ") SELECT $1, $2 WHERE $3 = 0 ON CONFLICT DO NOTHING RETURNING version"
	}
	var own error
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var next int64
		err := tx.QueryRow(ctx, sql, user, content, version).Scan(&next)
		if errors.Is(err, pgx.ErrNoRows) {
			own = ErrStale
			return own
		}
		if err != nil {
			return err
		}
		var text []byte
		if text, own = answer(next); own != nil {
			return own
		}
		tag, err := tx.Exec(ctx, "UPDATE request_keys SET answer = $4 WHERE user_name = $1 AND route = $2 AND request_key = $3 AND answer IS NULL", user, string(key.Route), key.Key, text)
		if err == nil && tag.RowsAffected() == 0 {
			own = ErrUnderWay
		}
		return errors.Join(err, own)
	})
	if own != nil {
		return own
	}
	return safeError("save "+what.table, err)
}

// Key is a user's key for a change on a route.
type Key struct {
	Route access.Route
	Key   string
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
// hours. A nil answer tells the caller to make the change and keep its answer in one transaction, or else to call DropKey.
// TakeKey also deletes the expired keys, for all users.
func (s *People) TakeKey(ctx context.Context, user string, key Key, request []byte) (answer []byte, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM request_keys WHERE taken_at < clock_timestamp() - $4::interval
			OR user_name = $1 AND route = $2 AND request_key = $3 AND answer IS NULL AND taken_at < clock_timestamp() - $5::interval`, user, string(key.Route), key.Key, keyTime, doneTime); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, "INSERT INTO request_keys (user_name, route, request_key, request_sha256) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", user, string(key.Route), key.Key, request)
		if err != nil || tag.RowsAffected() == 1 {
			return err
		}
		var same bool
		err = tx.QueryRow(ctx, "SELECT request_sha256 = $4, answer FROM request_keys WHERE user_name = $1 AND route = $2 AND request_key = $3", user, string(key.Route), key.Key, request).Scan(&same, &answer)
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

// DropKey frees the key when the change was refused. A kept answer stays: another office made the change meanwhile.
func (s *People) DropKey(ctx context.Context, user string, key Key) error {
	_, err := s.pool.Exec(ctx, "DELETE FROM request_keys WHERE user_name = $1 AND route = $2 AND request_key = $3 AND answer IS NULL", user, string(key.Route), key.Key)
	return safeError("drop key", err)
}

// KeepAnswer keeps the answer (JSON) under the key of a change that is already made. ErrUnderWay means that another office
// has taken the key over.
func (s *People) KeepAnswer(ctx context.Context, user string, key Key, answer []byte) error {
	tag, err := s.pool.Exec(ctx, "UPDATE request_keys SET answer = $4 WHERE user_name = $1 AND route = $2 AND request_key = $3 AND answer IS NULL", user, string(key.Route), key.Key, answer)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrUnderWay
	}
	return safeError("keep answer", err)
}
