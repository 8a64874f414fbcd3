package access

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/gvc-brussels/anpr/schemas"
)

// exportForm names the form in the first line.
const exportForm = "anpr look-up log export/1"

// exportHead is the first line in an exported log.
type exportHead struct {
	Form      string `json:"form"`
	PublicKey string `json:"public_key"` // a claim only: readers need the site's key from elsewhere
}

// exportedEntry is a line in an exported log.
type exportedEntry struct {
	*Entry
	PrevHex string   `json:"prev_sha256"`
	SumHex  string   `json:"entry_sha256"`
	Marks   []string `json:"plate_hmacs,omitempty"`
}

// ExportLog writes a log as lines of JSON, without a plate in clear. A damaged log is written as it is.
func ExportLog(ctx context.Context, log Scanner, key *PublicKey, out io.Writer) (entries uint64, err error) {
	b := bufio.NewWriter(out)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(exportHead{exportForm, key.String()}); err != nil {
		return 0, err
	}
	err = log.Scan(ctx, 1, func(e *Entry) error {
		x := exportedEntry{Entry: e, PrevHex: hex.EncodeToString(e.Prev[:]), SumHex: hex.EncodeToString(e.Sum[:])}
		for i := range e.Marks {
			x.Marks = append(x.Marks, hex.EncodeToString(e.Marks[i][:]))
		}
		entries++
		return enc.Encode(x)
	})
	return entries, errors.Join(err, b.Flush())
}

// ExportedLog is an exported log. It can be scanned several times.
type ExportedLog struct {
	src       io.ReadSeeker
	PublicKey string // as the file claims
}

// ReadExport reads an exported log's first line.
func ReadExport(src io.ReadSeeker) (*ExportedLog, error) {
	x := &ExportedLog{src: src}
	if _, err := x.readHeadLine(); err != nil {
		return nil, err
	}
	return x, nil
}

func (x *ExportedLog) readHeadLine() (*json.Decoder, error) {
	if _, err := x.src.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bufio.NewReader(x.src))
	var head exportHead
	if err := d.Decode(&head); err != nil || head.Form != exportForm {
		return nil, fmt.Errorf("the file does not begin with %q: it is no export of a look-up log (anpr access-log export)", exportForm)
	}
	x.PublicKey = head.PublicKey
	return d, nil
}

// Scan gives each the file's entries from a number on.
func (x *ExportedLog) Scan(ctx context.Context, from uint64, each func(*Entry) error) error {
	d, err := x.readHeadLine()
	if err != nil {
		return err
	}
	for line := 2; ctx.Err() == nil; line++ {
		r := exportedEntry{Entry: new(Entry)}
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("entry in line %d: %w", line, err)
		}
		if err := errors.Join(readSum(&r.Prev, r.PrevHex), readSum(&r.Sum, r.SumHex)); err != nil {
			return fmt.Errorf("entry %d: %w", r.Seq, err)
		}
		for _, m := range r.Marks {
			var s schemas.Sum
			if err := readSum(&s, m); err != nil {
				return fmt.Errorf("entry %d: %w", r.Seq, err)
			}
			r.Entry.Marks = append(r.Entry.Marks, s)
		}
		if from > 1 && r.Seq < from {
			continue
		}
		if err := each(r.Entry); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func readSum(to *schemas.Sum, text string) error {
	if n, err := hex.Decode(to[:], clipHex(text)); err != nil || n != len(to) || len(text) != 2*n {
		return fmt.Errorf("%.70q is no hash of 64 hexadecimal digits", text)
	}
	return nil
}
