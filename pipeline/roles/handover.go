package roles

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
	"github.com/gvc-brussels/anpr/pipeline/evidence/signing"
	"github.com/gvc-brussels/anpr/pipeline/handover"
	"github.com/gvc-brussels/anpr/pipeline/platform/durable"
	"github.com/gvc-brussels/anpr/schemas"
)

// Intervals of the hand-over.
const (
	numberEvery  = 2 * time.Second
	deliverEvery = 5 * time.Second
	numbersAt    = 100             // cases of one round
	firstRetry   = time.Minute     // of a delivery that failed; twice as long each time
	longestRetry = time.Hour       // at most; it never ends
	answerAge    = 5 * time.Second // of a file before it is read: its writer is done
	noticeAgain  = 24 * time.Hour  // between two notices of an annulment that nobody has acknowledged
)

// numberCases gives confirmed cases their numbers.
func (r *CasesRole) numberCases(ctx context.Context) {
	part := feed.NewPart(feed.PartNumbers, r.metrics, r.log)
	repeatEvery(ctx, numberEvery, func(ctx context.Context) bool {
		n, err := r.Store.NumberCases(ctx, numbersAt)
		if ctx.Err() == nil {
			part.Note(err)
		}
		r.metrics.Numbered.Add(float64(n.Given))
		return err == nil && n.Given > 0
	})
}

// deliver brings batches and notices to recipients, and reads their answers. Several offices may have one directory: one
// at a time delivers.
func (r *CasesRole) deliver(ctx context.Context) {
	part := feed.NewPart(feed.PartHandOver, r.metrics, r.log)
	var dir *handoverDir
	repeatEvery(ctx, deliverEvery, func(ctx context.Context) bool {
		release, mine, err := r.Store.LockDelivery(ctx)
		if err == nil && mine {
			defer release()
			if dir == nil {
				dir, err = openHandover(r.c.Handover)
			}
			if err == nil {
				d := &delivery{dir: dir, store: r.Store, keys: r.c.Keys, stamp: r.c.Stamp, metrics: r.metrics, log: r.log, now: time.Now}
				err = d.run(ctx)
			}
		}
		if ctx.Err() == nil {
			part.Note(err)
		}
		return false
	})
}

// handoverDir is the directory in which recipients find their files and put their answers: a directory a track, with out,
// in, in/done and in/refused.
type handoverDir struct {
	path string
	id   string // of this directory, in a file in it
}

const (
	stagingDir = ".staging"
	idFile     = ".anpr-handover-id"
)

// openHandover opens a directory, and makes what is missing in it.
func openHandover(path string) (*handoverDir, error) {
	d := &handoverDir{path: path}
	dirs := []string{filepath.Join(path, stagingDir)}
	for _, t := range cases.Tracks() {
		for _, sub := range []string{"out", "in/done", "in/refused"} {
			dirs = append(dirs, filepath.Join(path, string(t), filepath.FromSlash(sub)))
		}
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, fmt.Errorf("hand-over: %w", err)
		}
	}
	name := filepath.Join(path, idFile)
	if err := writeOnce(name, []byte(rand.Text()+"\n")); err != nil {
		return nil, err
	}
	id, err := os.ReadFile(name)
	if d.id = strings.TrimSpace(string(id)); err == nil && d.id == "" {
		err = fmt.Errorf("%s is empty", name)
	}
	if err != nil {
		return nil, fmt.Errorf("hand-over: %w", err)
	}
	return d, nil
}

// writeWhole writes a file that is there whole or not at all, in the place of one of the same name.
func writeWhole(path string, data []byte) error {
	tmp, err := writeTemporary(filepath.Dir(path), data)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(fmt.Errorf("hand-over: %w", err), os.Remove(tmp))
	}
	return durable.SyncDir(filepath.Dir(path))
}

// writeOnce writes a file that is there whole or not at all, unless one of the same name is there.
func writeOnce(path string, data []byte) error {
	tmp, err := writeTemporary(filepath.Dir(path), data)
	if err != nil {
		return err
	}
	err = os.Link(tmp, path)
	if errors.Is(err, os.ErrExist) {
		err = nil
	}
	if err := errors.Join(err, os.Remove(tmp)); err != nil {
		return fmt.Errorf("hand-over: %w", err)
	}
	return durable.SyncDir(filepath.Dir(path))
}

