package ingest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// sitePairs is a family that pairs the passages of a vehicle at two sites, as a control of average speed does. It
// holds every pair, names the nearest partner in the offence and every partner in the trace: a history with one
// passage less gives another decision.
type sitePairs struct{}

var (
	_ rules.Family    = sitePairs{}
	_ rules.Evaluator = sitePairs{}

	_ rules.PassageMatcher = sitePairs{}
)

// pairsList names the hits of the family that pairs sites.
const pairsList = "pairs"

// simHistory is for how long the simulation remembers closed passages.
const simHistory = schemas.Minute

var sitePairsInfo = &rules.Info{
	Family: "site_pairs", Rule: "sim.site_pairs", Purpose: 1 << 3, DecidedOn: rules.BestSighting, Period: rules.PeriodPair,
	Reasons: []string{"paired"}, History: simHistory, Force: rules.ForceAssistedReview,
}

func (sitePairs) Info() *rules.Info    { return sitePairsInfo }
func (sitePairs) Load(*rules.Sections) {}
func (f sitePairs) Compile(cam *schemas.Camera) rules.Compiled {
	return rules.Compiled{Passage: f, Closed: f, Never: cam == nil}
}

func (sitePairs) findPartners(s *rules.Subject) []schemas.PastPassage {
	if s.History == nil || s.Passage.Parked {
		return nil
	}
	at := s.Passage.Best.CapturedAt
	all := s.History.Passages(nil, s.Passage.Class, at-12*schemas.Hour, at+12*schemas.Hour)
	return slices.DeleteFunc(all, func(p schemas.PastPassage) bool {
		return p.Site == s.Camera.SiteHash || p.Plate != s.Passage.Best.Plate || p.ID == s.Passage.ID
	})
}

// MatchPassage tells of a passage with its latest partner, by name: a history with another one tells something else.
func (f sitePairs) MatchPassage(dst []schemas.Hit, s *rules.Subject, ref rules.Reference) []schemas.Hit {
	partners := f.findPartners(s)
	if len(partners) == 0 {
		return dst
	}
	name, p := pairsList+"/"+partners[len(partners)-1].ID.String(), s.Passage.ID
	return append(dst, schemas.Hit{
		ID: schemas.NewHitID(pairsList, name, p, schemas.MatchExact), Passage: p, Match: schemas.MatchExact, ReferenceVersion: ref.Version(),
		Entry: &schemas.ListEntry{List: pairsList, ID: name, Plate: s.Passage.Best.Plate, Reason: "paired"},
	})
}

func (f sitePairs) Precheck(s *rules.Subject, _ rules.Reference) rules.Precheck {
	if len(f.findPartners(s)) == 0 {
		return rules.NotApplicable
	}
	return rules.Evaluate
}

func (f sitePairs) Evaluate(b *rules.DecisionBuilder, s *rules.Subject, _ rules.Reference) {
	d, own := b.Decision(), s.Passage.ID
	d.Outcome, d.Reason = schemas.OutcomeClear, "not_applicable"
	nearest, least := schemas.PassageID{}, schemas.Micros(-1)
	for _, p := range f.findPartners(s) {
		d.Trace = append(d.Trace, schemas.Step{Code: "pair", Holds: true, Args: []string{p.ID.String(), p.CapturedAt.String()}, Verified: true})
		away := max(p.CapturedAt-s.Passage.Best.CapturedAt, s.Passage.Best.CapturedAt-p.CapturedAt)
		if least < 0 || away < least {
			nearest, least = p.ID, away
		}
	}
	if least < 0 {
		return
	}
	first, second := own, nearest
	if bytes.Compare(first.ID[:], second.ID[:]) > 0 {
		first, second = second, first
	}
	d.Offence = schemas.NewOffenceID(d.Rule, d.On.Plate, schemas.Country{}, slices.Concat(first.ID[:], second.ID[:]))
	d.ExclusionKey = rules.ExclusionKeyOf(d.Rule, d.Family, d.On.Plate, s.Camera.Site, d.On.CapturedAt)
	d.Outcome, d.Reason = schemas.OutcomeHeld, "paired"
	if _, seen := s.Prior.ByID(d.Offence); seen {
		d.Outcome = schemas.OutcomeDuplicate
	}
}

var simVersions = sync.OnceValue(func() *shard.Versions { return simVersionsOf(simRegistered()) })

// simVersionsOf has an engine that is compiled for the registry's cameras, as in the program.
func simVersionsOf(r *simRegistry) *shard.Versions {
	return &shard.Versions{Reference: r, Engine: rules.NewEngine(simEngine().Catalogue(), slices.Collect(maps.Values(r.cams)), sitePairs{})}
}

func firstDifference(want, got []string) string {
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("missing %.160q", want[i])
		case i >= len(want):
			return fmt.Sprintf("too many %.160q", got[i])
		case want[i] != got[i]:
			return fmt.Sprintf("want %.160q, got %.160q", want[i], got[i])
		}
	}
	return "none"
}
