package roles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference/announce"
	"github.com/gvc-brussels/anpr/pipeline/reference/approval"
	"github.com/gvc-brussels/anpr/schemas"
)

// Announcing says who announces a catalogue, and for which instant.
type Announcing struct {
	Kafka   platform.Kafka
	Signers string // file of those who approve
	Instant time.Time
	By      string
	Reason  string
	Release string // of this program, with which the built-in catalogue came
	Now     time.Time
	Log     zerolog.Logger
}

// AnnounceCatalogue announces that the catalogue of a directory or an archive, or with "" the built-in one, decides from
// the instant on. It must be signed by two people; the built-in one came with the release. Announced again it is sent
// again, which mends content that cannot be had.
func AnnounceCatalogue(ctx context.Context, dir string, c Announcing) (*announce.Activation, error) {
	files, err := CatalogueFiles(dir)
	if err != nil {
		return nil, err
	}
	a := announce.Activation{Kind: catalogueKind, Release: c.Release}
	if dir == "" {
		cat, err := LoadCatalogue("")
		if err != nil {
			return nil, err
		}
		a.Hash = cat.Hash()
	} else {
		approved, err := VerifyCatalogue(dir, c.Signers, c.Now)
		if err != nil {
			return nil, err
		}
		a.Hash, a.Approved, a.Release = approved.Catalogue.Hash(), approvalsOf(approved.Signed), ""
	}
	before, err := announce.Read(ctx, c.Kafka, c.Log)
	if err != nil {
		return nil, err
	}
	defer before.Close()
	return c.announce(ctx, before, a, files)
}

// RollBackCatalogue announces that the catalogue before the one in force decides again from the instant on. Its content
// and its signatures are those that were announced; they are verified anew.
func RollBackCatalogue(ctx context.Context, c Announcing) (*announce.Activation, error) {
	before, err := announce.Read(ctx, c.Kafka, c.Log)
	if err != nil {
		return nil, err
	}
	defer before.Close()
	former, err := formerOf(before.Activations(catalogueKind), c.Now)
	if err != nil {
		return nil, err
	}
	held, _, err := openContent(former.Hash, before.Content(catalogueKind, former.Hash))
	if err != nil {
		return nil, err
	}
	a := announce.Activation{Kind: catalogueKind, Hash: former.Hash, Release: former.Release, Rollback: true}
	if a.Release == "" {
		signed, err := verifyHeld(held.files, held.catalogue, c.Signers, c.Now)
		if err != nil {
			return nil, err
		}
		if a.Approved = approvalsOf(signed); signed == nil {
			a.Release = c.Release // it has become the built-in one
		}
	}
	return c.announce(ctx, before, a, held.files)
}

// formerOf returns the newest activation that decided before the one in force, under another catalogue.
func formerOf(all []announce.Activation, now time.Time) (*announce.Activation, error) {
	var inForce *announce.Activation
	var former *announce.Activation
	for i := range all {
		if all[i].Instant.After(now) {
			break
		}
		if inForce != nil && inForce.Hash != all[i].Hash {
			former = inForce
		}
		inForce = &all[i]
	}
	switch {
	case inForce == nil:
		return nil, errors.New("no catalogue was activated yet: there is nothing to go back from")
	case former == nil:
		return nil, fmt.Errorf("before %s the workers decided under the catalogue they were started with, which was never announced: announce it with anpr rules activate (built-in names the one of the program)", inForce.ID())
	}
	return former, nil
}

func approvalsOf(signed []approval.Signed) (out []announce.Approval) {
	for _, s := range signed {
		out = append(out, announce.Approval{Signer: s.Signer, Key: s.Key, At: s.At})
	}
	return out
}

// announce completes the activation, and refuses it where readers would.
func (c *Announcing) announce(ctx context.Context, before *announce.Follower, a announce.Activation, files fs.FS) (*announce.Activation, error) {
	names, err := catalogueNames(files)
	if err != nil {
		return nil, err
	}
	content, err := packFiles(files, names)
	if err != nil {
		return nil, err
	}
	if _, _, err := openContent(a.Hash, content); err != nil {
		return nil, fmt.Errorf("not announced: %w", err) // no worker could have it, and all would stop at the instant
	}
	a.Size, a.Instant, a.AnnouncedAt, a.By, a.Reason = len(content), c.Instant.UTC(), c.Now.UTC(), c.By, c.Reason
	for _, other := range before.Activations(catalogueKind) {
		if !other.Instant.Equal(a.Instant) {
			continue
		}
		if other.Hash != a.Hash {
			return nil, fmt.Errorf("not announced: for that instant %s is announced; name another instant", other.ID())
		}
		again := other
		return &again, announce.Announce(ctx, c.Kafka, &again, content)
	}
	return &a, announce.Announce(ctx, c.Kafka, &a, content)
}

// AnnouncedCatalogue is an announcement, and what became of it.
type AnnouncedCatalogue struct {
	announce.Activation
	ID     string           `json:"id"`
	State  string           `json:"state"`            // planned, active, former, void
	Places []announce.Place `json:"places,omitempty"` // where partitions of anpr.reads.v1 began with it
	Why    string           `json:"why,omitempty"`    // it is void
}

// The states of an announcement.
const (
	StatePlanned = "planned"
	StateActive  = "active"
	StateFormer  = "former"
	StateVoid    = "void"
)

// ReadAnnounced reads what was announced of catalogues, in the order of the instants, then what does not count.
func ReadAnnounced(ctx context.Context, k platform.Kafka, now time.Time, log zerolog.Logger) ([]AnnouncedCatalogue, error) {
	f, err := announce.Read(ctx, k, log)
	if err != nil {
		return nil, fmt.Errorf("read topic %s: %w", schemas.TopicReference, err)
	}
	defer f.Close()
	var out []AnnouncedCatalogue
	for _, a := range f.Activations(catalogueKind) {
		one := AnnouncedCatalogue{Activation: a, ID: a.ID(), State: StatePlanned, Places: f.Places(catalogueKind, a.ID())}
		if !a.Instant.After(now) {
			if one.State = StateActive; len(out) > 0 {
				out[len(out)-1].State = StateFormer
			}
		}
		out = append(out, one)
	}
	for _, v := range f.Void(catalogueKind) {
		out = append(out, AnnouncedCatalogue{Activation: v.Activation, ID: v.ID(), State: StateVoid, Why: v.Why})
	}
	return out, nil
}