// writeTemporary writes a file under a name that nobody takes for a file of ours. After an error nothing of it stays.
func writeTemporary(dir string, data []byte) (string, error) {
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", fmt.Errorf("hand-over: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o640), f.Sync(), f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("hand-over: %w", err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// delivery is one round.
type delivery struct {
	dir     *handoverDir
	store   *store.Store
	keys    *signing.Keys                                 // that sign notices
	stamp   func(context.Context, []byte) ([]byte, error) // nil = no authority is configured
	metrics *feed.Metrics
	log     zerolog.Logger
	now     func() time.Time
}

// run delivers batches and notices that are due, and reads answers. The error is of the database; a file that cannot be
// written waits and stops no other.
func (d *delivery) run(ctx context.Context) error {
	due, err := d.store.DueDeliveries(ctx, d.dir.id)
	if err != nil {
		return err
	}
	for i := range due {
		if err := d.bring(ctx, &due[i]); err != nil {
			return err
		}
	}
	notices, err := d.store.DueNotices(ctx)
	if err != nil {
		return err
	}
	for i := range notices {
		if err := d.tell(ctx, &notices[i]); err != nil {
			return err
		}
	}
	return d.readAnswers(ctx)
}

// bring publishes the file of a batch once, whatever is killed in between: the file is made ready, that is noted, and
// then it is renamed into the directory of the recipient. Whoever finds it noted and no longer there knows that it was
// renamed, although the recipient may have taken it away since.
func (d *delivery) bring(ctx context.Context, b *store.Delivery) error {
	err := d.publish(ctx, b)
	if _, ok := errors.AsType[*fileError](err); !ok {
		return err
	}
	d.metrics.HandOverFailures.WithLabelValues(feed.FailedDelivery).Inc()
	wait := min(firstRetry<<min(b.Tries, 10), longestRetry)
	d.log.Error().Err(err).Stringer("batch", b.ID).Dur("again_after", wait).Msg("a transmission was not delivered")
	return d.store.NoteUndelivered(ctx, b.ID, "the file was not written into the directory", wait)
}

// fileError is an error of the directory, not of the database.
type fileError struct{ error }

func (d *delivery) publish(ctx context.Context, b *store.Delivery) error {
	name := store.FileOfBatch(b.ID)
	ready, out := filepath.Join(d.dir.path, stagingDir, name), filepath.Join(d.dir.path, string(b.Track), "out")
	if !b.Staged {
		content, err := d.store.TransmissionFile(ctx, b.ID)
		if err != nil {
			return err
		}
		if err := writeWhole(ready, content); err != nil {
			return &fileError{err}
		}
		if err := d.store.NoteStaged(ctx, b.ID, d.dir.id); err != nil {
			return err
		}
	}
	if err := os.Rename(ready, filepath.Join(out, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return &fileError{err}
	}
	if err := errors.Join(durable.SyncDir(out), durable.SyncDir(filepath.Dir(ready))); err != nil {
		return &fileError{err}
	}
	return d.store.NoteDelivered(ctx, b.ID)
}

// tell writes the next notice of an annulment, signed.
func (d *delivery) tell(ctx context.Context, n *store.Notice) error {
	content, err := d.writeNotice(ctx, n)
	if err == nil {
		err = writeOnce(filepath.Join(d.dir.path, string(n.Track), "out", fmt.Sprintf("annulment-%s-%04d.zip", n.Case, n.Copies+1)), content)
	}
	if err == nil {
		return d.store.NoteNotice(ctx, n.Case, "", noticeAgain)
	}
	d.metrics.HandOverFailures.WithLabelValues(feed.FailedNotice).Inc()
	d.log.Error().Err(err).Stringer("case", n.Case).Msg("a notice of an annulment was not written")
	return d.store.NoteNotice(ctx, n.Case, "the notice was not written into the directory", firstRetry)
}

// writeNotice writes the file of a notice. An authority that does not answer is not asked again in the round.
func (d *delivery) writeNotice(ctx context.Context, n *store.Notice) ([]byte, error) {
	at := n.NextCopyAt.Time()
	a := handover.Annulment{
		Copy: n.Copies + 1, BatchID: n.Batch, Track: string(n.Track), Number: n.Number, CaseID: n.Case.String(), Reason: n.Reason, AnnulledAt: n.AnnulledAt.Time(), WrittenAt: at,
	}
	content, err := a.JSON()
	if err != nil {
		return nil, err
	}
	schema, err := schemas.HandoverSchemas.ReadFile("handover/annulment.schema.json")
	if err != nil {
		return nil, fmt.Errorf("schema of a notice: %w", err)
	}
	signer, err := d.keys.Newest()
	if err != nil {
		return nil, err
	}
	var ask bundle.AskStamp
	if stamp := d.stamp; stamp != nil {
		ask = func(signature []byte) ([]byte, error) {
			token, err := stamp(ctx, signature)
			if err != nil {
				d.log.Warn().Err(err).Msg("the time-stamping authority did not answer; notices have no time stamp")
				d.stamp = func(context.Context, []byte) ([]byte, error) { return nil, err }
			}
			return token, err
		}
	}
	m := bundle.NoticeManifest{BatchID: n.Batch, Number: n.Number, CaseID: n.Case.String(), Copy: a.Copy}
	return bundle.WriteNotice(m, []bundle.Part{{Path: bundle.NoticePath, Data: content}, {Path: "annulment.schema.json", Data: schema}}, signer, at, ask)
}

// readAnswers records the answers that lie in the directories. A file that is none of a recipient is put aside, with the
// reason beside it, and stops no other.
func (d *delivery) readAnswers(ctx context.Context) error {
	for _, t := range cases.Tracks() {
		in := filepath.Join(d.dir.path, string(t), "in")
		list, err := os.ReadDir(in)
		if err != nil {
			d.log.Error().Err(err).Msg("the answers of recipients cannot be read")
			d.metrics.HandOverFailures.WithLabelValues(feed.FailedAnswer).Inc()
			continue
		}
		for _, e := range list {
			info, err := e.Info()
			age := time.Duration(0)
			if err == nil {
				age = d.now().Sub(info.ModTime())
			}
			if err != nil || !info.Mode().IsRegular() || !strings.HasSuffix(e.Name(), ".json") || strings.HasPrefix(e.Name(), ".") || age >= 0 && age < answerAge {
				continue
			}
			if err := d.readAnswer(ctx, t, filepath.Join(in, e.Name()), info.Size()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *delivery) readAnswer(ctx context.Context, track cases.Track, path string, size int64) error {
	n, err := d.record(ctx, track, path, size)
	if _, refused := errors.AsType[*cases.Refusal](err); err != nil && !refused {
		if _, ok := errors.AsType[*fileError](err); !ok {
			return err
		}
	}
	to := "done"
	if err != nil {
		to = "refused"
		d.metrics.HandOverFailures.WithLabelValues(feed.FailedAnswer).Inc()
		d.log.Error().Err(err).Str("file", filepath.Base(path)).Msg("the answer of a recipient is refused")
	} else {
		d.log.Info().Str("file", filepath.Base(path)).Int("acknowledged", n.Acknowledged).Int("returned", n.Returned).Int("annulments", n.Annulments).Int("unchanged", n.Unchanged).Msg("a recipient answered")
	}
	target := filepath.Join(filepath.Dir(path), to, fmt.Sprintf("%s-%s", d.now().UTC().Format("20060102T150405.000000"), filepath.Base(path)))
	if err != nil {
		err = os.WriteFile(target+".problem.txt", []byte(err.Error()+"\n"), 0o640)
	}
	if err := errors.Join(err, os.Rename(path, target)); err != nil {
		d.log.Error().Err(err).Msg("the answer of a recipient cannot be put aside; it is read again, which changes nothing")
	}
	return nil
}

// record records the answer of a file.
func (d *delivery) record(ctx context.Context, track cases.Track, path string, size int64) (n store.Answered, err error) {
	if size > handover.MaxAnswer {
		return n, &fileError{fmt.Errorf("the file has %d bytes, at most %d are possible", size, handover.MaxAnswer)}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return n, &fileError{err}
	}
	a, err := handover.ParseAnswer(content)
	if err != nil {
		return n, &fileError{err}
	}
	id, err := cases.ParseID(a.BatchID)
	if err != nil {
		return n, &fileError{err}
	}
	t, err := d.store.FindTransmission(ctx, id, nil, nil)
	if err != nil {
		return n, err
	}
	if t.Track != track {
		return n, &fileError{fmt.Errorf("the batch went to %s, and the answer comes from %s", t.Track, track)}
	}
	list := make([]store.Answer, len(a.Answers))
	for i, x := range a.Answers {
		list[i] = store.Answer(x)
	}
	return d.store.AnswerBatch(ctx, id, list, cases.SystemActor())
}
