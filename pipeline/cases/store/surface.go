package store

import (
	"context"
	"errors"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

var errUnbuilt = errors.New("not built yet")

// Taken counts what an intake did.
type Taken struct {
	New       int // cases made
	Repeated  int // offences that were here with the same seal: nothing changed
	Differing int // offences that were here with another seal: the case has an incident
}

// TakeIn makes a case of each offence, in one transaction. A repetition by (offence, attempt) changes nothing; one with
// other sealed bytes opens an incident and overwrites nothing.
func (s *Store) TakeIn(ctx context.Context, in []cases.Intake) (Taken, error) {
	return Taken{}, errUnbuilt
}

// Lease gives the actor at most n (1 to [MaxLeases]) items of the queue: the next due that nobody has. Of second and key,
// it gives none in which the actor acted. No item is no error.
func (s *Store) Lease(ctx context.Context, by *cases.Actor, q cases.Queue, n int, f Filter) ([]cases.Leased, error) {
	return nil, errUnbuilt
}

// LeaseCase gives the actor the lease of one case, when nobody else has it.
func (s *Store) LeaseCase(ctx context.Context, by *cases.Actor, id cases.ID) (cases.Leased, error) {
	return cases.Leased{}, errUnbuilt
}

// Held returns the leases of the user that have not lapsed, with their cases.
func (s *Store) Held(ctx context.Context, user string) ([]cases.Leased, error) {
	return nil, errUnbuilt
}

// Heartbeat extends leases of the user. A lost lease is not in the answer.
func (s *Store) Heartbeat(ctx context.Context, user string, leases []cases.ID) (map[cases.ID]schemas.Micros, error) {
	return nil, errUnbuilt
}

// GiveBack ends a lease. With skip, the case records a skip.
func (s *Store) GiveBack(ctx context.Context, by *cases.Actor, lease cases.ID, skip bool) error {
	return errUnbuilt
}

// NotePicture notes that the office served a picture of the case under the user's lease.
func (s *Store) NotePicture(ctx context.Context, user string, id cases.ID, sum schemas.Digest) error {
	return errUnbuilt
}

// SavePreview keeps the answer of the rules for a plate that the holder of a lease proposes.
func (s *Store) SavePreview(ctx context.Context, by *cases.Actor, id cases.ID, reading cases.PlateReading, a cases.Answer) (cases.Preview, error) {
	return cases.Preview{}, errUnbuilt
}

// Request is a command for one case.
type Request struct {
	Case      cases.ID
	IfVersion int64    // version that the caller saw; 0 = any, for jobs
	Key       string   // idempotency key; "" = none, for jobs
	Lease     cases.ID // lease of the caller; zero = none
	Command   cases.Command
	By        cases.Actor
}

// Done is the answer to a command.
type Done struct {
	Event *cases.Event  // nil = nothing changed
	Case  cases.Case    // after the event, as of its time
	Lease *cases.Leased // after an undo: the item again
	Again bool          // the key was used before: this is the first answer
}

// Do does a command in one transaction. The error is a [*cases.Refusal] when the command may not be done.
func (s *Store) Do(ctx context.Context, r *Request) (Done, error) { return Done{}, errUnbuilt }

// Dossier is all that the database knows about a case.
type Dossier struct {
	Case   cases.Case
	Sealed []byte
	Events []cases.Event
	Lease  *cases.Lease // nil = nobody has the case
}

// Get returns a case with its events. An unknown id is a refusal of [cases.CodeNotFound].
func (s *Store) Get(ctx context.Context, id cases.ID) (*Dossier, error) { return nil, errUnbuilt }

// Filter selects cases. A zero field selects all. Zones and Regimes bound what the caller may see.
type Filter struct {
	Zones        []string
	Regimes      []cases.Regime
	Queue        cases.Queue
	States       []cases.State
	Family       schemas.Family
	Zone         string
	Municipality uint32
	Site         string
	Camera       string
	DueBefore    schemas.Micros
	CapturedFrom schemas.Micros
	CapturedTo   schemas.Micros
	Mark         string
	HoldReason   string
	HoldDue      schemas.Micros // holds that end before
	AmountFrom   int64          // cents
	AmountTo     int64
	Plate        string // as sealed or as corrected
	Offence      schemas.OffenceID
	Number       string
}

// Row is a case in a list, with its lease.
type Row struct {
	Case       cases.Case
	LeaseUser  string
	LeaseUntil schemas.Micros
}

// List returns at most limit cases, by due time and then age, and the cursor of the next page; "" = no more.
func (s *Store) List(ctx context.Context, f Filter, after string, limit int) (rows []Row, next string, err error) {
	return nil, "", errUnbuilt
}

// Count returns the number of cases that the filter selects.
func (s *Store) Count(ctx context.Context, f Filter) (int64, error) { return 0, errUnbuilt }

// WorkCount is the number of cases of a queue by due class and zone.
type WorkCount struct {
	Queue cases.Queue
	Due   string // overdue, today, three_days, later
	Zone  string
	N     int64
	Free  int64 // that nobody has
}

// HoldCount is the number of holds of a reason.
type HoldCount struct {
	Reason string
	N      int64
	Oldest schemas.Micros // beginning of the oldest hold
	Next   schemas.Micros // nearest end of a hold; 0 = none known
}

// Counts returns the numbers of the work list.
func (s *Store) Counts(ctx context.Context, zones []string, regimes []cases.Regime) ([]WorkCount, []HoldCount, error) {
	return nil, nil, errUnbuilt
}

// Totals are the numbers of a snapshot.
type Totals struct {
	Cases    int64 // all, with attempts
	Offences int64 // distinct
	Attempts int64 // cases beyond the first of an offence
	ByState  map[cases.State]int64
	Events   int64
	Outbox   int64          // events that wait for publication
	Oldest   schemas.Micros // recorded_at of the oldest of them; 0 = none
}

// Totals returns the numbers in one snapshot.
func (s *Store) Totals(ctx context.Context) (Totals, error) { return Totals{}, errUnbuilt }

// MyLast returns the user's last n answers, newest first.
func (s *Store) MyLast(ctx context.Context, user string, n int) ([]cases.Event, error) {
	return nil, errUnbuilt
}

// Sweep writes what the clock has done: verdicts that took effect, holds by hand that ended, cases overdue or to drop. It
// returns the number of rows. A call does a bounded part; any office may call it, each second.
func (s *Store) Sweep(ctx context.Context) (int, error) { return 0, errUnbuilt }

// DueHolds claims for a minute at most limit cases that must be decided again now.
func (s *Store) DueHolds(ctx context.Context, limit int) ([]cases.Case, error) {
	return nil, errUnbuilt
}

// HoldsTouching claims for a minute at most limit holds of the reasons that were not yet looked at under the reference
// version.
func (s *Store) HoldsTouching(ctx context.Context, reasons []string, reference string, limit int) ([]cases.Case, error) {
	return nil, errUnbuilt
}

// Outbox returns at most limit events to publish, in order of n for each case. Only one store at a time gets events.
func (s *Store) Outbox(ctx context.Context, limit int) ([]cases.Review, error) {
	return nil, errUnbuilt
}

// Published removes events from the outbox.
func (s *Store) Published(ctx context.Context, events []cases.ID) error { return errUnbuilt }

// Revive asks the reviver for each case that ended because of its read, at most limit, and takes in what stands.
func (s *Store) Revive(ctx context.Context, r cases.Reviver, limit int) (int, error) {
	return 0, errUnbuilt
}

// HourCount is the number of cases of attempt 1 by hour of capture.
type HourCount struct {
	Hour schemas.Micros
	N    int64
}

// CountByHour counts the cases of attempt 1 with a capture in [from, to), by hour.
func (s *Store) CountByHour(ctx context.Context, from, to schemas.Micros) ([]HourCount, error) {
	return nil, errUnbuilt
}

// Missing returns those of the offences that are no case.
func (s *Store) Missing(ctx context.Context, offences []schemas.OffenceID) ([]schemas.OffenceID, error) {
	return nil, errUnbuilt
}

// Mismatch is a case whose row or events do not hold.
type Mismatch struct {
	Case    cases.ID
	Problem string
}

// Rebuild folds the events of at most limit cases after an id, and compares each with its row. last is the id to go on
// after; zero = the end.
func (s *Store) Rebuild(ctx context.Context, after cases.ID, limit int) (bad []Mismatch, last cases.ID, n int, err error) {
	return nil, cases.ID{}, 0, errUnbuilt
}

// OpenIncident is an incident that nobody has closed.
type OpenIncident struct {
	Case     cases.ID
	N        int64
	Kind     cases.IncidentKind
	Text     string
	OpenedAt schemas.Micros
}

// Incidents returns open incidents of the zones and regimes, oldest first.
func (s *Store) Incidents(ctx context.Context, zones []string, regimes []cases.Regime, limit int) ([]OpenIncident, error) {
	return nil, errUnbuilt
}

// DeleteExpired deletes idempotency keys and previews that are over. Any office may call it, hourly.
func (s *Store) DeleteExpired(ctx context.Context) error { return errUnbuilt }

var _ = time.Second
