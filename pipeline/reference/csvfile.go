package reference

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// csvFile reads the rows of one CSV file. A row with a problem is reported by bad after its fields were read, and is
// not to be used; reading goes on until the file has maxProblems.
//
// Rows without quotes are split here, without a copy. From the first row on that has a quote, is cut short or has another
// number of fields, encoding/csv reads on: both take their bytes from the same buffer.
type csvFile struct {
	ended   func() error // the context's
	r       *csv.Reader
	plain   plainRows
	sum     *xxhash.Digest
	rest    *bufio.Reader // to the end of the file, hashed
	columns []string
	must    int   // so many of columns must be there
	at      []int // place of column i in the record; -1 = the file has no such column
	width   int   // columns of the header
	rec     []string
	rows    int

	headerLines int // up to and with the header
	before      int // problems when the row began
	p           *problems
	err         error // of reading; ends the file
}

// checkEvery is how many rows are read between two looks at the context.
const checkEvery = 4096

// columnSet is what a CSV file may have: the last columns are optional, so that a file of an earlier form still loads.
type columnSet struct {
	names    []string
	optional int
}

func newCSVFile(ended func() error, in io.Reader, columns columnSet, p *problems) *csvFile {
	f := &csvFile{
		sum: xxhash.New(), ended: ended, columns: columns.names, must: len(columns.names) - columns.optional, p: p,
	}
	buffered := bufio.NewReaderSize(io.TeeReader(in, f.sum), 256<<10)
	f.rest = buffered
	if bom, err := buffered.Peek(3); err == nil && bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, f.err = buffered.Discard(3)
	}
	f.r = csv.NewReader(buffered)
	f.r.ReuseRecord = true
	f.r.Comment = '#'
	if f.err == nil {
		f.readHeader()
	}
	if f.err == nil {
		f.plain = plainRows{in: buffered, on: true, fields: make([]string, f.width), lines: f.headerLines, header: f.headerLines}
	}
	return f
}

func (f *csvFile) readHeader() {
	rec, err := f.r.Read()
	if err != nil {
		if f.readError(err); errors.Is(f.err, io.EOF) {
			f.p.addProblemf(0, "", "has no header line; begin it with %s", strings.Join(f.columns, ","))
		} else if f.err == nil {
			f.err = io.EOF // the header is no CSV
		}
		return
	}
	line, _ := f.r.FieldPos(0)
	f.headerLines, _ = f.r.FieldPos(len(rec) - 1)
	f.width = len(rec)
	if detail := separatorProblem(rec, f.must); detail != "" {
		f.p.addProblem(line, "", detail)
		f.err = io.EOF
		return
	}
	f.at = make([]int, len(f.columns))
	for i, c := range f.columns {
		if f.at[i] = slices.Index(rec, c); f.at[i] < 0 && i < f.must {
			f.p.addProblemf(line, c, "is not in the header; the columns are %s", strings.Join(f.columns, ","))
		}
	}
	for i, c := range rec {
		if !slices.Contains(f.columns, c) || slices.Index(rec, c) != i {
			f.p.addProblemf(line, fmt.Sprintf("%.40q", c), "is no column of this file or is there twice; the columns are %s", strings.Join(f.columns, ","))
		}
	}
	if len(f.p.list) > 0 {
		f.err = io.EOF
	}
}

// readError files an error of the reader: a problem of the content, or f.err.
func (f *csvFile) readError(err error) {
	var pe *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		f.err = io.EOF
	case errors.As(err, &pe):
		detail := pe.Err.Error()
		if errors.Is(err, csv.ErrFieldCount) {
			if detail = separatorProblem(f.rec, f.width); detail == "" {
				detail = fmt.Sprintf("has %s, want %d; quote fields with commas", fieldCount(len(f.rec)), f.width)
			}
		}
		f.p.addProblem(pe.Line+f.plain.linesBefore(), "", detail)
	default:
		f.err = err
	}
}

// otherSeparators are what spreadsheets write in place of commas. A Belgian, Dutch or French one writes semicolons, because its decimals
// have the comma.
var otherSeparators = []struct{ sign, name string }{{";", "';'"}, {"\t", "a tab"}, {"|", "'|'"}}

