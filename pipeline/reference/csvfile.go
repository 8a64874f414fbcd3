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

// csvFile reads a CSV file's rows. rowIsBad reports a row with a problem, after its fields were read; such a row must
// not be used. Reading goes on until the file has maxProblems.
//
// Rows without quotes are split here, without a copy. encoding/csv reads on from the first row with a quote, a cut end
// or a wrong field count: both readers take bytes from the same buffer.
type csvFile struct {
	ended   func() error // the context's error
	r       *csv.Reader
	plain   plainRows
	sum     *xxhash.Digest
	rest    *bufio.Reader // the bytes until the end of the file, hashed
	columns []string
	must    int   // number of required columns
	at      []int // position of column i in the record; -1 = absent from the file
	width   int   // columns in the header
	rec     []string
	rows    int

	headerLines int // lines up to the end of the header
	before      int // problems when the row began
	p           *problems
	err         error // reading error; ends the file
}

// checkEvery is the number of rows between two checks of the context.
const checkEvery = 4096

// csvColumns holds the columns of a CSV file: the last are optional, so a file in an earlier form still loads.
type csvColumns struct {
	names    []string
	optional int
}

func newCSVFile(ended func() error, in io.Reader, columns csvColumns, p *problems) *csvFile {
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

// readError sorts a reader's error: a problem in the content, or f.err.
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

// otherSeparators are the separators which spreadsheets write in place of commas. A Belgian, Dutch or French
// spreadsheet writes semicolons, because its decimals have the comma.
var otherSeparators = []struct{ sign, name string }{{";", "';'"}, {"\t", "a tab"}, {"|", "'|'"}}

// separatorProblem describes a record with too few fields and another separator than the comma; "" for any other
// record. The text repeats nothing from the record. The record may have commas all the same, in decimals or texts.
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

// nextRow reads a row; false at the end, after a reading error, or with too many problems in the file.
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

// lineAt returns the line where the row's column i begins.
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

// fieldAt returns the bytes in column i, empty for an absent optional column. They are valid until the next row: a
// caller copies what it keeps.
func (f *csvFile) fieldAt(i int) string {
	if f.at[i] < 0 {
		return ""
	}
	return f.rec[f.at[i]]
}

// csvValue reads column i with read and reports an error.
func csvValue[T any](f *csvFile, i int, read func(string) (T, error)) T {
	v, err := read(f.fieldAt(i))
	if err != nil {
		f.addProblem(i, err)
	}
	return v
}

// csvOptional is csvValue with the zero value for an empty field.
func csvOptional[T any](f *csvFile, i int, read func(string) (T, error)) (v T) {
	if f.fieldAt(i) == "" {
		return v
	}
	return csvValue(f, i, read)
}

// textAt returns a free-text field.
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

// lastDay is readDay without 1970-01-01, because zero means open.
func lastDay(s string) (schemas.Day, error) {
	d, err := readDay(s)
	if err == nil && d == 0 {
		err = errors.New("1970-01-01 stands for open; write another day or leave it empty")
	}
	return d, err
}

// checkRest reads the rest and compares the whole file with the digest from the first reading.
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
