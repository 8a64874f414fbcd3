package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// brusselsDay is the calendar day in Brussels, by the database's clock.
const brusselsDay = "(clock_timestamp() AT TIME ZONE 'Europe/Brussels')::date"

// Admission says whether a request may go on, with what it names.
type Admission struct {
	Admitted bool
	Purpose  *OpenedPurpose // that the request names, open or ended; nil = the user and the sign-in have none of this id
}

// TakeRequest counts a user's request over all offices, and says whether it may go on. The limit is perSecond on average, and
// twice as many at once. The purpose comes in the same round trip, because nearly every request names one; its id may be empty.
func (s *People) TakeRequest(ctx context.Context, user string, perSecond float64, purpose, signIn string) (a Admission, err error) {
	const full = "least(2 * $2::float8 + 1, r.tokens + $2::float8 * greatest(extract(epoch FROM clock_timestamp() - r.at)::float8, 0))"
	b := &pgx.Batch{}
	b.Queue(`INSERT INTO request_rates AS r (user_name, tokens, admitted, at) VALUES ($1, 2 * $2::float8, true, clock_timestamp())
		ON CONFLICT (user_name) DO UPDATE SET admitted = `+full+` >= 1, tokens = `+full+` - CASE WHEN `+full+` >= 1 THEN 1 ELSE 0 END, at = clock_timestamp()
		RETURNING admitted`, user, perSecond).QueryRow(func(row pgx.Row) error { return row.Scan(&a.Admitted) })
	if purpose != "" {
		b.Queue(purposeByID, idOrAbsent(purpose), user, signIn).QueryRow(func(row pgx.Row) error {
			p := &OpenedPurpose{}
			err := p.scanRow(row)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			a.Purpose = p
			return err
		})
	}
	err = s.pool.SendBatch(ctx, b).Close()
	return a, safeError("count request", err)
}

// TakeSlot takes one of the user's slots for a query. The slot is free again after release, when the time is over, or
// when this office's session ends (StayPresent). ok is false when all slots are taken. An office never takes its own
// slots, even while it does not know yet that the database has lost its session.
func (s *People) TakeSlot(ctx context.Context, user string, slots int, most time.Duration) (release func(), ok bool, err error) {
	for slot := range slots {
		var lease string
		err := s.pool.QueryRow(ctx, `INSERT INTO query_slots AS q (user_name, slot, lease, until, office) VALUES ($1, $2, gen_random_uuid(), clock_timestamp() + $3 * interval '1 millisecond', $4)
			ON CONFLICT (user_name, slot) DO UPDATE SET lease = excluded.lease, until = excluded.until, office = excluded.office
			WHERE q.until < clock_timestamp() OR q.office NOT IN (0, excluded.office) AND NOT office_is_present(q.office) RETURNING lease::text`,
			user, slot, most.Milliseconds(), s.present.Load()).Scan(&lease)
		if errors.Is(err, pgx.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, false, safeError("take slot", err)
		}
		return func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			_, _ = s.pool.Exec(ctx, "DELETE FROM query_slots WHERE user_name = $1 AND slot = $2 AND lease = $3", user, slot, lease) // else it lapses
		}, true, nil
	}
	return nil, false, nil
}

// AskPlates counts the user's distinct plates in the last hour, including these plates, and reports whether the count
// stays within most. Otherwise these plates do not count, and until says when the first place is free again.
func (s *People) AskPlates(ctx context.Context, user string, keys [][]byte, most int) (ok bool, until time.Time, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext('plates:' || $1))", user); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM plates_asked WHERE user_name = $1 AND asked_at <= clock_timestamp() - interval '1 hour'", user); err != nil {
			return err
		}
		var before int
		var first *time.Time
		if err := tx.QueryRow(ctx, "SELECT count(*), min(asked_at) + interval '1 hour' FROM plates_asked WHERE user_name = $1 AND NOT plate_key = ANY($2)", user, keys).Scan(&before, &first); err != nil {
			return err
		}
		if before+len(keys) > most {
			if first != nil {
				until = *first
			}
			return nil
		}
		ok = true
		_, err := tx.Exec(ctx, `INSERT INTO plates_asked (user_name, plate_key, asked_at) SELECT $1, k, clock_timestamp() FROM unnest($2::bytea[]) k
			ON CONFLICT (user_name, plate_key) DO UPDATE SET asked_at = excluded.asked_at`, user, keys)
		return err
	})
	return ok, until, safeError("count plates", err)
}

// RowsLeft returns how many rows the user may still see today, and when the Brussels day ends.
func (s *People) RowsLeft(ctx context.Context, user string, allowance int64) (left int64, until time.Time, err error) {
	err = s.pool.QueryRow(ctx, `SELECT greatest(coalesce((SELECT r.allowance - r.disclosed FROM rows_disclosed r WHERE user_name = $1 AND day = `+brusselsDay+`), $2::bigint), 0),
		((`+brusselsDay+` + 1)::timestamp AT TIME ZONE 'Europe/Brussels')`, user, allowance).Scan(&left, &until)
	return left, until, safeError("count rows", err)
}

// TakeRows takes n rows from the user's allowance for the day, or none when fewer than n are left.
func (s *People) TakeRows(ctx context.Context, user string, allowance, n int64) (ok bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO rows_disclosed (user_name, day, allowance) VALUES ($1, "+brusselsDay+", $2) ON CONFLICT DO NOTHING", user, allowance); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, "UPDATE rows_disclosed SET disclosed = disclosed + $2 WHERE user_name = $1 AND day = "+brusselsDay+" AND disclosed + $2 <= allowance", user, n)
		ok = tag.RowsAffected() == 1
		return err
	})
	return ok, safeError("count rows", err)
}
