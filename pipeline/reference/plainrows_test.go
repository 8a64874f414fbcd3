package reference

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// row is a row of a CSV file with the line it begins at.
type row struct {
	line   int
	fields []string
}

// rowsOf reads as the loaders do.
func rowsOf(t testing.TB, b []byte, columns []string) (rows []row, wrong []string) {
	t.Helper()
	p := &problems{file: "f.csv"}
	f := newCSVFile(t.Context().Err, bytes.NewReader(b), csvColumns{names: columns}, p)
	for f.nextRow() {
		r := row{line: f.lineAt(0)}
		for i := range columns {
			r.fields = append(r.fields, strings.Clone(f.fieldAt(i)))
		}
		rows = append(rows, r)
	}
	if err := f.checkRest(digest{quick: xxhash.Sum64(b)}); err != nil {
		t.Errorf("read: %v", err)
	}
	for _, x := range p.list {
		wrong = append(wrong, x.String())
	}
	return rows, wrong
}

// slowRowsOf is rowsOf by encoding/csv alone.
func slowRowsOf(b []byte, columns int) (rows []row, wrong int) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))))
	r.Comment = '#'
	if _, err := r.Read(); err != nil {
		return nil, 1
	}
	for wrong < maxProblems {
		rec, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return rows, wrong
		case err != nil:
			wrong++
		default:
			line, _ := r.FieldPos(0)
			rows = append(rows, row{line, slices.Clone(rec)})
		}
	}
	return rows, wrong
}

func checkPlainRows(t *testing.T, body []byte) {
	t.Helper()
	columns := []string{"a", "b", "c"}
	b := append([]byte("a,b,c\n"), body...)
	got, gotWrong := rowsOf(t, b, columns)
	want, wrong := slowRowsOf(b, len(columns))
	same := func(x, y row) bool { return x.line == y.line && slices.Equal(x.fields, y.fields) }
	if !slices.EqualFunc(got, want, same) || len(gotWrong) != wrong {
		t.Fatalf("%q: got %v %v, want %v and %d problems", b, got, gotWrong, want, wrong)
	}
}

var csvOddities = []string{
	"1,2,3\n4,5,6\n", "1,2,3\r\n4,5,6\r\n", "1,2,3", "1,2,3\r", "\n\n1,2,3\n\n", "#x\n1,2,3\n#\"y\n4,5,6\n", "1,2\n3,4,5\n", "1,2,3,4\n5,6,7\n",
	"1,\"2\n2\",3\n4,5,6\n", "1,2\",3\n4,5,6\n", "\"1\",2,3\n#c\n4,5,6\n", "\r\n1,2,3\r\r\n", "1,2,3\x00\n", ",,\n", "\"", " #1,2,3\n", "1,\r2,3\n",
}

// FuzzPlainRows: rows are read as encoding/csv alone reads them, at the same lines.
func FuzzPlainRows(f *testing.F) {
	for _, s := range csvOddities {
		f.Add([]byte(s))
	}
	f.Fuzz(checkPlainRows)
}

func TestPlainRowsAcrossTheEdgeOfTheBuffer(t *testing.T) {
	r := newSeededRand(t)
	for range 20 {
		var b bytes.Buffer
		for b.Len() < 700<<10 {
			switch r.IntN(2000) {
			case 0:
				b.WriteString(csvOddities[r.IntN(len(csvOddities)-3)])
			case 1:
				fmt.Fprintf(&b, "1,%s,3\n", strings.Repeat("x", r.IntN(300<<10)))
			default:
				fmt.Fprintf(&b, "%d,%s,%d\n", r.IntN(1e9), strings.Repeat("y", r.IntN(60)), r.IntN(10))
			}
		}
		checkPlainRows(t, b.Bytes())
	}
}
