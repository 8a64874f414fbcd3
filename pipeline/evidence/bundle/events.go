package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gvc-brussels/anpr/schemas"
)

// Event is a line of events.jsonl: one record of the case, chained to the record before.
type Event struct {
	N    int64          `json:"n"`
	Kind string         `json:"kind"`
	Prev schemas.Digest `json:"prev_sha256,omitempty"` // empty for the first
	Sum  schemas.Digest `json:"sha256"`                // SHA-256 over the bytes of Prev and the bytes of Body
	Body string         `json:"body,omitempty"`        // the stored bytes, JSON
	// Withheld says why the body is not in the bundle. The chain goes over the record by its sums.
	Withheld string `json:"withheld,omitempty"`
}

// WriteEvents writes events.jsonl.
func WriteEvents(events []Event) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i := range events {
		if err := e.Encode(&events[i]); err != nil {
			return nil, fmt.Errorf("bundle: event %d: %w", events[i].N, err)
		}
	}
	return b.Bytes(), nil
}

// checkEvents follows the chain of events.jsonl to its head. withheld counts the records whose body is not there.
func checkEvents(b []byte, head schemas.Digest) (events, withheld int, err error) {
	var prev schemas.Digest
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	for d.More() {
		var e Event
		if err := d.Decode(&e); err != nil {
			return events, withheld, fmt.Errorf("record %d: %w", events+1, err)
		}
		events++
		switch {
		case e.N != int64(events):
			return events, withheld, fmt.Errorf("record %d has the number %d", events, e.N)
		case e.Prev != prev:
			return events, withheld, fmt.Errorf("record %d does not follow the record before", events)
		case e.Withheld != "" && e.Body == "":
			withheld++
		case sumOf(prev, e.Body) != e.Sum:
			return events, withheld, fmt.Errorf("record %d is not what its sum says", events)
		}
		prev = e.Sum
	}
	switch {
	case events == 0:
		return 0, 0, errors.New("there is no record")
	case prev != head:
		return events, withheld, errors.New("the last record is not the one that the manifest names")
	}
	return events, withheld, nil
}

func sumOf(prev schemas.Digest, body string) schemas.Digest {
	sum := sha256.Sum256([]byte(string(prev) + body))
	return schemas.Digest(sum[:])
}
