package ingest

import (
	"encoding/json"
	"fmt"

	"github.com/gvc-brussels/anpr/schemas"
)

// Plan is the metadata of an offset commit. While a batch is under way it says which range is going to be inserted, so
// that the next owner of the partition can make exactly the same batch; between batches Start equals End. It also says
// from where the shard's state must be read back. Example of its text:
//
//	{"v":1,"s":1200,"e":1450,"rw":310,"rwc":1763755200000000,"cat":"9d0c","ref":"3f9c"}
type Plan struct {
	Version     int            `json:"v"`
	Start       int64          `json:"s"`
	End         int64          `json:"e"`
	Rewind      int64          `json:"rw"`            // first offset of the horizon before Start
	RewindClock schemas.Micros `json:"rwc"`           // log clock before the record at Rewind
	Anchors     []AnchorMark   `json:"rwa,omitempty"` // and its anchors
	// Under which versions lists were matched against what the state remembers at Start.
	MatchedCatalogue string `json:"mc,omitempty"`
	MatchedReference string `json:"mr,omitempty"`
	Catalogue        string `json:"cat,omitempty"`
	Reference        string `json:"ref,omitempty"`
}

const planVersion = 1

func (p *Plan) matched() versions { return versions{p.MatchedCatalogue, p.MatchedReference} }

// String returns the metadata text.
func (p Plan) String() string {
	p.Version = planVersion
	b, err := json.Marshal(p)
	if err != nil {
		panic("BUG: a plan does not marshal: " + err.Error())
	}
	return string(b)
}

// ParsePlan reads the metadata of the commit at offset. Empty metadata (a group that never ran, or offsets set by hand)
// gives a plan with nothing under way and the state read back from offset 0. A plan that does not fit its offset is
// an error: guessing here would lose or repeat reads.
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

// marks remembers at which offset the log clock reached which time, so that a plan can say where its horizon begins.
// One mark a second of log time.
type marks struct {
	horizon schemas.Micros
	at      []mark
}

type mark struct {
	offset int64
	clock  logClock // before the record at offset
}

// note records how the clock stood before the record at offset.
func (m *marks) note(offset int64, clock *logClock) {
	if n := len(m.at); n > 0 && clock.now < m.at[n-1].clock.now+schemas.Second {
		return
	}
	m.at = append(m.at, mark{offset, *clock})
}

// rewind returns the latest mark at least a horizon before clock and forgets the earlier ones.
func (m *marks) rewind(clock schemas.Micros) mark {
	keep := 0
	for keep+1 < len(m.at) && m.at[keep+1].clock.now <= clock-m.horizon {
		keep++
	}
	m.at = m.at[:copy(m.at, m.at[keep:])]
	return m.at[0]
}
