package bench

import (
	"encoding/json"
	"errors"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// Got collects a pipeline's delivered results. A repeated message counts once. The zero value is ready; a single
// goroutine uses it.
type Got struct {
	hits     map[string]gotHit
	offences map[string]gotOffence
}

type gotHit struct {
	ExpectedHit
	camera   string
	received schemas.Micros // when the gateway had the read
}

type gotOffence struct {
	family string
	read   schemas.ReadID
	class  schemas.Class
	day    schemas.Day
}

// AddHit adds a message from anpr.hits.v1.
func (g *Got) AddHit(h *anprv1.Hit) {
	if g.hits == nil {
		g.hits = map[string]gotHit{}
	}
	m := schemas.MatchConfusable
	if h.GetMatch() == schemas.MatchExact.String() {
		m = schemas.MatchExact
	}
	x := gotHit{camera: h.GetCameraId(), received: schemas.Micros(h.GetReceivedAtUs())}
	x.ExpectedHit = ExpectedHit{List: h.GetList(), Entry: h.GetEntryId(), Match: m, At: schemas.Micros(h.GetCapturedAtUs())}
	g.hits[string(h.GetHitId())] = x
}

// AddOffence adds a message from anpr.offences.v1, candidate or held.
func (g *Got) AddOffence(o *anprv1.Offence) {
	if g.offences == nil {
		g.offences = map[string]gotOffence{}
	}
	x := gotOffence{family: o.GetFamily(), day: schemas.Micros(o.GetCapturedAtUs()).Day()}
	copy(x.read.ID[:], o.GetReadId())
	if p, ok := schemas.PlateFrom(o.GetPlate()); ok {
		x.class = p.Class()
	}
	g.offences[string(o.GetOffenceId())] = x
}

// ResultTally compares results in one kind. Expected = Found + Missing; Optional counts correct rows beyond the
// required ones.
type ResultTally struct {
	Expected int `json:"expected"`
	Found    int `json:"found"`
	Missing  int `json:"missing"`
	Extra    int `json:"extra"`
	Optional int `json:"optional"`
}

func (t *ResultTally) addExpected(found bool) {
	t.Expected++
	t.Found += boolToInt(found)
	t.Missing += boolToInt(!found)
}

// TruthReport compares delivered results with expected results.
type TruthReport struct {
	tallies map[string]*ResultTally
	// MissingHits and ExtraHits name at most ten of each: list, entry, site, match and time, no plate.
	MissingHits []ExpectedHit
	ExtraHits   []ExpectedHit
}

// Of returns the tally for a kind in Kinds.
func (r *TruthReport) Of(kind string) *ResultTally {
	if r.tallies == nil {
		r.tallies = map[string]*ResultTally{}
	}
	if r.tallies[kind] == nil {
		r.tallies[kind] = &ResultTally{}
	}
	return r.tallies[kind]
}

// Tallies returns all tallies by kind.
func (r *TruthReport) Tallies() map[string]ResultTally {
	out := map[string]ResultTally{}
	for _, kind := range Kinds() {
		out[kind] = *r.Of(kind)
	}
	return out
}

// Sum returns the tally over all kinds together.
func (r *TruthReport) Sum() (t ResultTally) {
	for _, kind := range Kinds() {
		x := r.Of(kind)
		t = ResultTally{t.Expected + x.Expected, t.Found + x.Found, t.Missing + x.Missing, t.Extra + x.Extra, t.Optional + x.Optional}
	}
	return t
}

// MarshalJSON writes each kind's tally under the kind's name.
func (r *TruthReport) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	add := func(name string, v any) error {
		x, err := json.Marshal(v)
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), '"', ':')
		b = append(b, x...)
		return err
	}
	var errs []error
	for _, kind := range Kinds() {
		errs = append(errs, add(kind, r.Of(kind)))
	}
	if len(r.MissingHits) > 0 {
		errs = append(errs, add("missing_hits", r.MissingHits))
	}
	if len(r.ExtraHits) > 0 {
		errs = append(errs, add("extra_hits", r.ExtraHits))
	}
	return append(b, '}'), errors.Join(errs...)
}

// Exact reports whether every expected result was found and no other.
func (r *TruthReport) Exact() bool {
	t := r.Sum()
	return t.Missing == 0 && t.Extra == 0
}

// Compare compares a pipeline's delivered results with the truth. window is the pipeline's passage window. Two
// expected hits within the window, on the same entry and at the same site, are a single passage. A hit counts as found
// when its capture time is within the window around the expected time. A hit beyond the expected ones is optional when
// another one of the same passage was received more than [passageKept] before or after: the pipeline keeps no passage
// so long, and tells the second read rather than risk silence.
func (h *Truth) Compare(got *Got, window schemas.Micros) *TruthReport {
	r := &TruthReport{}
	for _, o := range h.oracles {
		o.compareResults(h, r, got, window)
	}
	return r
}