// separatorProblem says that a record of too few fields has another separator than the comma; "" when it has not. It repeats nothing of the
// record. The record may have commas all the same, in decimals or in texts.
func separatorProblem(rec []string, want int) string {
	if strings.HasPrefix(rec[0], "sep=") {
		return "is a line that spreadsheets write for themselves: delete it, the file begins with its header"
	}
	if len(rec) >= want {
		return ""
	}
	whole := strings.Join(rec, ",")
	for _, s := range otherSeparators {
		if n := strings.Count(whole, s.sign); n > 0 && (len(rec) == 1 || n >= want-1) {
			return fmt.Sprintf("has %s, want %d; it looks separated by %s, as Belgian and French spreadsheets do: save as CSV with commas", fieldCount(len(rec)), want, s.name)
		}
	}
	return ""
}

func fieldCount(n int) string {
	if n == 1 {
		return "1 field"
	}
	return fmt.Sprintf("%d fields", n)
}

// nextRow reads a row; false at the end, on an error of reading, or when the file has too many problems.
func (f *csvFile) nextRow() bool {
	for f.err == nil && !f.p.isFull() {
		if f.rows++; f.rows%checkEvery == 0 {
			if f.err = f.ended(); f.err != nil {
				return false
			}
		}
		if f.plain.nextRow() {
			f.rec, f.before = f.plain.fields, len(f.p.list)
			return true
		}
		var err error
		f.rec, err = f.r.Read()
		if err == nil {
			f.before = len(f.p.list)
			return true
		}
		f.readError(err)
	}
	return false
}

// rowIsBad reports whether the row had a problem.
func (f *csvFile) rowIsBad() bool { return len(f.p.list) > f.before }

// lineAt is where column i of the row begins.
func (f *csvFile) lineAt(i int) int {
	if f.plain.on {
		return f.plain.lines
	}
	line, _ := f.r.FieldPos(max(f.at[i], 0))
	return line + f.plain.linesBefore()
}

func (f *csvFile) addProblem(i int, err error) {
	f.p.addProblem(f.lineAt(i), f.columns[i], err.Error())
}

// fieldAt returns the bytes of column i. They are valid until the next row: whoever keeps them copies them.
// That of an optional column that the file lacks is empty.
func (f *csvFile) fieldAt(i int) string {
	if f.at[i] < 0 {
		return ""
	}
	return f.rec[f.at[i]]
}

// csvValue reads column i by read and files its error.
func csvValue[T any](f *csvFile, i int, read func(string) (T, error)) T {
	v, err := read(f.fieldAt(i))
	if err != nil {
		f.addProblem(i, err)
	}
	return v
}

// csvOptional is csvValue, with the zero value for an empty field.
func csvOptional[T any](f *csvFile, i int, read func(string) (T, error)) (v T) {
	if f.fieldAt(i) == "" {
		return v
	}
	return csvValue(f, i, read)
}

// textAt returns a field of free text.
func (f *csvFile) textAt(i int) string {
	s := f.fieldAt(i)
	if err := checkText(s); err != nil {
		f.addProblem(i, err)
	}
	return s
}

// boolAt reads true or false; empty is false.
func (f *csvFile) boolAt(i int) bool {
	switch f.fieldAt(i) {
	case "true":
		return true
	case "false", "":
	default:
		f.addProblem(i, fmt.Errorf("%.40q is neither true nor false", f.fieldAt(i)))
	}
	return false
}

// periodAt reads the period in columns i and i+1.
func (f *csvFile) periodAt(i int) (from, to schemas.Day) {
	before := len(f.p.list)
	from, to = csvValue(f, i, readDay), csvOptional(f, i+1, lastDay)
	if err := checkOrder(from, to); err != nil && len(f.p.list) == before {
		f.addProblem(i+1, err)
	}
	return from, to
}

// lastDay is day without 1970-01-01, whose zero stands for open.
func lastDay(s string) (schemas.Day, error) {
	d, err := readDay(s)
	if err == nil && d == 0 {
		err = errors.New("1970-01-01 stands for open; write another day or leave it empty")
	}
	return d, err
}

// checkRest reads what is left and compares the whole with what was seen before.
func (f *csvFile) checkRest(want digest) error {
	if f.err != nil && !errors.Is(f.err, io.EOF) {
		return f.err
	}
	if _, err := io.Copy(io.Discard, f.rest); err != nil {
		return err
	}
	if f.sum.Sum64() != want.quick {
		return errChanged
	}
	return nil
}
