package access

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// memory is a Store in memory. Its fault hooks are set by tests.
type memory struct {
	mu      sync.Mutex
	entries []Entry
	head    Head
	appends []int // entries of each
	before  func([]*Entry) error
	after   func() error // loses the acknowledgement of an append that happened
	years   map[int]string
}

func (m *memory) Append(_ context.Context, es []*Entry, seal func(End) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	end := End{Head: m.head, Now: schemas.MicrosOf(testNow)}
	if n := len(m.entries); n > 0 {
		end.Newest, end.Signature = m.entries[n-1].head(), m.entries[n-1].Signature
	}
	if err := seal(end); err != nil || len(es) == 0 {
		return err
	}
	m.appends = append(m.appends, len(es))
	if m.before != nil {
		if err := m.before(es); err != nil {
			return err
		}
	}
	for _, e := range es {
		m.entries = append(m.entries, *e)
		m.head = e.head()
	}
	if m.after != nil {
		return m.after()
	}
	return nil
}

func (m *memory) Head(context.Context) (Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.head, nil
}

func (m *memory) RegisterKey(_ context.Context, year int, id string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.years == nil {
		m.years = map[int]string{}
	}
	if m.years[year] == "" {
		m.years[year] = id
	}
	return m.years[year], nil
}

func (m *memory) Scan(_ context.Context, from uint64, each func(*Entry) error) error {
	m.mu.Lock()
	entries := slices.Clone(m.entries)
	m.mu.Unlock()
	slices.SortStableFunc(entries, func(a, b Entry) int { return int(a.Seq) - int(b.Seq) })
	for i := range entries {
		if entries[i].Seq < from {
			continue
		}
		if err := each(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}

var testNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func testKeys(t testing.TB) *Keys {
	t.Helper()
	k, err := LoadKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func openLog(t testing.TB, m *memory, k *Keys) *Log {
	t.Helper()
	l, err := OpenLog(t.Context(), m, k)
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	return l
}

func scopeOf(t testing.TB, plate string) Scope {
	t.Helper()
	s, r := Authorise(&User{Name: "officer", Role: ZoneOfficer, Zones: []string{"5339"}},
		Request{
			Route: RouteSearch, Purpose: Judicial, Reason: "stolen car, rue Neuve", Query: `{"plate":` + quote(plate) + `}`, Plates: []string{plate},
			SignIn: "s1", Address: "192.0.2.7",
		}, schemas.MicrosOf(testNow))
	if r != nil {
		t.Fatalf("authorise: %v", r)
	}
	return s
}

// filledLog makes n entries: look-ups and what they disclosed.
func filledLog(t testing.TB, m *memory, k *Keys, n int) *Log {
	t.Helper()
	l := openLog(t, m, k)
	for i := 0; i < n; i += 2 {
		p, err := l.Grant(t.Context(), scopeOf(t, "1ABC"+strings.Repeat("1", i/2+1)))
		if err != nil {
			t.Fatalf("grant %d: %v", i, err)
		}
		if err := l.Disclose(t.Context(), p, Disclosure{Rows: 2, Plates: []string{"1ABC123", "2XYZ999", "1ABC123"}}); err != nil {
			t.Fatalf("disclose %d: %v", i, err)
		}
	}
	return l
}

// rechain edits entry i and makes the chain consistent again: what somebody does who knows the format and has no key.
func rechain(es []Entry, i int) {
	es[i].Reason = "another reason"
	for ; i < len(es); i++ {
		if i > 0 {
			es[i].Prev = es[i-1].Sum
		}
		es[i].Sum = es[i].hash()
	}
}

func TestVerifyNamesTheFirstBadEntry(t *testing.T) {
	for name, c := range map[string]struct {
		tamper func(*memory)
		want   uint64
	}{
		"nothing":         {func(*memory) {}, 0},
		"edited reason":   {func(m *memory) { m.entries[2].Reason = "another reason" }, 3},
		"edited time":     {func(m *memory) { m.entries[3].At++ }, 4},
		"edited outcome":  {func(m *memory) { m.entries[0].Outcome = Refused }, 1},
		"edited address":  {func(m *memory) { m.entries[4].Address = "192.0.2.8" }, 5},
		"a plate removed": {func(m *memory) { m.entries[3].Marks = m.entries[3].Marks[1:] }, 4},
		"a plate changed": {func(m *memory) { m.entries[3].Marks = []schemas.Sum{{1}, {2}} }, 4},
		"deleted":         {func(m *memory) { m.entries = slices.Delete(m.entries, 4, 5) }, 5},
		"first deleted":   {func(m *memory) { m.entries = m.entries[1:] }, 1},
		"doubled":         {func(m *memory) { m.entries = append(m.entries, m.entries[2]) }, 3},
		"end cut":         {func(m *memory) { m.entries = m.entries[:6] }, 7},
		"end cut, and the head with it": {func(m *memory) {
			m.entries = m.entries[:6]
			m.head = m.entries[5].head()
		}, 7},
		"all cut":           {func(m *memory) { m.entries, m.head = nil, Head{} }, 1},
		"swapped numbers":   {func(m *memory) { m.entries[1].Seq, m.entries[2].Seq = 3, 2 }, 2},
		"field boundary":    {func(m *memory) { e := &m.entries[4]; e.Role += e.Zones[:1]; e.Zones = e.Zones[1:] }, 5},
		"edited and hashed": {func(m *memory) { e := &m.entries[5]; e.Reason = "another"; e.Sum = e.hash() }, 7},
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			l := filledLog(t, m, testKeys(t), 10)
			c.tamper(m)
			v, err := l.Verify(t.Context())
			if err != nil || v.FirstBad != c.want || v.OK() != (c.want == 0) {
				t.Fatalf("got first bad %d (%s), err %v, want %d", v.FirstBad, v.Problem, err, c.want)
			}
			if c.want == 0 && (v.Entries != 10 || v.Head != l.Head()) {
				t.Errorf("got %d entries, head %v, want 10 and %v", v.Entries, v.Head, l.Head())
			}
		})
	}
}

// A chain that was written anew in every place of the database is found by the signatures alone, from the first entry that differs.
func TestAChainWrittenAnewIsFoundWithoutAWitness(t *testing.T) {
	for from := range 9 {
		m, k := &memory{}, testKeys(t)
		filledLog(t, m, k, 10)
		rechain(m.entries, from)
		m.head = m.entries[9].head()
		if v, err := VerifyStore(t.Context(), m, &k.Site.PublicKey); err != nil || v.FirstBad != uint64(from+1) {
			t.Errorf("written anew from entry %d: got %d (%s), err %v", from+1, v.FirstBad, v.Problem, err)
		}
		if _, err := OpenLog(t.Context(), m, k); !errors.Is(err, ErrDamaged) {
			t.Errorf("an office opens a log whose newest entry no office signed: %v", err)
		}
	}
}

// Whoever may insert can continue the chain as an office does, but not sign: no office builds on that.
func TestAnEntryThatNoOfficeSignedStopsTheLogAtOnce(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	l := filledLog(t, m, k, 4)
	forged := m.entries[3]
	forged.Seq, forged.Prev, forged.User = 5, m.head.Sum, "somebody"
	forged.Sum = forged.hash()
	m.entries, m.head = append(m.entries, forged), forged.head()
	if p, err := l.Grant(t.Context(), scopeOf(t, "1ABC123")); !errors.Is(err, ErrDamaged) || p.Valid() {
		t.Fatalf("got %v, want no permit on a forged entry", err)
	}
	if v, err := l.Verify(t.Context()); err != nil || v.FirstBad != 5 {
		t.Errorf("got %+v, err %v, want entry 5", v, err)
	}
}

func TestAWitnessFindsAnEndThatWasCutWhileStopped(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	witness := filledLog(t, m, k, 8).Head()
	m.entries, m.head = m.entries[:4], m.entries[3].head()
	if v, err := openLog(t, m, k).Verify(t.Context(), witness); err != nil || v.FirstBad != 5 {
		t.Errorf("got %+v, err %v, want entry 5", v, err)
	}
	filledLog(t, m, k, 6) // and others in their place
	if v, err := openLog(t, m, k).Verify(t.Context(), witness); err != nil || v.FirstBad != 8 {
		t.Errorf("got %+v, err %v, want entry 8: not the one that was noted", v, err)
	}
}

func people() (a, b *User) {
	ends := schemas.MicrosOf(testNow) + schemas.Hour
	return &User{Name: "auditor1", Role: Auditor, To: ends}, &User{Name: "supervisor1", Role: GVCSupervisor, To: ends}
}

func TestADamagedSegmentIsClosedByTwoPersonsAndTheLogGoesOn(t *testing.T) {
	damages := map[string]func(*memory) []Head{
		"edited":  func(m *memory) []Head { m.entries[2].User = "x"; return nil },
		"deleted": func(m *memory) []Head { m.entries = slices.Delete(m.entries, 3, 4); return nil },
		"forged": func(m *memory) []Head {
			e := m.entries[7]
			e.Seq, e.Prev = 90, schemas.Sum{9}
			m.entries = append(m.entries, e)
			return nil
		},
		"all deleted": func(m *memory) []Head { m.entries = nil; return nil },
		"end cut": func(m *memory) []Head {
			w := m.head
			m.entries, m.head = m.entries[:4], m.entries[3].head()
			return []Head{w}
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			m, k := &memory{}, testKeys(t)
			filledLog(t, m, k, 8)
			witnesses := append(damage(m), m.head)
			key := &k.Site.PublicKey
			before, err := VerifyStore(t.Context(), m, key, witnesses...)
			if err != nil || before.OK() {
				t.Fatalf("the damage is not found: %+v, err %v", before, err)
			}
			a, b := people()
			br, head, err := CloseSegment(t.Context(), m, k, a, b, schemas.Sum{1}, "restored a wrong backup", witnesses, schemas.MicrosOf(testNow))
			if err != nil {
				t.Fatal(err)
			}
			if br.FirstBad != before.FirstBad || !slices.Equal(br.Persons, []string{"auditor1", "supervisor1"}) {
				t.Errorf("got break %+v of %+v", br, before)
			}
			l := filledLog(t, m, k, 4) // an office opens and goes on
			if l.Head().Seq != head.Seq+4 {
				t.Errorf("got head %d after the break %d", l.Head().Seq, head.Seq)
			}
			v, err := l.Verify(t.Context(), witnesses...)
			if err != nil || !v.OK() || len(v.Segments) != 2 || v.Segments[0].FirstBad != before.FirstBad || v.Segments[0].Closed == nil || v.Head != l.Head() {
				t.Fatalf("got %+v, err %v, want the rest to hold and segment 1 damaged from %d on", v, err, before.FirstBad)
			}
			// What is closed may not change any more.
			if len(m.entries) > 5 {
				m.entries[0].Reason = "changed after the break"
				if v, err := l.Verify(t.Context(), witnesses...); err != nil || v.OK() {
					t.Errorf("a change of the closed segment is not found: %+v, err %v", v, err)
				}
			}
		})
	}
}

