package roles

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/witness"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/schemas"
)

// output collects the log of a process.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// outside holds the witnesses outside the database, and an office that hands heads over.
type outside struct {
	t      *testing.T
	broker *embedded.Broker
	kafka  platform.Kafka
	dir    string
	keys   *access.Keys
	said   *output
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{t: t, dir: t.TempDir(), said: &output{}}
	o.startBroker("127.0.0.1:0")
	t.Cleanup(func() { _ = o.broker.Close() })
	var err error
	if o.keys, err = access.LoadKeys(o.dir); err != nil {
		t.Fatal(err)
	}
	return o
}

// startBroker starts a broker whose topic is empty.
func (o *outside) startBroker(addr string) {
	o.t.Helper()
	var err error
	o.broker, err = embedded.StartBroker(embedded.BrokerConfig{Addr: addr, DataDir: o.t.TempDir(), Topics: map[string]int{schemas.TopicLookUpLog: 1}})
	if err != nil {
		o.t.Fatal(err)
	}
	o.kafka = platform.Kafka{Addr: o.broker.Addr()}
}

// open opens the witness as an office does at its start.
func (o *outside) open() *lookUpWitness {
	o.t.Helper()
	return openLookUpWitness(o.t.Context(), o.dir, o.keys, o.kafka, zerolog.New(o.said))
}

func (o *outside) close(w *lookUpWitness) {
	o.t.Helper()
	if err := w.Close(o.t.Context()); err != nil {
		o.t.Error(err)
	}
}

func (o *outside) publishRecord(value []byte) {
	o.t.Helper()
	if err := o.kafka.Publish(o.t.Context(), "test", schemas.TopicLookUpLog, value); err != nil {
		o.t.Fatal(err)
	}
}

func (o *outside) statement(h access.Head, key *access.SiteKey) []byte {
	o.t.Helper()
	text, err := h.Note(key)
	if err != nil {
		o.t.Fatal(err)
	}
	raw, err := witness.HeadStatement{Head: string(text)}.Encode()
	if err != nil {
		o.t.Fatal(err)
	}
	return raw
}

func numberedHead(n int) access.Head {
	return access.Head{Seq: uint64(n), Sum: sha256.Sum256(fmt.Append(nil, n))}
}

// distinct returns heads sorted by number, each once.
func distinct(heads []access.Head) []access.Head {
	slices.SortFunc(heads, func(a, b access.Head) int { return int(a.Seq) - int(b.Seq) })
	return slices.Compact(heads)
}

// expect compares the heads that a witness gives, and the error.
func (o *outside) expect(w *lookUpWitness, says string, want ...access.Head) {
	o.t.Helper()
	got, err := w.Heads(o.t.Context())
	if !slices.Equal(distinct(got), want) {
		o.t.Errorf("got heads %v, want %v", got, want)
	}
	if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
		o.t.Errorf("got error %v, want %q", err, says)
	}
}

func (o *outside) note(w *lookUpWitness, says string, numbers ...int) {
	o.t.Helper()
	for _, n := range numbers {
		err := w.Note(o.t.Context(), numberedHead(n))
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			o.t.Errorf("head %d: error %v, want %q", n, err, says)
		}
	}
}

// A record that another key signed counts for nothing and is named in the log. A head that the site's key signed counts
// from any sender.
func TestAForgedHeadOnTheTopicCountsForNothing(t *testing.T) {
	o := newOutside(t)
	w := o.open()
	defer o.close(w)
	o.note(w, "", 1, 2)
	other, err := access.LoadKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o.publishRecord([]byte("no statement"))
	o.publishRecord(o.statement(numberedHead(99), other.Site))
	o.publishRecord(bytes.Replace(o.statement(numberedHead(50), o.keys.Site), []byte(`\n50\n`), []byte(`\n51\n`), 1))
	o.note(w, "", 3)
	o.expect(w, "", numberedHead(1), numberedHead(2), numberedHead(3))
	if n := strings.Count(o.said.String(), "is not of this site"); n != 3 {
		t.Errorf("%d records are named, want 3:\n%s", n, o.said)
	}
	o.publishRecord(o.statement(numberedHead(7), o.keys.Site)) // from another office
	o.expect(w, "", numberedHead(1), numberedHead(2), numberedHead(3), numberedHead(7))
}

// The topic was emptied and filled with fewer heads. The process keeps the heads of both topics, and logs the loss. A
// new process has the heads of the Merkle log.
func TestATopicThatLostItsHeadsIsNamedAndNothingIsForgotten(t *testing.T) {
	o := newOutside(t)
	w := o.open()
	defer o.close(w)
	o.note(w, "", 1, 2, 3)
	all := []access.Head{numberedHead(1), numberedHead(2), numberedHead(3)}
	o.expect(w, "", all...)
	addr := o.broker.Addr()
	if err := o.broker.Close(); err != nil {
		t.Fatal(err)
	}
	o.expect(w, addr, all...) // the broker is away
	o.startBroker(addr)
	o.publishRecord(o.statement(numberedHead(7), o.keys.Site))
	all = append(all, numberedHead(7))
	o.expect(w, "", all...)
	if !strings.Contains(o.said.String(), "has lost records that this process read") {
		t.Errorf("nothing is said of the loss:\n%s", o.said)
	}
	books := &LookUpBooks{Keys: o.keys, dir: o.dir, topic: NewTopicHeads(o.kafka, &o.keys.Site.PublicKey, zerolog.Nop())}
	defer books.topic.Close()
	if got, err := books.Heads(t.Context()); err != nil || !slices.Equal(distinct(got), all) {
		t.Errorf("got %v, err %v, want %v", got, err, all)
	}
}

// A changed Merkle log stops no office and hides no head of the topic. Heads still go to the topic, each with an error
// that says the cure. The office uses the Merkle log again as soon as the log is whole.
func TestAChangedMerkleLogStopsNoOfficeAndHidesNoHeadOfTheTopic(t *testing.T) {
	const says = "not signed by the key of this site"
	o := newOutside(t)
	w := o.open()
	o.note(w, "", 1, 2)
	o.close(w)
	file := filepath.Join(o.dir, merkleDir, "checkpoint")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("forged"), 0o600); err != nil {
		t.Fatal(err)
	}
	w = o.open()
	defer o.close(w)
	if !strings.Contains(o.said.String(), says) || !strings.Contains(o.said.String(), "move it aside") {
		t.Errorf("the start says nothing of it, or no cure:\n%s", o.said)
	}
	o.note(w, says, 3)
	o.expect(w, says, numberedHead(1), numberedHead(2), numberedHead(3))
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	o.note(w, "", 4)
	o.expect(w, "", numberedHead(1), numberedHead(2), numberedHead(3), numberedHead(4))
	// Emptied under the office: the topic has all heads, and the office begins another Merkle log.
	if err := os.RemoveAll(filepath.Join(o.dir, merkleDir)); err != nil {
		t.Fatal(err)
	}
	o.note(w, "was taken away under the office", 5)
	o.note(w, "", 6)
	o.expect(w, "", numberedHead(1), numberedHead(2), numberedHead(3), numberedHead(4), numberedHead(5), numberedHead(6))
	if got, err := MerkleHeads(t.Context(), o.dir, &w.key.PublicKey); err != nil || len(got) != 1 {
		t.Errorf("the new Merkle log: got %v, err %v, want head 6", got, err)
	}
}
