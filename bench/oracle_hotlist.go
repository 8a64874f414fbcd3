package bench

import (
	"cmp"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

const (
	kindHits       = "hits"
	purposeHotlist = schemas.CameraPurpose(1 << 2)
)

// hotlistOracle keeps the listed plates and the sites they passed.
type hotlistOracle struct {
	hits []ExpectedHit
}

// ExpectedHit is a listed plate passing a site.
type ExpectedHit struct {
	List, Entry, Site string
	Match             schemas.Match
	At                schemas.Micros // capture time of the first matching read
}

// Hits returns the expected hits so far, in the order they must fire.
func (h *Truth) Hits() []ExpectedHit { return oracleIn[*hotlistOracle](h).hits }

func (*hotlistOracle) kindName() string { return kindHits }
func (*hotlistOracle) cameraPurpose() (schemas.CameraPurpose, string) {
	return purposeHotlist, "hotlist"
}
func (*hotlistOracle) expectResults(*Traffic, *passing) {} // a hit fires at the read

// addRead implements [oracle].
func (o *hotlistOracle) addRead(t *Traffic, p *passing, s *plannedRead) {
	v := &t.city.vehicles[p.vehicle]
	cam := &t.city.cameras[s.camera]
	if p.last != 0 && s.captured-p.last > onePassage {
		p.hits = 0
	}
	p.last = s.captured
	if v.listed == 0 || !cam.Purposes.Has(purposeHotlist) {
		return
	}
	for k, i := range t.city.listed[v.listed-1].entries {
		e := &t.city.entries[i]
		m := matchEntry(e, s.plate, s.captured)
		bit := uint64(m) << (2 * (k % 32))
		if m == 0 || p.hits&bit != 0 {
			continue
		}
		p.hits |= bit
		o.hits = append(o.hits, ExpectedHit{e.List, e.ID, cam.Site, m, s.captured})
	}
}

// matchEntry returns how a plate as read matches a list entry at a time; 0 means no match.
func matchEntry(e *schemas.ListEntry, p schemas.Plate, at schemas.Micros) schemas.Match {
	switch {
	case at < e.ValidFrom || e.ValidTo != 0 && at >= e.ValidTo:
		return 0
	case e.Plate == p:
		return schemas.MatchExact
	case e.Confusable:
		return schemas.MatchConfusable
	default:
		return 0
	}
}

type hitKey struct {
	list, entry, site string
	match             schemas.Match
}

// compareResults implements [oracle].
func (o *hotlistOracle) compareResults(h *Truth, r *TruthReport, got *Got, window schemas.Micros) {
	want, have := map[hitKey][]schemas.Micros{}, map[hitKey][]gotHit{}
	for _, x := range o.hits {
		k := hitKey{x.List, x.Entry, x.Site, x.Match}
		want[k] = append(want[k], x.At)
	}
	for _, x := range got.hits {
		site, _ := h.city.SiteOf(x.camera)
		k := hitKey{x.List, x.Entry, site, x.Match}
		have[k] = append(have[k], x)
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
		r.pairHits(k, mergeTimes(want[k], window), have[k], window)
	}
}

// mergeTimes sorts the times and drops each time that follows another within window.
func mergeTimes(at []schemas.Micros, window schemas.Micros) []schemas.Micros {
	slices.Sort(at)
	out := make([]schemas.Micros, 0, len(at))
	for i, x := range at {
		if i > 0 && x-at[i-1] <= window {
			continue
		}
		out = append(out, x)
	}
	return out
}

// pairHits walks the expected times and the hits in the order of capture, and pairs those within window.
func (r *TruthReport) pairHits(k hitKey, want []schemas.Micros, have []gotHit, window schemas.Micros) {
	named := func(at schemas.Micros) ExpectedHit { return ExpectedHit{k.list, k.entry, k.site, k.match, at} }
	slices.SortFunc(have, func(a, b gotHit) int { return cmp.Compare(a.At, b.At) })
	for i := 0; len(want) > 0 || i < len(have); {
		switch {
		case i == len(have) || len(want) > 0 && want[0] < have[i].At-window:
			r.Of(kindHits).addExpected(false)
			if len(r.MissingHits) < 10 {
				r.MissingHits = append(r.MissingHits, named(want[0]))
			}
			want = want[1:]
		case len(want) == 0 || have[i].At < want[0]-window:
			if outlivesPassage(have, i, window) {
				r.Of(kindHits).Optional++
			} else {
				r.Of(kindHits).Extra++
				if len(r.ExtraHits) < 10 {
					r.ExtraHits = append(r.ExtraHits, named(have[i].At))
				}
			}
			i++
		default:
			r.Of(kindHits).addExpected(true)
			want, i = want[1:], i+1
		}
	}
}

// RepeatedHits returns the number of hits of a passage that was told before and forgotten meanwhile, see [passageKept].
func (r *TruthReport) RepeatedHits() int { return r.Of(kindHits).Optional }

// passageKept is the log time for which the pipeline keeps a decided passage, for late reads to join.
const passageKept = schemas.Minute

// outlivesPassage reports whether hit i has a neighbour of its passage that was received more than passageKept before
// or after it.
func outlivesPassage(hits []gotHit, i int, window schemas.Micros) bool {
	x := &hits[i]
	for j := range hits {
		y := &hits[j]
		if j != i && max(x.At, y.At)-min(x.At, y.At) <= window && max(x.received, y.received)-min(x.received, y.received) > passageKept {
			return true
		}
	}
	return false
}
