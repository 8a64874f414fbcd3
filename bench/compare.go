package bench

import (
	"cmp"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// Got is what a pipeline delivered. Messages delivered twice count once. The zero value is ready; it is used by one goroutine.
type Got struct {
	hits     map[string]ExpectedHit
	cameras  map[string]string // hit id -> camera
	offences map[string]gotOffence
}

type gotOffence struct {
	family string
	read   schemas.ReadID
	class  schemas.Class
	day    schemas.Day
}

// AddHit adds one message of anpr.hits.v1.
func (g *Got) AddHit(h *anprv1.Hit) {
	if g.hits == nil {
		g.hits, g.cameras = map[string]ExpectedHit{}, map[string]string{}
	}
	m := schemas.MatchConfusable
	if h.GetMatch() == schemas.MatchExact.String() {
		m = schemas.MatchExact
	}
	id := string(h.GetHitId())
	g.hits[id] = ExpectedHit{List: h.GetList(), Entry: h.GetEntryId(), Match: m, At: schemas.Micros(h.GetCapturedAtUs())}
	g.cameras[id] = h.GetCameraId()
}

// AddOffence adds one message of anpr.offences.v1, candidate or held.
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

// Tally compares one kind of result. Expected = Found + Missing; Optional are rows that were right and not required.
type Tally struct {
	Expected int `json:"expected"`
	Found    int `json:"found"`
	Missing  int `json:"missing"`
	Extra    int `json:"extra"`
	Optional int `json:"optional"`
}

func (t *Tally) add(found bool) {
	t.Expected++
	t.Found += count(found)
	t.Missing += count(!found)
}

// Report is what was found of what had to be.
type Report struct {
	Hits  Tally `json:"hits"`
	Speed Tally `json:"speed"`
	LEZ   Tally `json:"lez"`
	// MissingHits and ExtraHits name at most ten of each: list, entry, site, match and time, no plate.
	MissingHits []ExpectedHit `json:"missing_hits,omitempty"`
	ExtraHits   []ExpectedHit `json:"extra_hits,omitempty"`
}

// Exact reports whether everything was found and nothing else.
func (r *Report) Exact() bool {
	return r.Hits.Missing+r.Hits.Extra+r.Speed.Missing+r.Speed.Extra+r.LEZ.Missing+r.LEZ.Extra == 0
}

// Compare holds what a pipeline delivered against the truth. window is the pipeline's passage window: two expected hits of one entry at one
// site within it are one passage, and a hit counts as found when its capture time is within it of the expected one.
func (h *Truth) Compare(got *Got, window schemas.Micros) *Report {
	r := &Report{}
	h.compareHits(r, got, window)
	h.compareOffences(r, got, window)
	return r
}

type hitKey struct {
	list, entry, site string
	match             schemas.Match
}

func (h *Truth) compareHits(r *Report, got *Got, window schemas.Micros) {
	want, have := map[hitKey][]schemas.Micros{}, map[hitKey][]schemas.Micros{}
	for _, x := range h.hits {
		k := hitKey{x.List, x.Entry, x.Site, x.Match}
		want[k] = append(want[k], x.At)
	}
	for id, x := range got.hits {
		site, _ := h.city.SiteOf(got.cameras[id])
		k := hitKey{x.List, x.Entry, site, x.Match}
		have[k] = append(have[k], x.At)
		if _, ok := want[k]; !ok {
			want[k] = nil
		}
	}
	keys := make([]hitKey, 0, len(want))
	for k := range want {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b hitKey) int {
		return cmp.Or(cmp.Compare(a.list, b.list), cmp.Compare(a.entry, b.entry), cmp.Compare(a.site, b.site), cmp.Compare(a.match, b.match))
	})
	for _, k := range keys {
		r.pair(k, merge(want[k], window), merge(have[k], 0), window)
	}
}

// merge sorts times and drops those that follow the one before within window.
func merge(at []schemas.Micros, window schemas.Micros) []schemas.Micros {
	slices.Sort(at)
	out := make([]schemas.Micros, 0, len(at))
	for i, x := range at {
		if i > 0 && window > 0 && x-at[i-1] <= window {
			continue
		}
		out = append(out, x)
	}
	return out
}

// pair walks two sorted lists and pairs times within window.
func (r *Report) pair(k hitKey, want, have []schemas.Micros, window schemas.Micros) {
	named := func(at schemas.Micros) ExpectedHit { return ExpectedHit{k.list, k.entry, k.site, k.match, at} }
	for len(want) > 0 || len(have) > 0 {
		switch {
		case len(have) == 0 || len(want) > 0 && want[0] < have[0]-window:
			r.Hits.add(false)
			if len(r.MissingHits) < 10 {
				r.MissingHits = append(r.MissingHits, named(want[0]))
			}
			want = want[1:]
		case len(want) == 0 || have[0] < want[0]-window:
			r.Hits.Extra++
			if len(r.ExtraHits) < 10 {
				r.ExtraHits = append(r.ExtraHits, named(have[0]))
			}
			have = have[1:]
		default:
			r.Hits.add(true)
			want, have = want[1:], have[1:]
		}
	}
}

type lezKey struct {
	class schemas.Class
	day   schemas.Day
}

func (h *Truth) compareOffences(r *Report, got *Got, window schemas.Micros) {
	speeds := map[schemas.ReadID]bool{}
	lez := map[lezKey]bool{}
	for _, o := range got.offences {
		switch schemas.Family(o.family) {
		case schemas.FamilySpeed:
			speeds[o.read] = true
		case schemas.FamilyLEZ:
			if LEZKnown(o.day) {
				lez[lezKey{o.class, o.day}] = true
			}
		case schemas.FamilyHotlist: // makes hits, not offences
		}
	}
	h.compareSpeeds(r, speeds, window)
	for _, x := range h.LEZ() {
		k := lezKey{x.Class, x.Day}
		switch {
		case x.Must:
			r.LEZ.add(lez[k])
		case lez[k]:
			r.LEZ.Optional++
		}
		delete(lez, k)
	}
	r.LEZ.Extra = len(lez)
}

// oneOffence is how near two excesses of a plate at a site are one offence, see one_offence in rules/catalog/brussels/speed.yaml.
const oneOffence = schemas.Minute

// compareSpeeds holds the reads that became speed offences against the excesses. Of excesses nearer than oneOffence that name one plate any
// one must be an offence, and a second is one too many: which it is depends on what the pipeline saw first. Of those that name two
// plates of one class each must be one. An excess that may have been a lookalike's need not be one.
func (h *Truth) compareSpeeds(r *Report, got map[schemas.ReadID]bool, window schemas.Micros) {
	at := map[place][]*ExpectedSpeed{}
	for i := range h.speeds {
		x := &h.speeds[i]
		site, _ := h.city.SiteOf(x.Camera)
		at[place{x.Class, site}] = append(at[place{x.Class, site}], x)
	}
	for place, all := range at {
		var found []*ExpectedSpeed
		for _, x := range all {
			if got[x.Read] {
				found = append(found, x)
			}
		}
		near := func(x *ExpectedSpeed) (n int) {
			for _, f := range found {
				n += count(f.plate == x.plate && max(f.At, x.At)-min(f.At, x.At) < oneOffence)
			}
			return n
		}
		for _, x := range all {
			n := near(x)
			switch {
			case !got[x.Read] && (n > 0 || h.mistakable(x, place, window)):
				r.Speed.Optional++
			default:
				r.Speed.add(got[x.Read])
			}
			if got[x.Read] && n > 1 {
				r.Speed.Extra++
			}
			delete(got, x.Read)
		}
	}
	r.Speed.Extra += len(got)
}
