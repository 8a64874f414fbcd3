package ingest

import (
	"encoding/json"
	"fmt"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// Plan is the metadata in an offset commit. While a batch is under way the plan names the range to insert, so the
// partition's next owner makes exactly the same batch; between batches Start equals End. Rewind tells where to read
// back the shard's state from. Example:
//
//	{"v":1,"s":1200,"e":1450,"rw":310,"rwc":1763755200000000,"cat":"9d0c","ref":"3f9c"}
type Plan struct {
	Version     int                `json:"v"`
	Start       int64              `json:"s"`
	End         int64              `json:"e"`
	Rewind      int64              `json:"rw"`            // first offset in the horizon before Start
	RewindClock schemas.Micros     `json:"rwc"`           // log clock before the record at Rewind
	Anchors     []shard.AnchorMark `json:"rwa,omitempty"` // the shard's anchors at Rewind
	Horizon     schemas.Micros     `json:"h,omitempty"`   // log time between Rewind and Start; 0 = the horizon without a history
	// The versions whose lists were matched against the remembered vehicles at Start.
	MatchedCatalogue string `json:"mc,omitempty"`
	MatchedReference string `json:"mr,omitempty"`
	// Activation in force for the batch under way, or at Start; "" = before the first. Committed alone, with nothing under
	// way, before anything is decided under a new one.
	Activation string `json:"act,omitempty"`
	Catalogue  string `json:"cat,omitempty"`
	Reference  string `json:"ref,omitempty"`
}

const planVersion = 1

// newPlan returns the commit for offset, with nothing under way, when the shard has processed every record before
// offset.
func newPlan(s *shard.Shard, offset int64) Plan {
	w, m := s.Rewind(), s.Matched()
	return Plan{
		Version: planVersion, Start: offset, End: offset, Horizon: s.HistoryHorizon(),
		Rewind: min(w.Offset, offset), RewindClock: w.Clock, Anchors: w.Anchors,
		MatchedCatalogue: m.Catalogue, MatchedReference: m.Reference,
	}
}

// rewindPoint returns the position for reading back the state before Start.
func (p *Plan) rewindPoint() shard.Rewind {
	return shard.Rewind{Offset: p.Rewind, Clock: p.RewindClock, Anchors: p.Anchors}
}

func (p *Plan) matchedVersions() shard.VersionNames {
	return shard.VersionNames{Catalogue: p.MatchedCatalogue, Reference: p.MatchedReference}
}

// String returns the metadata text.
func (p Plan) String() string {
	p.Version = planVersion
	b, err := json.Marshal(p)
	if err != nil {
		panic("BUG: a plan does not marshal: " + err.Error())
	}
	return string(b)
}

// ParsePlan reads the metadata in the commit at offset. Empty metadata (a group that never ran, or offsets set by
// hand) gives a plan with nothing under way and the state read back from offset 0. A plan in conflict with its offset
// is an error: guessing here would lose or repeat reads.
func ParsePlan(metadata string, offset int64) (Plan, error) {
	if metadata == "" {
		return Plan{Version: planVersion, Start: offset, End: offset}, nil
	}
	var p Plan
	if err := json.Unmarshal([]byte(metadata), &p); err != nil {
		return p, fmt.Errorf("parse commit metadata %.120q: %w", metadata, err)
	}
	if p.Version != planVersion {
		return p, fmt.Errorf("commit metadata version %d, this program knows %d: finish with the version that wrote it", p.Version, planVersion)
	}
	if p.Start != offset || p.End < p.Start || p.Rewind > p.Start || p.Rewind < 0 {
		return p, fmt.Errorf("commit metadata %.120q does not fit committed offset %d", metadata, offset)
	}
	return p, nil
}

// UnderWay reports whether a batch was planned and not yet committed.
func (p Plan) UnderWay() bool { return p.End > p.Start }
