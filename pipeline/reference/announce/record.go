package announce

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// Approval is the signature of one person that held when the version was announced.
type Approval struct {
	Signer string    `json:"signer"`
	Key    string    `json:"key"` // public, hexadecimal
	At     time.Time `json:"signed_at"`
}

// Activation announces that a version counts from an instant on.
type Activation struct {
	Kind        string     `json:"kind"` // Example: catalogue
	Hash        string     `json:"hash"` // SHA-256 of the content, 64 hexadecimal digits
	Size        int        `json:"size"` // packed content, bytes
	Instant     time.Time  `json:"instant"`
	AnnouncedAt time.Time  `json:"announced_at"`
	By          string     `json:"by"` // who announced it
	Reason      string     `json:"reason"`
	Approved    []Approval `json:"approved,omitempty"`
	Release     string     `json:"release,omitempty"`  // of the program with which the content came, in place of approvals
	Rollback    bool       `json:"rollback,omitempty"` // back to a version that counted before

	id string // set when it was read
}

// ID names the activation among all of its kind.
func (a *Activation) ID() string {
	if a.id != "" {
		return a.id
	}
	return a.Hash[:min(16, len(a.Hash))] + "@" + a.Instant.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// check returns why the announcement does not count, on its own.
func (a *Activation) check() error {
	switch {
	case a.Kind == "" || strings.ContainsAny(a.Kind, "/ ") || len(a.Hash) != 64:
		return errors.New("it names no kind or no hash")
	case a.By == "" || a.Reason == "":
		return errors.New("it does not say who announced it, or why")
	case a.Release == "" && countSigners(a.Approved) < 2:
		return fmt.Errorf("it was approved by %d people, and needs two", countSigners(a.Approved))
	case a.Instant.Before(a.AnnouncedAt.Add(lead)):
		return fmt.Errorf("its instant is not at least %s after its announcement at %s", lead, a.AnnouncedAt.UTC().Format(time.RFC3339))
	}
	return nil
}

const lead = time.Duration(schemas.AnnouncementLead) * time.Microsecond

func countSigners(all []Approval) int {
	names := make([]string, 0, len(all))
	for _, a := range all {
		names = append(names, a.Signer)
	}
	slices.Sort(names)
	return len(slices.Compact(names))
}

// part is a piece of a version's content.
type part struct {
	Kind    string `json:"kind"`
	Hash    string `json:"hash"`
	Number  int    `json:"number"` // from 0
	Of      int    `json:"of"`
	Content []byte `json:"content"`
}

// place says where a partition of anpr.reads.v1 began to be decided under an activation.
type place struct {
	Kind       string `json:"kind"`
	Activation string `json:"activation"`
	Partition  int32  `json:"partition"`
	Offset     int64  `json:"offset"`
}

// record is the value of a record; one field is set.
type record struct {
	Part       *part       `json:"part,omitempty"`
	Activation *Activation `json:"activation,omitempty"`
	Place      *place      `json:"place,omitempty"`
}

func (r *record) key() string {
	switch {
	case r.Part != nil:
		return fmt.Sprintf("part/%s/%s/%d", r.Part.Kind, r.Part.Hash, r.Part.Number)
	case r.Activation != nil:
		return fmt.Sprintf("activation/%s/%s", r.Activation.Kind, r.Activation.ID())
	default:
		return fmt.Sprintf("place/%s/%s/%d", r.Place.Kind, r.Place.Activation, r.Place.Partition)
	}
}

// Void is an announcement that does not count, with the reason.
type Void struct {
	Activation
	Why string `json:"why"`
}

// Place is the offset from which on a partition was decided under an activation.
type Place struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
}

type placeKey struct {
	kind, activation string
	partition        int32
}

type contentKey struct{ kind, hash string }

// state is what the records of the topic say, up to one of them.
type state struct {
	activations map[string][]Activation // by kind, in the order of their instants; a slice never changes
	void        map[string][]Void
	parts       map[contentKey][][]byte
	places      map[placeKey]int64
}

func newState() *state {
	return &state{activations: map[string][]Activation{}, void: map[string][]Void{}, parts: map[contentKey][][]byte{}, places: map[placeKey]int64{}}
}

// maxParts bounds the content of a version: 64 MiB.
const maxParts = 256

// take takes a record in. An error says that it means nothing.
func (s *state) take(value []byte) error {
	var r record
	if err := json.Unmarshal(value, &r); err != nil {
		return err
	}
	switch {
	case r.Part != nil:
		p := r.Part
		if p.Of < 1 || p.Of > maxParts || p.Number < 0 || p.Number >= p.Of {
			return fmt.Errorf("part %d of %d", p.Number, p.Of)
		}
		key := contentKey{p.Kind, p.Hash}
		if len(s.parts[key]) != p.Of {
			s.parts[key] = make([][]byte, p.Of)
		}
		s.parts[key][p.Number] = p.Content
	case r.Activation != nil:
		s.announce(r.Activation)
	case r.Place != nil:
		key := placeKey{r.Place.Kind, r.Place.Activation, r.Place.Partition}
		if _, known := s.places[key]; !known {
			s.places[key] = r.Place.Offset
		}
	default:
		return errors.New("it is neither a part, an activation nor a place")
	}
	return nil
}

func (s *state) announce(a *Activation) {
	a.id = a.ID()
	err := a.check()
	for _, other := range s.activations[a.Kind] {
		if err == nil && other.Instant.Equal(a.Instant) {
			if other.Hash == a.Hash {
				return // sent again
			}
			err = fmt.Errorf("%s was announced before for the same instant", other.ID())
		}
	}
	if err != nil {
		s.void[a.Kind] = append(slices.Clip(s.void[a.Kind]), Void{*a, err.Error()})
		return
	}
	all := append(slices.Clone(s.activations[a.Kind]), *a)
	slices.SortStableFunc(all, func(a, b Activation) int { return a.Instant.Compare(b.Instant) })
	s.activations[a.Kind] = all
}

// content returns the content of a version; nil while a part of it is missing.
func (s *state) content(kind, hash string) []byte {
	parts := s.parts[contentKey{kind, hash}]
	for _, p := range parts {
		if p == nil {
			return nil
		}
	}
	return slices.Concat(parts...)
}
