package reconcile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrDamaged means that a file of receipts is broken before its end: later receipts are unknown.
var ErrDamaged = errors.New("damaged")

// ReadReceipts visits the receipts of a time range [from, to) at a place: a directory, or the http address of a
// gateway's ops port. The camera's name stays valid after the visit. A killed gateway leaves an incomplete frame at the
// end of a file, which ends the file. Any other break is an error that wraps ErrDamaged.
func ReadReceipts(ctx context.Context, place string, from, to time.Time, visit func(*JournalReceipt) error) error {
	src := shelfOf(place)
	names, err := src.listFiles(ctx)
	if err != nil {
		return err
	}
	for i, name := range names {
		at, _ := fileStart(name)
		if at.After(to.Add(slack)) {
			continue // a receipt is written after the receipt of the record, within slack
		}
		if i+1 < len(names) {
			if next, _ := fileStart(names[i+1]); next.Before(from) {
				continue
			}
		}
		if err := readFile(ctx, src, name, from, to, visit); err != nil {
			return err
		}
	}
	return nil
}

func readFile(ctx context.Context, src receiptSource, name string, from, to time.Time, visit func(*JournalReceipt) error) error {
	r, err := src.openFile(ctx, name)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(r) // an hour's receipts: 25 million take 200 MB
	if err := errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("read receipts %s: %w", name, err)
	}
	p := frameParser{data: data, from: from.UnixMicro(), to: to.UnixMicro(), visit: visit}
	if err := p.parseFrames(); err != nil {
		return fmt.Errorf("receipts %s/%s: %w", src, name, err)
	}
	return nil
}

type frameParser struct {
	data     []byte
	from, to int64
	cameras  []string
	visit    func(*JournalReceipt) error
}

func (p *frameParser) parseFrames() error {
	for at := 0; at < len(p.data); {
		rest := p.data[at:]
		if len(rest) < frameHead {
			return nil
		}
		n := int(binary.LittleEndian.Uint32(rest))
		if n > maxFrame {
			return p.isTorn(at)
		}
		if len(rest) < frameHead+n {
			return nil
		}
		payload := rest[frameHead : frameHead+n]
		if n == 0 || crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(rest[4:]) {
			return p.isTorn(at)
		}
		if err := p.parseFrame(payload); err != nil {
			return err
		}
		at += frameHead + n
	}
	return nil
}

// isTorn distinguishes a file system's zeros after a power cut, which end a file, from damage.
func (p *frameParser) isTorn(at int) error {
	if len(bytes.Trim(p.data[at:], "\x00")) == 0 {
		return nil
	}
	return fmt.Errorf("%w at byte %d of %d", ErrDamaged, at, len(p.data))
}

func (p *frameParser) parseFrame(b []byte) error {
	switch b[0] {
	case 'c':
		p.cameras = append(p.cameras, string(b[1:]))
		return nil
	case 'a':
		return p.parseReceipts(b[1:])
	default:
		return fmt.Errorf("%w: a frame of kind %q is not known to this program", ErrDamaged, b[0])
	}
}

func (p *frameParser) parseReceipts(b []byte) error {
	uvarint := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			b = nil
			return 0
		}
		b = b[n:]
		return v
	}
	r := JournalReceipt{Partition: int32(uvarint()), Offset: int64(uvarint())}
	var at int64
	for left := uvarint(); left > 0; left-- {
		cam := uvarint()
		step, n := binary.Varint(b)
		if n <= 0 || len(b) < n+4 || cam >= uint64(len(p.cameras)) {
			return fmt.Errorf("%w: a frame of receipts is cut short", ErrDamaged)
		}
		at += step
		r.Camera, r.At, r.Sum = p.cameras[cam], time.UnixMicro(at), binary.LittleEndian.Uint32(b[n:])
		b = b[n+4:]
		if at >= p.from && at < p.to {
			if err := p.visit(&r); err != nil {
				return err
			}
		}
		r.Offset++
	}
	return nil
}

// receiptSource lists and opens files of receipts.
type receiptSource interface {
	listFiles(ctx context.Context) ([]string, error)
	openFile(ctx context.Context, name string) (io.ReadCloser, error)
	String() string
}

func shelfOf(place string) receiptSource {
	if strings.HasPrefix(place, "http://") || strings.HasPrefix(place, "https://") {
		return remoteJournals(strings.TrimRight(place, "/"))
	}
	return localJournals(place)
}

type localJournals string

func (l localJournals) String() string { return string(l) }

func (l localJournals) listFiles(context.Context) ([]string, error) { return journalFiles(string(l)) }

func (l localJournals) openFile(_ context.Context, name string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(string(l), name))
	if err != nil {
		return nil, fmt.Errorf("read receipts: %w", err)
	}
	return f, nil
}

// remoteJournals is a gateway's ops port.
type remoteJournals string

func (r remoteJournals) String() string { return string(r) }

func (r remoteJournals) listFiles(ctx context.Context) ([]string, error) {
	body, err := r.openFile(ctx, "")
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(body, 1<<20))
	if err := errors.Join(err, body.Close()); err != nil {
		return nil, fmt.Errorf("list receipts at %s: %w", r, err)
	}
	var out []string
	for name := range strings.FieldsSeq(string(text)) {
		if _, ok := fileStart(name); !ok || strings.ContainsAny(name, "/\\") {
			return nil, fmt.Errorf("list receipts at %s: %.60q is no file of receipts; is it the ops port of a gateway?", r, name)
		}
		out = append(out, name)
	}
	return out, nil
}

func (r remoteJournals) openFile(ctx context.Context, name string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, string(r)+ReceiptsPath+name, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask for receipts: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for receipts: %w; is the gateway up?", err)
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("ask for receipts at %s%s%s: %s; is it the ops port of a gateway?", r, ReceiptsPath, name, resp.Status)
	}
	return resp.Body, nil
}

// ReceiptsPath is the path of the receipts on a gateway's ops port.
const ReceiptsPath = "/receipts/"

// ServeReceipts serves a journal's directory at ReceiptsPath: the list of files, and each file.
func ServeReceipts(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		name := strings.TrimPrefix(req.URL.Path, ReceiptsPath)
		names, err := journalFiles(dir)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if name == "" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, strings.Join(names, "\n")+"\n")
			return
		}
		for _, n := range names {
			if n == name {
				w.Header().Set("Content-Type", "application/octet-stream")
				http.ServeFile(w, req, filepath.Join(dir, n))
				return
			}
		}
		http.NotFound(w, req)
	})
}
