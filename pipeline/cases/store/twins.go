package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// lockTwins finds the other cases of the plate that the command is about. Until the end of the transaction, no other command
// on a case of the plate and rule goes on: two persons cannot give one plate to two cases at once. The row of the case
// must be locked; nobody who waits here holds what another waits for.
func (s *Store) lockTwins(ctx context.Context, tx session, c *cases.Case, cmd cases.Command, now schemas.Micros) ([]cases.Twin, error) {
	r := cases.StakeOf(c, cmd)
	if r == nil {
		return nil, nil
	}
	_, isPlate := schemas.PlateFrom(r.Plate)
	if _, ok := s.o.Policy().Periods[c.Family]; !ok || !isPlate {
		return nil, nil // no two cases are one, or the command is refused
	}
	b := &pgx.Batch{}
	b.Queue("SELECT pg_advisory_xact_lock(hashtextextended('cases of ' || $1 || ' ' || $2, 0))", string(c.Rule), r.Plate)
	return s.findTwins(ctx, tx, b, c, r, now)
}

// findTwins returns the other cases of the vehicle with the reading, in the period of one offence. They are read after the
// statements that b has, in the same round trip.
func (s *Store) findTwins(ctx context.Context, tx session, b *pgx.Batch, c *cases.Case, r *cases.PlateReading, now schemas.Micros) (out []cases.Twin, err error) {
	period := s.o.Policy().Periods[c.Family]
	from, to, ok := period.Window(c.CapturedAt)
	if ok {
		b.Queue(`SELECT present FROM cases WHERE (plate = $1 OR claimed = $1 AND claimed <> '') AND family = $2 AND captured_at >= $3 AND captured_at < $4 AND case_id <> $5
			AND state NOT IN ('rejected', 'withdrawn', 'expired', 'annulled')`, r.Plate, string(c.Family), from.Time(), to.Time(), uuidOf(c.ID.ID)).Query(func(rows pgx.Rows) error {
			var present []byte
			_, err := pgx.ForEachRow(rows, []any{&present}, func() error {
				var other cases.Case
				damaged := decodeCase(present, &other) // the proof finds such a row
				if damaged == nil {
					other.Settle(now)
					if t, ok := period.IsTwin(c, r, &other); ok {
						out = append(out, t)
					}
				}
				return nil
			})
			return err
		})
	}
	if b.Len() > 0 {
		err = tx.SendBatch(ctx, b).Close()
	}
	return out, err
}
