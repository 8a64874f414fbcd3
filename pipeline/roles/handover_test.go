package roles

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
	"github.com/gvc-brussels/anpr/pipeline/evidence/signing"
	"github.com/gvc-brussels/anpr/schemas"
)

// postDesk is two offices with one directory for recipients.
type postDesk struct {
	*fileDesk
	path    string
	keys    *signing.Keys
	stamp   func(context.Context, []byte) ([]byte, error)
	metrics *feed.Metrics
	log     bytes.Buffer
}

func newPostDesk(t *testing.T) *postDesk {
	t.Helper()
	keys, err := signing.Load(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &postDesk{fileDesk: newFileDesk(t), path: t.TempDir(), keys: keys, metrics: feed.NewMetrics(prometheus.NewRegistry())}
}

// send hands one case over in a batch of its own.
func (d *postDesk) send(plate string) (batch, id cases.ID, number string) {
	d.t.Helper()
	ctx, s := d.t.Context(), d.offices[0]
	id = d.takeIn(ofVehicle(plate, d.now()-schemas.Hour, "no_registration"))
	d.confirm(id)
	d.pass(11 * time.Second)
	for _, step := range []func() (int, error){
		func() (int, error) { return s.Sweep(ctx) },
		func() (int, error) { n, err := s.ReadFiles(ctx); return n.Answers, err },
		func() (int, error) { n, err := s.NumberCases(ctx, 10); return n.Given, err },
	} {
		if n, err := step(); err != nil || n == 0 {
			d.t.Fatalf("%d, %v", n, err)
		}
	}
	c := d.get(id)
	content := []byte("batch with " + c.Number)
	sum := sha256.Sum256(content)
	b := &store.Batch{
		ID: store.NewBatchID(), Track: c.Track, By: cases.Actor{User: "su", Role: cases.Supervisor},
		List: []store.Sending{{Case: id, Version: c.Version, Command: cases.Transmit{SealHolds: true, PicturesHold: true}}},
		Write: func(schemas.Micros, []cases.ID) (*store.BatchFile, error) {
			return &store.BatchFile{KeyID: "k", SHA256: schemas.Digest(sum[:]), Content: content}, nil
		},
	}
	if sent, kept, err := s.SendBatch(ctx, b); err != nil || len(sent) != 1 {
		d.t.Fatalf("%d sent, %+v, %v", len(sent), kept, err)
	}
	return b.ID, id, c.Number
}

// office is one office at the directory.
func (d *postDesk) office(n int) *delivery {
	d.t.Helper()
	dir, err := openHandover(d.path)
	if err != nil {
		d.t.Fatal(err)
	}
	return &delivery{dir: dir, store: d.offices[n], keys: d.keys, stamp: d.stamp, metrics: d.metrics, log: zerolog.New(&d.log), now: func() time.Time { return time.Now().Add(time.Duration(d.moved.Load())) }}
}

func (d *postDesk) run(n int) {
	d.t.Helper()
	if err := d.office(n).run(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

// publics are the keys that the recipient got from the office.
func (d *postDesk) publics() (out []ed25519.PublicKey) {
	d.t.Helper()
	list, err := d.keys.Publics()
	if err != nil {
		d.t.Fatal(err)
	}
	for i := range list {
		key, err := list[i].Key()
		if err != nil {
			d.t.Fatal(err)
		}
		out = append(out, key)
	}
	return out
}

// files lists what lies in a directory of the recipient.
func (d *postDesk) files(sub ...string) (out []string) {
	d.t.Helper()
	list, err := os.ReadDir(filepath.Join(slices.Concat([]string{d.path, string(cases.Regional)}, sub)...))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range list {
		if !e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}

// take is the recipient, who takes a file away.
func (d *postDesk) take(name string) string {
	d.t.Helper()
	path := filepath.Join(d.path, string(cases.Regional), "out", name)
	content, err := os.ReadFile(path)
	if err := errors.Join(err, os.Remove(path)); err != nil {
		d.t.Fatal(err)
	}
	return string(content)
}

// A batch is published once, although offices are killed between any two steps, another office delivers beside, and the
// recipient takes the file away before anybody noted that it was published.
func TestABatchIsPublishedOnceWhateverIsKilled(t *testing.T) {
	d := newPostDesk(t)
	due := func(n int) store.Delivery {
		t.Helper()
		list, err := d.offices[n].DueDeliveries(t.Context(), d.office(n).dir.id)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		return list[0]
	}
	for i, kill := range []func(o *delivery, name string, id cases.ID) error{
		func(*delivery, string, cases.ID) error { return nil }, // before anything
		func(o *delivery, name string, _ cases.ID) error { // after the file was made ready, before that was noted
			return writeWhole(filepath.Join(o.dir.path, stagingDir, name), []byte("half a"))
		},
		func(o *delivery, name string, id cases.ID) error { // after it was noted, before the file was published
			content, err := o.store.TransmissionFile(t.Context(), id)
			return errors.Join(err, writeWhole(filepath.Join(o.dir.path, stagingDir, name), content), o.store.NoteStaged(t.Context(), id, o.dir.id))
		},
		func(o *delivery, name string, id cases.ID) error { // after it was published and taken, before that was noted
			content, err := o.store.TransmissionFile(t.Context(), id)
			d.log.Write(content)
			return errors.Join(err, o.store.NoteStaged(t.Context(), id, o.dir.id))
		},
	} {
		batch, _, number := d.send(fmt.Sprintf("1ABC10%d", i))
		name := store.FileOfBatch(batch)
		if err := kill(d.office(0), name, batch); err != nil {
			t.Fatal(err)
		}
		if b := due(1); b.Staged != (i >= 2) {
			t.Errorf("kill %d: %+v", i, b)
		}
		d.run(1)
		d.run(0)
		got := d.files("out")
		if want := []string{name}; i < 3 && (!slices.Equal(got, want) || d.take(name) != "batch with "+number) || i == 3 && len(got) != 0 {
			t.Errorf("kill %d: the recipient finds %v", i, got)
		}
		d.run(0)
		if got := d.files("out"); len(got) != 0 {
			t.Errorf("kill %d: published again: %v", i, got)
		}
		if one, err := d.offices[0].FindTransmission(t.Context(), batch, nil, nil); err != nil || one.DeliveredAt == 0 {
			t.Errorf("kill %d: %+v, %v", i, one, err)
		}
	}
	// One office delivers at a time; what was made ready in another directory is not touched.
	release, ok, err := d.offices[0].LockDelivery(t.Context())
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if _, ok, err := d.offices[1].LockDelivery(t.Context()); ok || err != nil {
		t.Errorf("two offices deliver: %t, %v", ok, err)
	}
	release()
	if release, ok, err := d.offices[1].LockDelivery(t.Context()); !ok || err != nil {
		t.Errorf("nobody delivers: %t, %v", ok, err)
	} else {
		release()
	}
	batch, _, _ := d.send("1ABC200")
	if err := d.offices[0].NoteStaged(t.Context(), batch, "a directory of another machine"); err != nil {
		t.Fatal(err)
	}
	d.run(1)
	if one, err := d.offices[0].FindTransmission(t.Context(), batch, nil, nil); err != nil || one.DeliveredAt != 0 || len(d.files("out")) != 0 {
		t.Errorf("a batch of another directory: %+v, %v", one, err)
	}
}

// A directory that takes nothing delays a batch and is counted, loses nothing and is tried again; an annulment is told
// again each day until the recipient answers; an answer counts once, and what is none is put aside with the reason.
func TestADirectoryThatFailsNoticesAndAnswers(t *testing.T) {
	d := newPostDesk(t)
	d.run(0)
	batch, id, number := d.send("1ABC100")
	in := filepath.Join(d.path, string(cases.Regional), "in")
	office := d.office(0)
	staging := filepath.Join(d.path, stagingDir)
	if err := errors.Join(os.Remove(staging), os.WriteFile(staging, nil, 0o600)); err != nil { // takes no file, also from root
		t.Fatal(err)
	}
	if err := office.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	one, err := d.offices[0].FindTransmission(t.Context(), batch, nil, nil)
	if err != nil || one.Tries != 1 || one.Problem == "" || testutil.ToFloat64(d.metrics.HandOverFailures.WithLabelValues(feed.FailedDelivery)) != 1 {
		t.Errorf("%+v, %v", one, err)
	}
	if n, err := d.offices[0].CountHandOver(t.Context()); err != nil || n.Undelivered != 1 {
		t.Errorf("%+v, %v", n, err)
	}
	if err := os.Remove(staging); err != nil {
		t.Fatal(err)
	}
	d.run(0)
	if got := d.files("out"); len(got) != 0 {
		t.Errorf("tried again at once: %v", got)
	}
	d.pass(firstRetry + time.Second)
	d.run(0)
	if got := d.files("out"); len(got) != 1 || d.take(got[0]) != "batch with "+number {
		t.Errorf("after the retry: %v", got)
	}
	answer := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(in, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d.pass(time.Minute)
	}
	const form = `{"form":"anpr-handover-answer/1","batch_id":%q,"answers":[{"number":%q,"outcome":%q}]}`
	whole := fmt.Sprintf(form, batch, number, "acknowledged")
	answer("a1.json", whole)
	answer("a2.json", whole)
	answer("a3.json", strings.Replace(whole, number, "GV.5339.000099/2026", 1))
	answer("a4.json", fmt.Sprintf(form, store.NewBatchID(), number, "acknowledged"))
	answer("a5.json", "number;outcome")
	answer(".a6.json", whole)
	answer("a7.part", whole)
	d.run(1)
	if done, refused := d.files("in", "done"), d.files("in", "refused"); len(done) != 2 || len(refused) != 6 || len(d.files("in")) != 2 {
		t.Errorf("done %v, refused %v, left %v", done, refused, d.files("in"))
	} else if text, err := os.ReadFile(filepath.Join(in, "refused", refused[1])); err != nil || !strings.Contains(string(text), "GV.5339.000099/2026") {
		t.Errorf("the reason of %s: %q, %v", refused[1], text, err)
	}
	events := 0
	got, err := d.offices[0].Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got.Events {
		if got.Events[i].Kind == cases.Acknowledged {
			events++
		}
	}
	if events != 1 {
		t.Errorf("%d events of one answer that came twice", events)
	}
	by := cases.Actor{User: "su", Role: cases.Supervisor, StepUp: true, Approver: "sv"}
	if _, err := d.offices[0].Do(t.Context(), &store.Request{Case: id, Command: cases.Annul{Reason: cases.ValueWrong}, By: by}); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 2; n++ {
		asked := 0
		d.stamp = func(context.Context, []byte) ([]byte, error) {
			if asked++; n == 1 {
				return nil, errors.New("no route")
			}
			return []byte("token"), nil
		}
		d.run(0)
		d.run(1)
		name := fmt.Sprintf("annulment-%s-%04d.zip", id, n)
		if got := d.files("out"); !slices.Equal(got, []string{name}) {
			t.Fatalf("notice %d: %v", n, got)
		}
		text := d.take(name)
		if !strings.Contains(text, number) || !strings.Contains(text, string(cases.ValueWrong)) || strings.Contains(text, "1ABC") {
			t.Errorf("notice %d: %s", n, text)
		}
		r := bundle.VerifyNotice([]byte(text), bundle.Trust{Keys: d.publics()})
		if note := map[int]string{1: "none: the authority did not answer", 2: bundle.StampPresent}[n]; !r.Holds || !r.KnownKey || r.Manifest.Number != number || r.Manifest.Copy != n || r.Signature.StampNote != note || asked != 1 {
			t.Errorf("notice %d, after %d questions: %+v", n, asked, r)
		}
		d.pass(noticeAgain + time.Second)
	}
	answer("a8.json", fmt.Sprintf(form, batch, number, "annulment_acknowledged"))
	d.run(0) // also writes the third notice
	d.pass(2 * noticeAgain)
	d.run(0)
	if got := d.files("out"); len(got) != 1 {
		t.Errorf("after the answer: %v", got)
	}
}