func TestABreakNeedsTwoPersonsADamageAndTheKey(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	filledLog(t, m, k, 4)
	a, b := people()
	now := schemas.MicrosOf(testNow)
	if _, _, err := CloseSegment(t.Context(), m, k, a, b, schemas.Sum{1}, "restored a wrong backup", nil, now); !errors.Is(err, ErrNotDamaged) {
		t.Errorf("a log that holds: got %v", err)
	}
	m.entries[1].User = "x"
	ended := *b
	ended.To = now
	other := *b
	other.Role = GVCAgent
	endless, far, early := *b, *b, *b
	endless.To = 0
	far.To = now + (MaxTokenDays+1)*24*schemas.Hour
	early.From = now + 1
	for name, c := range map[string][2]*User{
		"one person twice": {a, a}, "one of nobody": {a, nil}, "both of nobody": {nil, nil}, "no auditor": {&other, b}, "one ended": {a, &ended}, "one without an end": {a, &endless},
		"one with a far end": {&far, a}, "one not yet": {a, &early}, "both without an end": {&endless, &User{Name: "x", Role: Auditor}},
	} {
		if _, _, err := CloseSegment(t.Context(), m, k, c[0], c[1], schemas.Sum{1}, "restored a wrong backup", nil, now); !errors.Is(err, ErrTwoPersons) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, _, err := CloseSegment(t.Context(), m, k, a, b, schemas.Sum{1}, "short", nil, now); err == nil {
		t.Error("a break without a reason")
	}
	// A break that another key signed closes nothing.
	if _, _, err := CloseSegment(t.Context(), m, testKeys(t), a, b, schemas.Sum{1}, "restored a wrong backup", nil, now); err != nil {
		t.Fatal(err)
	}
	if v, err := VerifyStore(t.Context(), m, &k.Site.PublicKey); err != nil || v.FirstBad != 2 || len(v.Segments) != 1 {
		t.Errorf("got %+v, err %v, want the damage open", v, err)
	}
}

func TestAFailedAppendGivesNoPermitAndNeverForksTheChain(t *testing.T) {
	boom := errors.New("connection reset")
	for name, breakStore := range map[string]func(*memory){
		"not written":                   func(m *memory) { m.before = func([]*Entry) error { return boom } },
		"written, acknowledgement lost": func(m *memory) { m.after = func() error { return boom } },
	} {
		t.Run(name, func(t *testing.T) {
			m, k := &memory{}, testKeys(t)
			l := filledLog(t, m, k, 2)
			breakStore(m)
			for range 3 {
				p, err := l.Grant(t.Context(), scopeOf(t, "q"))
				if !errors.Is(err, ErrUnavailable) || !errors.Is(err, boom) || p.Valid() {
					t.Fatalf("got permit %v, err %v, want none and ErrUnavailable", p.Valid(), err)
				}
			}
			m.before, m.after = nil, nil
			p, err := l.Grant(t.Context(), scopeOf(t, "after"))
			if err != nil || !p.Valid() {
				t.Fatalf("after the fault: %v", err)
			}
			if v, err := l.Verify(t.Context()); err != nil || !v.OK() || v.Head.Seq != p.Seq() {
				t.Errorf("got %+v, seq %d, err %v", v, p.Seq(), err)
			}
			m.before = func([]*Entry) error { return boom }
			if err := l.Disclose(t.Context(), p, Disclosure{Rows: 1}); !errors.Is(err, ErrUnavailable) {
				t.Errorf("a disclosure that is not durable: got %v", err)
			}
		})
	}
}

func TestTwoLogsOfOneStoreMakeOneChain(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	logs := []*Log{openLog(t, m, k), openLog(t, m, k)}
	var wg sync.WaitGroup
	for _, l := range logs {
		for range 4 {
			wg.Go(func() {
				for range 25 {
					if _, err := l.Grant(t.Context(), scopeOf(t, "1ABC123")); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if v, err := logs[0].Verify(t.Context()); err != nil || !v.OK() || v.Entries != 200 {
		t.Errorf("got %+v, err %v, want 200 entries that hold", v, err)
	}
}

// Look-ups that come while an append is under way go in together, and each is answered only when its own entry is durable.
func TestLookUpsThatWaitAreWrittenTogether(t *testing.T) {
	const waiting = 40
	m := &memory{}
	l := openLog(t, m, testKeys(t))
	scope := scopeOf(t, "q")
	appending, goOn := make(chan struct{}), make(chan struct{})
	m.before = func(es []*Entry) error {
		if es[0].Seq == 1 {
			close(appending)
			<-goOn
		}
		return nil
	}
	var wg sync.WaitGroup
	grant := func() {
		p, err := l.Grant(t.Context(), scope)
		if err != nil || !p.Valid() {
			t.Errorf("got %v, want a permit", err)
			return
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if n := uint64(len(m.entries)); n < p.Seq() {
			t.Errorf("permit %d with %d entries durable", p.Seq(), n)
		}
	}
	if _, err := l.plateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Go(grant)
	<-appending
	for range waiting {
		wg.Go(grant)
	}
	for queued := 0; queued < waiting; {
		l.mu.Lock()
		queued = len(l.waiting)
		l.mu.Unlock()
	}
	close(goOn)
	wg.Wait()
	if !slices.Equal(m.appends, []int{1, waiting}) {
		t.Errorf("got appends of %v entries, want 1 and then the %d that waited", m.appends, waiting)
	}
	if v, err := l.Verify(t.Context()); err != nil || !v.OK() || v.Entries != waiting+1 {
		t.Errorf("got %+v, err %v, want %d entries that hold", v, err, waiting+1)
	}
}

func TestACancelledLookUpIsNotGranted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p, err := openLog(t, &memory{}, testKeys(t)).Grant(ctx, scopeOf(t, "q")); err == nil || p.Valid() {
		t.Errorf("got permit %v, err %v, want none", p.Valid(), err)
	}
}

func TestAForgedScopeOrPermitWritesNothing(t *testing.T) {
	l := openLog(t, &memory{}, testKeys(t))
	if p, err := l.Grant(t.Context(), Scope{}); err == nil || p.Valid() || (Permit{}).Valid() {
		t.Errorf("got permit %v, err %v, want none", p.Valid(), err)
	}
	if err := l.Disclose(t.Context(), Permit{}, Disclosure{}); err == nil {
		t.Error("a disclosure without a permit was written")
	}
}

// In the chain no plate stands in clear, whatever was asked; the plates in clear are beside it.
func TestThePlatesOfAnEntryAreHMACs(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	l := openLog(t, m, k)
	for _, plate := range []string{"1ABC123", "2QJS315*", "?ABC1*"} {
		p, err := l.Grant(t.Context(), scopeOf(t, plate))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Disclose(t.Context(), p, Disclosure{Rows: 1, Plates: []string{plate}}); err != nil {
			t.Fatal(err)
		}
		e := m.entries[p.Seq()-1]
		if raw, err := json.Marshal(e); err != nil || bytes.Contains(e.encode(), []byte(plate)) || strings.Contains(e.Asked, plate) {
			t.Errorf("%s stands in clear: %s, err %v", plate, raw, err)
		}
		key, err := k.OfYear(time.Now().In(schemas.Brussels()).Year(), false)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"plate":"` + key.Text(key.Mark(plate)) + `"}`; e.Asked != want || e.Plates != 1 || e.Clear[0].Plate != plate {
			t.Errorf("got %+v, want %s", e, want)
		}
		if d := m.entries[p.Seq()]; d.Of != p.Seq() || d.Kind != KindDisclosed || !slices.Equal(d.Marks, e.Marks) || len(d.Clear) > 0 {
			t.Errorf("got disclosure %+v", d)
		}
	}
}

// A list that is too long for plates in clear is in the log by HMACs alone.
func TestALongListIsLoggedAsHMACs(t *testing.T) {
	k := testKeys(t)
	key, err := k.OfYear(2026, true)
	if err != nil {
		t.Fatal(err)
	}
	for n, inClear := range map[int]int{1: 1, maxClear: maxClear, maxClear + 1: 0} {
		a := Request{}
		for i := range n {
			a.Plates = append(a.Plates, "1ABC"+string(rune('A'+i/26))+string(rune('A'+i%26)))
		}
		if e := newAsked(&User{}, &a, key); len(e.Clear) != inClear || len(e.Marks) != n || !e.marksHold() {
			t.Errorf("%d plates: got %d in clear and %d HMACs, want %d", n, len(e.Clear), len(e.Marks), inClear)
		}
	}
}

// The hash of an entry is a format: verifiers outside this program depend on it.
func TestEntryHashIsTheDocumentedOne(t *testing.T) {
	e := Entry{
		Seq: 7, At: 1, Kind: KindDisclosed, User: "u", Role: "r", Zones: "5339", SignIn: "s", Address: "a", Operation: "reads", Purpose: "p",
		PurposeID: "i", Reason: "w", CaseRef: "c", ProsecutorRef: "f", Asked: "{}", Outcome: "granted", Code: "x", Refusal: "y", Of: 6, Rows: 2,
		Plates: 1, KeyID: "2026-0", PlatesSum: []byte{1, 2}, Pictures: []byte{3}, TookMS: 9, Cut: true, Body: "b", Prev: schemas.Sum{0xff},
	}
	golden, err := os.ReadFile(filepath.Join("testdata", "entry.hex"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.Join(strings.Fields(string(golden)), ""))
	if err != nil {
		t.Fatal(err)
	}
	if got := e.encode(); !bytes.Equal(got, want) {
		t.Errorf("the encoding of an entry changed:\ngot  %x\nwant %x", got, want)
	}
	if sum := e.hash(); hex.EncodeToString(sum[:]) != "132d4ed4cddc473c1fc5b1f6bad1c4ff2fa9aae364c7e929ea19ab385c355709" {
		t.Errorf("got hash %x", sum)
	}
}

func TestAnExportVerifiesLikeTheLog(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	l := filledLog(t, m, k, 8)
	var file bytes.Buffer
	if n, err := Export(t.Context(), m, &k.Site.PublicKey, &file); err != nil || n != 8 {
		t.Fatalf("got %d entries, err %v", n, err)
	}
	if strings.Contains(file.String(), "1ABC1") {
		t.Error("the export has a plate in clear")
	}
	verify := func(text string, witnesses ...Head) (Verification, error) {
		x, err := ReadExport(strings.NewReader(text))
		if err != nil {
			return Verification{}, err
		}
		key, err := ParsePublicKey(x.PublicKey)
		if err != nil {
			return Verification{}, err
		}
		return VerifyStore(t.Context(), x, key, witnesses...)
	}
	if v, err := verify(file.String(), l.Head()); err != nil || !v.OK() || v.Entries != 8 || v.Head != l.Head() {
		t.Errorf("got %+v, err %v", v, err)
	}
	lines := strings.SplitAfter(file.String(), "\n")
	for name, c := range map[string]struct {
		text string
		want uint64
	}{
		"edited":  {strings.Replace(file.String(), "rue Neuve", "rue Vieille", 1), 1},
		"deleted": {strings.Join(slices.Delete(slices.Clone(lines), 3, 4), ""), 3},
		"cut":     {strings.Join(lines[:5], ""), 5},
		"empty":   {lines[0], 1},
	} {
		if v, err := verify(c.text, l.Head()); err != nil || v.FirstBad != c.want {
			t.Errorf("%s: got %+v, err %v, want %d", name, v, err, c.want)
		}
	}
	for _, text := range []string{"", "{}", "no json", lines[0] + `{"seq":1,"prev_sha256":"zz","entry_sha256":""}`, lines[0] + "{"} {
		if v, err := verify(text); err == nil {
			t.Errorf("%.40q: got %+v, want an error", text, v)
		}
	}
}

func TestAHeadIsTakenOnlyAsTheSiteSignedIt(t *testing.T) {
	k := testKeys(t)
	h := Head{Seq: 12, Sum: schemas.Sum{1}}
	raw, err := h.Note(k.Site)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenNote(raw, &k.Site.PublicKey); err != nil || got != h {
		t.Errorf("got %v, err %v", got, err)
	}
	if _, err := OpenNote(bytes.Replace(raw, []byte("12"), []byte("13"), 1), &k.Site.PublicKey); err == nil {
		t.Error("a changed head was taken")
	}
	if _, err := OpenNote(raw, &testKeys(t).Site.PublicKey); err == nil {
		t.Error("a head of another site was taken")
	}
}

func TestKeysAreMadeOnceAndKeptFromOthers(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		all.Go(func() {
			k, err := LoadKeys(dir)
			if err != nil {
				t.Error(err)
				return
			}
			p, err := k.OfYear(2026, true)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = k.Site.String() + p.ID
		})
	}
	all.Wait()
	if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
		t.Errorf("offices that start at once have keys %v", ids)
	}
	for _, name := range []string{"site.key", "plates-2026.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, err %v, want 0600", name, info.Mode(), err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "site.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKeys(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: got %v", err)
	}
}

func TestAnOfficeWithOtherKeysOfPlatesWritesNothing(t *testing.T) {
	m := &memory{}
	k := testKeys(t)
	filledLog(t, m, k, 2)
	other, err := LoadKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	other.Site = k.Site
	if _, err := openLog(t, m, other).Grant(t.Context(), scopeOf(t, "q")); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "copy its directory") {
		t.Errorf("got %v", err)
	}
	if _, err := OpenLog(t.Context(), m, testKeys(t)); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "another key") {
		t.Errorf("another key of the site: got %v", err)
	}
}
