package rules

import (
	"slices"
	"strings"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// hotlist is the family for listed vehicles: stolen, wanted, not insured. It tells people about a sighting and decides
// nothing.
type hotlist struct {
	matching datedSeries[hotlistRules]
}

var (
	_ Family  = (*hotlist)(nil)
	_ Matcher = (*hotlist)(nil)
)

const hotlistPurpose schemas.CameraPurpose = 1 << 2

var hotlistInfo = sync.OnceValue(func() *Info {
	return &Info{Family: "hotlist", Purpose: hotlistPurpose, DecidedOn: BestSighting, Period: PeriodPassage, Force: ForceAssistedReview}
})

// Info implements [Family].
func (*hotlist) Info() *Info { return hotlistInfo() }

// Load implements [Family].
func (h *hotlist) Load(s *Sections) {
	declareSeries(s, "matching", (*checker).convertMatching, &h.matching)
}

// Compile implements [Family].
func (h *hotlist) Compile(cam *schemas.Camera) Compiled {
	return Compiled{FirstRead: h, Never: cam == nil || !cam.Purposes.Has(hotlistPurpose)}
}

// hotlistRules selects the matches to tell.
type hotlistRules struct{ exact, confusable bool }

type rawMatching struct {
	Meta       rawProvenance `yaml:",inline"`
	Exact      string        `yaml:"exact"`
	Confusable string        `yaml:"confusable"`
}

func (c *checker) convertMatching(path string, r *rawMatching) datedValue[hotlistRules] {
	return datedValue[hotlistRules]{c.checkProvenance(path, &r.Meta), hotlistRules{
		exact:      c.parseBool(path+".exact", r.Exact),
		confusable: c.parseBool(path+".confusable", r.Confusable),
	}}
}

// Match implements [Matcher]. Hits are ordered by priority, highest first, then by list and entry id. An entry gives
// at most one hit for a read.
//
// A hit is exact when the plates are equal. A hit is confusable in two cases: the entry asks for confusable plates,
// and the plates share the confusion class; or letters and digits are equal, and one side lacks a boundary that a
// German plate needs. Different boundaries never give a hit.
func (h *hotlist) Match(dst []schemas.Hit, r *schemas.Read, p schemas.PassageID, ref Reference) []schemas.Hit {
	if r.Plate.IsZero() {
		return dst
	}
	rule := h.matching.inForceAt(r.CapturedAt)
	if rule == nil {
		return dst
	}
	entries := ref.Entries(nil, r.Class, r.CapturedAt)
	if len(entries) == 0 {
		return dst
	}
	start := len(dst)
	for _, x := range entries {
		m, ok := matchEntry(r, x)
		if !ok || m == schemas.MatchExact && !rule.v.exact || m == schemas.MatchConfusable && !rule.v.confusable {
			continue
		}
		dst = append(dst, schemas.Hit{
			ID: schemas.NewHitID(x.List, x.ID, p, m), Passage: p, Match: m, Entry: x, ReferenceVersion: ref.Version(),
		})
	}
	slices.SortStableFunc(dst[start:], compareHits)
	return dst
}

func matchEntry(r *schemas.Read, x *schemas.ListEntry) (schemas.Match, bool) {
	if r.CapturedAt < x.ValidFrom || x.ValidTo != 0 && r.CapturedAt >= x.ValidTo {
		return 0, false
	}
	if !r.Country.IsZero() && !x.Country.IsZero() && r.Country != x.Country {
		return 0, false
	}
	switch german := r.Country == schemas.Germany || x.Country == schemas.Germany; {
	case r.Plate.Contradicts(x.Plate):
		return 0, false
	case r.Plate == x.Plate && (!german || !r.Plate.Ambiguous()):
		return schemas.MatchExact, true
	case r.Plate.MayEqual(x.Plate): // perhaps another vehicle with the same letters and digits
		return schemas.MatchConfusable, true
	}
	return schemas.MatchConfusable, x.Confusable && x.Plate.Class() == r.Class
}

func compareHits(a, b schemas.Hit) int {
	if d := int(b.Entry.Priority) - int(a.Entry.Priority); d != 0 {
		return d
	}
	if d := strings.Compare(a.Entry.List, b.Entry.List); d != 0 {
		return d
	}
	return strings.Compare(a.Entry.ID, b.Entry.ID)
}
