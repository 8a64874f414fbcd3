package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// readerTime is how long a store stays the reader of the outbox after its last call.
const readerTime = 3 * time.Second

// Outbox returns at most limit events to publish, in order of n for each case. One store at a time gets events: another
// gets none until the reader has been silent for 3 seconds. Events come again until [Store.Published] removes them, so
// none is lost, and some may be published twice.
func (s *Store) Outbox(ctx context.Context, limit int) ([]cases.Review, error) {
	tag, err := s.pool.Exec(ctx, `UPDATE outbox_reader SET reader = $1, until = clock_timestamp() + $2::interval + $3::interval
		WHERE reader = $1 OR until < clock_timestamp() + $2::interval`, uuidOf(s.reader.ID), s.shift(), readerTime)
	if err != nil || tag.RowsAffected() == 0 {
		return nil, safeError("become the reader of the outbox", err)
	}
	rows, err := s.pool.Query(ctx, "SELECT body FROM outbox ORDER BY seq LIMIT $1", limit)
	if err != nil {
		return nil, safeError("read the outbox", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r cases.Review, err error) {
		var body []byte
		if err = row.Scan(&body); err == nil {
			err = json.Unmarshal(body, &r)
		}
		return r, err
	})
	return out, safeError("read the outbox", err)
}

// Published removes events from the outbox. An event that is not there is no error.
func (s *Store) Published(ctx context.Context, events []cases.ID) error {
	ids := make([][16]byte, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	_, err := s.pool.Exec(ctx, "DELETE FROM outbox WHERE event_id = ANY ($1)", ids)
	return safeError("empty the outbox", err)
}

// DeleteExpired deletes idempotency keys, previews and ended leases. Any office may call it, hourly.
func (s *Store) DeleteExpired(ctx context.Context) error {
	b := &pgx.Batch{}
	b.Queue("DELETE FROM case_keys WHERE taken_at < clock_timestamp() - $1::interval", KeyTime)
	b.Queue("DELETE FROM case_previews WHERE made_at < clock_timestamp() + $1::interval - interval '1 day'", s.shift())
	b.Queue(`DELETE FROM case_leases l USING cases c WHERE c.case_id = l.case_id AND (c.lease_id IS DISTINCT FROM l.lease_id OR c.lease_until < clock_timestamp() + $1::interval - interval '1 day')`, s.shift())
	b.Queue("SELECT delete_answered_transmissions()")
	b.Queue("DELETE FROM transmission_obstacles o USING cases c WHERE c.case_id = o.case_id AND c.state <> 'confirmed'")
	return safeError("delete what is over", s.pool.SendBatch(ctx, b).Close())
}
