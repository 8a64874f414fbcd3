package rules

import (
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// hotlistRules says which matches may be told.
type hotlistRules struct{ exact, confusable bool }

type rawMatching struct {
	Meta       rawMeta `yaml:",inline"`
	Exact      string  `yaml:"exact"`
	Confusable string  `yaml:"confusable"`
}

func (c *checker) matching(path string, r *rawMatching) entry[hotlistRules] {
	return entry[hotlistRules]{c.meta(path, &r.Meta), hotlistRules{
		exact:      c.boolean(path+".exact", r.Exact),
		confusable: c.boolean(path+".confusable", r.Confusable),
	}}
}

// Hits appends the list entries a read meets, highest priority first, then by list and entry id. An entry is met exactly
// when the plates are equal, and confusably when they only share the confusion class and the entry asks for that; never
// both. It is also met confusably, asked or not, when the letters and digits are equal and a boundary that a German plate needs is missing on one
// side; never when the boundaries differ. Only cameras authorised for the purpose match. Call it with the first read of a passage. A read that meets nothing
// costs no allocation.
func (e *Engine) Hits(dst []schemas.Hit, r *schemas.Read, p schemas.PassageID, cam *schemas.Camera, ref Reference) []schemas.Hit {
	if cam == nil || !cam.Purposes.Has(schemas.PurposeHotlist) || r.Plate.IsZero() {
		return dst
	}
	rule := e.cat.hotlist.at(r.CapturedAt)
	if rule == nil {
		return dst
	}
	entries := ref.Entries(nil, r.Class, r.CapturedAt)
	if len(entries) == 0 {
		return dst
	}
	start := len(dst)
	for _, x := range entries {
		m, ok := match(r, x)
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

func match(r *schemas.Read, x *schemas.ListEntry) (schemas.Match, bool) {
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
	case r.Plate.MayEqual(x.Plate): // perhaps the other vehicle of the same letters and digits
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
