package gateway

import (
	"encoding/json"
	"net/http"

	"github.com/gvc-brussels/anpr/schemas"
)

// problem is the body of a refusal. Reads is there when the upload held several events.
type problem struct {
	Reason string    `json:"reason,omitempty"`
	Field  string    `json:"field,omitempty"`
	Detail string    `json:"detail"`
	Reads  []outcome `json:"reads,omitempty"`
}

// answer is the body of a success.
type answer struct {
	Reads   []outcome `json:"reads"`
	Ignored []outcome `json:"ignored,omitempty"`
}

// outcome is what became of one event of an upload.
type outcome struct {
	Index         int    `json:"index"`
	Outcome       string `json:"outcome"` // accepted, refused, ignored
	ReadID        string `json:"read_id,omitempty"`
	DuplicateSafe bool   `json:"duplicate_safe,omitempty"` // sending it again gives the same read_id
	Notes         []Note `json:"notes,omitempty"`
	Reason        string `json:"reason,omitempty"`
	Field         string `json:"field,omitempty"`
	Detail        string `json:"detail,omitempty"`
}

// writeOutcome answers 200, or, when every event that should hold a read was refused, what the first was refused for.
func writeOutcome(w http.ResponseWriter, events []*Parsed) {
	a := answer{Reads: []outcome{}}
	var first *schemas.RejectError
	good := 0
	for i, p := range events {
		switch {
		case p.Err != nil:
			if first == nil {
				first = p.Err
			}
			a.Reads = append(a.Reads, outcome{
				Index: i, Outcome: "refused", Reason: p.Err.Reason.String(), Field: p.Err.Field, Detail: p.Err.Detail,
			})
		case p.Ignored != "":
			a.Ignored = append(a.Ignored, outcome{Index: i, Outcome: "ignored", Detail: p.Ignored})
		default:
			good++
			id := schemas.ReadID{ID: schemas.ID(p.Read.ReadId)}
			a.Reads = append(a.Reads, outcome{Index: i, Outcome: "accepted", ReadID: id.String(), DuplicateSafe: true, Notes: p.Notes})
		}
	}
	if first == nil || good > 0 {
		writeJSON(w, http.StatusOK, a)
		return
	}
	out := problem{Reason: first.Reason.String(), Field: first.Field, Detail: first.Detail}
	if len(events) > 1 {
		out.Reads = a.Reads
	}
	writeJSON(w, status(first), out)
}

func writeProblem(w http.ResponseWriter, code int, rej *schemas.RejectError) {
	out := problem{Field: rej.Field, Detail: rej.Detail}
	if rej.Reason != schemas.ReasonNone {
		out.Reason = rej.Reason.String()
	}
	writeJSON(w, code, out)
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		panic("BUG: an answer cannot be encoded: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n')) // a camera that hung up sends again
}
