package reference

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// seedWith adds the files of testdata as seeds.
func seedWith(f *testing.F, names ...string) {
	f.Helper()
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join("testdata/brussels", filepath.FromSlash(n)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// FuzzYAML: no panic; a registry without problems is sorted, indexed and has no camera that its own rules refuse.
func FuzzYAML(f *testing.F) {
	seedWith(f, fileCameras, fileRegisters)
	f.Add([]byte("cameras: [{id: &a A, site: *a}]"))
	f.Add([]byte("? [a]\n: b\n<<: {c: d}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := &problems{file: fileCameras}
		r := loadCameras(b, p)
		if len(p.list) == 0 {
			r.assignNumbers(newNumbers())
			for i, c := range r.all {
				if checkIdent(c.ID) != nil || checkIdent(c.Site) != nil || c.AllowedLateness <= 0 || int(c.Number) != i+1 || r.table.slotOf(c.ID).cam != c {
					t.Errorf("accepted %+v", c)
				}
			}
		}
		if len(p.list) > maxProblems {
			t.Errorf("%d problems kept", len(p.list))
		}
		p = &problems{file: fileZones}
		areas := newAreaLoader(nil, p)
		areas.loadZones(b)
		areas.loadSuspensions(b)
		p = &problems{file: fileRegisters}
		registers, copies, _ := loadRegisters(b, p)
		for c, at := range copies {
			if len(p.list) == 0 && (!slices.Contains(copyNames, c) || at == 0) {
				t.Errorf("accepted %q as of %s", c, at)
			}
		}
		for _, reg := range registers {
			if len(p.list) == 0 && (reg.country.IsZero() || reg.asOf == 0) {
				t.Errorf("accepted %+v", reg)
			}
		}
	})
}

// FuzzCSV: no panic in any loader; what is accepted is found again; the whole file is read unless it was given up.
func FuzzCSV(f *testing.F) {
	seedWith(f, fileVehicles, fileExemptions, filePasses, fileRegistrations, "lists/stolen.csv")
	f.Add([]byte("\xef\xbb\xbfplate,day\n\"1ABC123\",2026-07-01\n\n#\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := digest{sum: sumOf(b), quick: xxhash.Sum64(b), size: int64(len(b)), lines: bytes.Count(b, []byte{'\n'}) + 1}
		f := func(columns csvColumns, load func(*csvFile) error) bool {
			p := &problems{file: "f.csv"}
			in := newCSVFile(t.Context().Err, bytes.NewReader(b), columns, p)
			if err := errors.Join(load(in), in.checkRest(d)); err != nil {
				t.Errorf("read: %v", err)
			}
			return len(p.list) == 0
		}
		var v *vehicleTable
		if f(vehicleColumns, func(in *csvFile) (err error) { v, err = loadVehicles(in, d.maxRows(shortestVehicle), nil); return err }) {
			checkTable(t, v)
		}
		var pass *passes
		f(permitColumns, func(in *csvFile) error { loadPermits(in, nil); return nil })
		if f(passColumns, func(in *csvFile) error { pass = loadPasses(in); return nil }) {
			for _, r := range pass.rows {
				if got, ok := pass.findPass(r.key, r.p.Country, r.p.Day); !ok || got != r.p {
					t.Error("a pass is not found again")
				}
			}
		}
		f(exemptionColumns, func(in *csvFile) error { loadExemptions(in); return nil })
		f(standingColumns, func(in *csvFile) error { loadStanding(in, nil, 1<<60); return nil })
		f(registrationColumns, func(in *csvFile) error { loadRegistrations(in); return nil })
		l := newListLoader(0)
		f(listColumns, func(in *csvFile) error { l.loadFile(in, "f", 0); return nil })
		all := mustIndex(t, l)
		for i := range all.rows {
			r := &all.rows[i]
			want := all.makeEntry(r)
			if !slices.ContainsFunc(all.findEntries(nil, r.plate.Class(), r.from), func(e *schemas.ListEntry) bool { return reflect.DeepEqual(e, want) }) {
				t.Error("an entry is not found again")
			}
		}
	})
}

// checkTable looks every record up on its first day.
func checkTable(t *testing.T, v *vehicleTable) {
	t.Helper()
	n := 0
	for i := range v.buckets {
		for j := range v.buckets[i].records {
			r := &v.buckets[i].records[j]
			if r.isFree() {
				continue
			}
			n++
			want := v.buckets[i].vehicleAt(j)
			if got, ok := v.findVehicle(plateOf(r), want.Country, want.ValidFrom); !ok || got != want {
				t.Errorf("got %+v %v, want %+v", got, ok, want)
			}
		}
	}
	if n != v.n {
		t.Errorf("%d records, counted %d", n, v.n)
	}
}

// plateOf undoes keyOf.
func plateOf(r *vehicleRecord) schemas.Plate {
	var out []byte
	for hi := r.key & 0xffff; hi > 0; hi /= 38 {
		out = slices.Insert(out, 0, charOf(uint64(hi%38)))
	}
	for lo := uint64(r.lo1)<<32 | uint64(r.lo0); lo > 0; lo /= 38 {
		out = slices.Insert(out, 0, charOf(lo%38))
	}
	return schemas.MustPlate(string(out))
}

func charOf(digit uint64) byte { return (plateChars + "-")[digit-1] }
