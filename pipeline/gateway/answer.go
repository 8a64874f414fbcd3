package gateway

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// problem is the body of a refusal. Reads is present when the upload held several events.
type problem struct {
	Reason string    `json:"reason,omitempty"`
	Field  string    `json:"field,omitempty"`
	Detail string    `json:"detail"`
	Reads  []outcome `json:"reads,omitempty"`
	result
}

// result is the answer for which some devices wait: without it they send the same upload for ever. Firmwares differ in how
// they spell it.
type result struct {
	Result bool   `json:"Result,omitempty"`
	Text   string `json:"result,omitempty"`
}

// resultFor returns what the format's devices wait for once an upload is stored or kept; zero = nothing.
func resultFor(path string) result {
	if f := findFormat(path); f == nil || !f.untilResult {
		return result{}
	}
	return result{Result: true, Text: "true"}
}

// uploadAnswer is the body of a success.
type uploadAnswer struct {
	Reads   []outcome `json:"reads"`
	Unread  []outcome `json:"unread,omitempty"` // vehicles whose plate was not read
	Ignored []outcome `json:"ignored,omitempty"`
	result
}

// outcome reports one event of an upload to the sender.
type outcome struct {
	Index         int      `json:"index"`
	Outcome       string   `json:"outcome"` // accepted, refused, unread, ignored
	ReadID        string   `json:"read_id,omitempty"`
	DuplicateSafe bool     `json:"duplicate_safe,omitempty"` // a repetition gives the same read_id
	Notices       []Notice `json:"notes,omitempty"`
	// These fields of an accepted read help to set up a device: the time as understood, the camera's own id, pictures
	// stored.
	CapturedAt string `json:"captured_at,omitempty"`
	EventID    string `json:"camera_event_id,omitempty"`
	Pictures   int    `json:"pictures,omitempty"`
	// Empty names fields of the read without a value in the message. Unknown names fields of the message unknown to
	// the format. Both show a person who sets up a camera where the message falls short.
	Empty   []string `json:"empty,omitempty"`
	Unknown []string `json:"unknown,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Field   string   `json:"field,omitempty"`
	Detail  string   `json:"detail,omitempty"`
}

func storedPictures(r *anprv1.PlateRead) int {
	return len(r.MoreImagesSha256) + min(len(r.ImageSha256), 1)
}

// emptyFields names the fields of an accepted read without a value.
func emptyFields(r *anprv1.PlateRead) (names []string) {
	for _, f := range []struct {
		name  string
		empty bool
	}{
		{"country", r.Country == ""},
		{"country_confidence_pm", r.CountryConfidencePm == 0},
		{"confidence_pm", r.ConfidencePm == 0},
		{"lane", r.Lane == 0},
		{"direction", r.Direction == 0},
		{"speed_dkmh", r.SpeedDkmh == 0},
		{"vehicle_kind", r.VehicleKind == 0},
		{"camera_event_id", r.CameraEventId == ""},
		{"image_sha256", len(r.ImageSha256) == 0},
		{"candidates", len(r.Candidates) == 0},
		{"candidates.confidence_pm", slices.ContainsFunc(r.Candidates,
			func(c *anprv1.Candidate) bool { return c.ConfidencePm == 0 })},
		{"make", r.Make == ""},
		{"colour", r.Colour == ""},
	} {
		if f.empty {
			names = append(names, f.name)
		}
	}
	return names
}

// writeOutcome answers 200. When every read of the upload was refused, the answer carries the first refusal.
func writeOutcome(w http.ResponseWriter, path string, events []*CameraEvent) {
	a := uploadAnswer{Reads: []outcome{}, result: resultFor(path)}
	var first *schemas.RejectError
	good := 0
	for i, ev := range events {
		switch {
		case ev.isUnread():
			good++
			a.Unread = append(a.Unread, outcome{
				Index: i, Outcome: "unread", DuplicateSafe: true, Notices: ev.Notices,
				Detail: ev.Err.Detail,
			})
		case ev.Err != nil:
			if first == nil {
				first = ev.Err
			}
			a.Reads = append(a.Reads, outcome{
				Index: i, Outcome: "refused", Reason: ev.Err.Reason.String(), Field: ev.Err.Field,
				Detail: ev.Err.Detail,
			})
		case ev.Ignored != "":
			a.Ignored = append(a.Ignored, outcome{Index: i, Outcome: "ignored", Detail: string(ev.Ignored)})
		default:
			good++
			id := schemas.ReadID{ID: schemas.ID(ev.Read.ReadId)}
			a.Reads = append(a.Reads, outcome{
				Index: i, Outcome: "accepted", ReadID: id.String(), DuplicateSafe: ev.stated.zone != zoneNone,
				Notices:    ev.Notices,
				CapturedAt: schemas.Micros(ev.Read.CapturedAtUs).String(), EventID: ev.Read.CameraEventId,
				Pictures: storedPictures(ev.Read),
				Empty:    emptyFields(ev.Read), Unknown: ev.Unknown,
			})
		}
	}
	if first == nil || good > 0 {
		writeJSON(w, http.StatusOK, a)
		return
	}
	out := problem{Reason: first.Reason.String(), Field: first.Field, Detail: first.Detail, result: a.result}
	if len(events) > 1 {
		out.Reads = a.Reads
	}
	writeJSON(w, statusOfKept(first, a.result), out)
}

// statusOfKept returns the status for an upload that is refused and kept. A device that waits for a result gets it with a
// success: sent again the upload would be refused again, and hold up what comes after it.
func statusOfKept(rej *schemas.RejectError, r result) int {
	if r.Result {
		return http.StatusOK
	}
	return httpStatus(rej)
}

// writeKeptProblem answers an upload that is refused and kept whole.
func writeKeptProblem(w http.ResponseWriter, path string, rej *schemas.RejectError) {
	r := resultFor(path)
	writeJSON(w, statusOfKept(rej, r), problem{Reason: rej.Reason.String(), Field: rej.Field, Detail: rej.Detail, result: r})
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
	_, _ = w.Write(append(b, '\n')) // a camera that hung up repeats the upload
}
