package office

import (
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// ShownFile is what a confirmed case is, in view of its vehicle's other cases.
type ShownFile struct {
	Outcome  string     `json:"outcome" doc:"warning, fine, within_window, cap_reached, immediate_collection, prosecutor or no_file"`
	Amount   int64      `json:"amount_cents" doc:"of this case; 0 for a warning"`
	Level    int        `json:"level" doc:"recidivism: 0 = none, 1 = the first repetition"`
	Together int        `json:"together" doc:"offences of the same moment, this one included"`
	Total    int64      `json:"total_cents" doc:"of the offences of the same moment"`
	FreeFrom *time.Time `json:"free_from,omitempty" doc:"when a new fine is possible"`
	Others   int        `json:"others" doc:"other cases of the vehicle that counted"`
	Verified bool       `json:"verified" doc:"every value of the catalogue that was used is verified"`
	At       time.Time  `json:"at"`
	Trace    []ItemStep `json:"trace,omitempty"`
}

// shownFile shows an answer of the rules with its trace.
func (o *Office) shownFile(f *cases.FileAnswer, trace []schemas.Step) *ShownFile {
	return &ShownFile{
		Outcome: string(f.Outcome), Amount: f.AmountCents, Level: f.Level, Together: f.Together, Total: f.TotalCents, FreeFrom: timeOf(f.FreeFrom), Others: f.Others,
		Verified: f.Verified, At: f.At.Time(), Trace: o.stepsOf(trace, true),
	}
}

// addFiles adds to shown events what the vehicle's file said, with the trace.
func (o *Office) addFiles(shown []ShownEvent, events []cases.Event) {
	said := map[int64]*cases.Event{}
	for i := range events {
		if e := &events[i]; e.File != nil {
			said[e.N] = e
		}
	}
	for i := range shown {
		if e := said[shown[i].N]; e != nil && e.ID.String() == shown[i].EventID {
			shown[i].File = o.shownFile(e.File, e.Trace)
		}
	}
}
