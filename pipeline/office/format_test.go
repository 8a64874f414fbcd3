package office

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestReadsArePrintedAsAnAlignedTable(t *testing.T) {
	from := now.Add(-30 * day)
	var b bytes.Buffer
	n := uint64(2)
	err := PrintReads(&b, &ReadsAnswer{
		Scope: Scope{Purpose: "judicial", From: &from, Zones: []string{"5339"}, Narrowed: []Narrowed{{What: "from", Code: "age", Text: "the first month only"}}, LogSeq: 7},
		Reads: []query.Read{
			{ReadRow: schemas.ReadRow{CapturedAt: now, Plate: "1ABC123", Country: "BE", Camera: "BRU-1", Site: "S-1", Zone: "5339", Lane: 2, Speed: 505, Confidence: 950, ReadID: schemas.ReadID{ID: schemas.ID{1}}}, Street: &schemas.Street{NL: "Wetstraat", FR: "Rue de la Loi"}},
			{ReadRow: schemas.ReadRow{CapturedAt: now, Plate: "2X", Camera: "BRU-\x1b[31m\t2", ReadID: schemas.ReadID{ID: schemas.ID{2}}}},
		}, Next: "abc", Count: &n,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `CAPTURED                     PLATE    COUNTRY  CAMERA       STREET                     SITE  ZONE  LANE  KM/H  CONF  READ
2026-11-21 13:00:00.000 CET  1ABC123  BE       BRU-1        Rue de la Loi / Wetstraat  S-1   5339  2     50.5  95.0  01000000-0000-0000-0000-000000000000
2026-11-21 13:00:00.000 CET  2X                BRU-?[31m?2                                         0     0.0   0.0   02000000-0000-0000-0000-000000000000
2 reads in all
2 shown; purpose judicial, from 2026-10-22 14:00:00.000 CEST, zones 5339; access log entry 7
narrowed: the first month only
more: --after abc
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestEveryAnswerPrints(t *testing.T) {
	for name, c := range map[string]struct {
		print func(*bytes.Buffer) error
		want  []string
	}{
		"last seen": {func(b *bytes.Buffer) error {
			return PrintLastSeen(b, &ReadsAnswer{Reads: []query.Read{{ReadRow: schemas.ReadRow{Plate: "1ABC123"}}}, Next: "x"})
		}, []string{"1ABC123", "1 shown"}},
		"not seen": {func(b *bytes.Buffer) error { return PrintLastSeen(b, &ReadsAnswer{}) }, []string{"0 shown"}},
		"hits": {
			func(b *bytes.Buffer) error {
				return PrintHits(b, &HitsAnswer{Hits: []query.Hit{{HitRow: schemas.HitRow{List: "stolen", Priority: 90}, Street: &schemas.Street{NL: "Wetstraat", FR: "Rue de la Loi"}}}})
			},
			[]string{"stolen", "90", "Rue de la Loi / Wetstraat"},
		},
		"decisions": {func(b *bytes.Buffer) error {
			return PrintDecisions(b, &DecisionsAnswer{Decisions: []Decided{{Decision: query.Decision{Outcome: "exempt"}, Explanation: []string{"oud"}}}})
		}, []string{"exempt", "  oud"}},
		"rejects": {func(b *bytes.Buffer) error {
			return PrintRejects(b, &RejectsAnswer{ByReason: []query.ReasonCount{{Reason: "bad_plate", Count: 3}}, Rejects: []query.Reject{{Offset: 77, ReceivedAt: time.UnixMicro(0)}}})
		}, []string{"bad_plate  3", "77", "-"}},
		"access log": {func(b *bytes.Buffer) error {
			return PrintAccessLog(b, &AccessLogAnswer{Entries: []AccessEntry{{Seq: 5, Refusal: "no basis"}}})
		}, []string{"5", "no basis"}},
		"verified": {func(b *bytes.Buffer) error {
			return PrintVerify(b, &VerifyAnswer{OK: true, Entries: 5, HeadSeq: 5, Head: "ab"})
		}, []string{"the chain holds: 5 entries\nentry 5 has ab; note it elsewhere: --seq 5 --sha256 ab\n"}},
		"broken": {func(b *bytes.Buffer) error { return PrintVerify(b, &VerifyAnswer{FirstBad: 3, Problem: "missing"}) }, []string{"DOES NOT HOLD at entry 3"}},
		"JSON":   {func(b *bytes.Buffer) error { return PrintJSON(b, &VerifyAnswer{OK: true}) }, []string{`"ok": true`}},
	} {
		var b bytes.Buffer
		if err := c.print(&b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, w := range c.want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: got\n%s\nwithout %q", name, b.String(), w)
			}
		}
	}
}

// Without an office there is no purpose and no log entry to name.
func TestAVerificationWithoutTheOfficeNamesNoLookUp(t *testing.T) {
	for _, a := range []VerifyAnswer{{OK: true, Entries: 11, HeadSeq: 11, Head: "395c"}, {OK: true}, {FirstBad: 3, Problem: "missing"}} {
		var alone, asked bytes.Buffer
		if err := PrintVerify(&alone, &a); err != nil || strings.Contains(alone.String(), "purpose") || strings.Contains(alone.String(), "entry 0") {
			t.Errorf("%+v: %v\n%s", a, err, &alone)
		}
		a.Scope = Scope{Purpose: "operation", LogSeq: 12}
		if err := PrintVerify(&asked, &a); err != nil || !strings.Contains(asked.String(), "purpose operation; access log entry 12") {
			t.Errorf("of the office: %v\n%s", err, &asked)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestAPrinterReportsThatItCouldNotWrite(t *testing.T) {
	if err := PrintReads(full{}, &ReadsAnswer{}); err == nil {
		t.Error("got no error")
	}
}

// The client can encode the fields of every query type.
func TestEveryQueryCanBeEncoded(t *testing.T) {
	for _, q := range []any{SearchPageQuery{}, JourneyQuery{}, RejectsQuery{}, ReconcileQuery{}, DashboardQuery{}, ReplayQuery{}, DecisionNumbersQuery{}} {
		v := reflect.New(reflect.TypeOf(q)).Elem()
		n := fill(v)
		values := map[string][]string{}
		path := encodeFields(v, "/{search_id}", values)
		sent := len(values) + strings.Count(path, "x")
		if sent != n {
			t.Errorf("%T: sent %d of %d fields: %v %s", q, sent, n, values, path)
		}
	}
}

// fill sets every field and returns the number of fields.
func fill(v reflect.Value) int {
	n := 0
	for _, f := range v.Fields() {
		switch x := f.Addr().Interface().(type) {
		case *string:
			*x = "x"
		case *Justification:
			continue // becomes a purpose, and is not sent
		case *bool:
			*x = true
		case *int:
			*x = 1
		case *uint64:
			*x = 1
		case *[]string:
			*x = []string{"x"}
		case *time.Time:
			*x = now
		default:
			n += fill(f) - 1
		}
		n++
	}
	return n
}
