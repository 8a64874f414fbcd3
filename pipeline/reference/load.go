package reference

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Load reads, checks and indexes a directory. The error is an *Error when the content was refused; then nothing is
// used.
func Load(dir string) (*Snapshot, error) {
	return loadSnapshot(context.Background(), dir, indexDir{}, nil)
}

// loadSnapshot shares the parts from unchanged files with prev, and takes what else it can from index files.
func loadSnapshot(ctx context.Context, dir string, index indexDir, prev *Snapshot) (*Snapshot, error) {
	files, err := readInventory(ctx, dir)
	if err != nil {
		return nil, err
	}
	l := &snapshotLoader{ended: ctx.Err, files: files, index: index, prev: prev, bad: &Error{}}
	if err := files.checkSums(l.bad); err != nil {
		return nil, err
	}
	if !files.hasFile(fileCameras) {
		p := &problems{file: fileCameras}
		p.addProblem(0, "", "is not there; a pipeline without a camera registry rejects every read")
		l.bad.collectProblems(p)
	}
	if len(l.bad.Problems) > 0 {
		return nil, l.bad
	}
	s := &Snapshot{version: files.versionName(), files: files, numbers: newNumbers()}
	if prev != nil {
		s.numbers = prev.numbers
	}
	for _, part := range []func(*Snapshot) error{
		l.loadCameras, l.loadRegisters, l.loadVehicles, l.loadLists, l.loadExemptions, l.loadPasses, l.loadRegistrations, l.loadPermits, l.loadStanding,
	} {
		if err := part(s); err != nil {
			return nil, err
		}
	}
	s.registersWithoutFile(l.bad)
	if len(l.bad.Problems) > 0 {
		return nil, l.bad
	}
	if prev == nil || s.cameras != prev.cameras {
		s.cameras.assignNumbers(s.numbers)
	}
	return s, nil
}

// snapshotLoader fills the parts of a snapshot.
type snapshotLoader struct { // the context's error
	ended func() error // the context's
	files *inventory
	index indexDir
	prev  *Snapshot
	bad   *Error
}

// isUnchanged reports whether a part made from these files can be taken from the previous snapshot.
func (l *snapshotLoader) isUnchanged(names ...string) bool {
	return l.prev != nil && l.files.sameContent(l.prev.files, names...)
}

// readYAML reads a whole file and hands it to parse; an absent file is not parsed.
func (l *snapshotLoader) readYAML(name string, parse func(b []byte, p *problems)) error {
	if !l.files.hasFile(name) {
		return nil
	}
	p := &problems{file: name}
	info, err := os.Stat(l.files.pathOf(name))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if info.Size() > maxYAML {
		p.addProblemf(0, "", "has %d bytes; at most %d are read", info.Size(), maxYAML)
		l.bad.collectProblems(p)
		return nil
	}
	b, err := os.ReadFile(l.files.pathOf(name))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if sumOf(b) != l.files.files[name].sum {
		return fmt.Errorf("read %s: %w", name, errChanged)
	}
	parse(b, p)
	l.bad.collectProblems(p)
	return nil
}

// readCSV streams a file through parse; an absent file counts as empty.
func (l *snapshotLoader) readCSV(name string, columns csvColumns, parse func(f *csvFile) error) error {
	p := &problems{file: name}
	if !l.files.hasFile(name) {
		return parse(newCSVFile(l.ended, strings.NewReader(strings.Join(columns.names, ",")+"\n"), columns, p))
	}
	d := l.files.files[name]
	if !d.whole {
		p.addProblem(0, "", "does not end in a newline: it may be cut off; end the last line and load again")
		l.bad.collectProblems(p)
		return nil
	}
	in, err := os.Open(l.files.pathOf(name))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err) // opened for reading
	}
	defer func() { _ = in.Close() }() // only read
	f := newCSVFile(l.ended, in, columns, p)
	err = parse(f)
	if err == nil {
		err = f.checkRest(d)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	l.bad.collectProblems(p)
	return nil
}

func (l *snapshotLoader) loadCameras(s *Snapshot) error {
	if l.isUnchanged(fileCameras, fileSections, fileZones, fileSuspensions, fileRoadTimes) {
		s.cameras = l.prev.cameras
		return nil
	}
	err := l.readYAML(fileCameras, func(b []byte, p *problems) { s.cameras = loadCameras(b, p) })
	if err != nil || s.cameras == nil {
		return err
	}
	if !l.bad.namesFile(fileCameras) {
		if err = l.readYAML(fileSections, func(b []byte, p *problems) { linkSections(b, p, s.cameras) }); err != nil {
			return err
		}
		if err = l.readCSV(fileRoadTimes, roadTimeColumns, func(f *csvFile) error { linkRoadTimes(f, s.cameras); return nil }); err != nil {
			return err
		}
	}
	areas := newAreaLoader(s.cameras.all, nil)
	err = l.readYAML(fileZones, func(b []byte, p *problems) { areas.p = p; areas.loadZones(b) })
	if err == nil && !l.bad.namesFile(fileZones) {
		err = l.readYAML(fileSuspensions, func(b []byte, p *problems) { areas.p = p; areas.loadSuspensions(b) })
	}
	s.cameras.zoneIDs = sortedKeys(areas.zones)
	return err
}

func (l *snapshotLoader) loadRegisters(s *Snapshot) error {
	return l.readYAML(fileRegisters, func(b []byte, p *problems) { s.registers, s.copies, s.permitRows = loadRegisters(b, p) })
}

// loadVehicles also depends on the registers' countries, unless registers.yaml is broken and tells nothing.
func (l *snapshotLoader) loadVehicles(s *Snapshot) error {
	if l.isUnchanged(fileVehicles) && sameCountries(l.prev.registers, s.registers) {
		s.vehicles = l.prev.vehicles
		return nil
	}
	var known map[schemas.Country]bool
	if !l.bad.namesFile(fileRegisters) {
		known = make(map[schemas.Country]bool, len(s.registers))
		for _, r := range s.registers {
			known[r.country] = true
		}
	}
	key := l.vehiclesKey(known)
	if known != nil {
		if s.vehicles = openVehicles(l.index, key); s.vehicles != nil {
			return nil
		}
	}
	before := len(l.bad.Problems)
	err := l.readCSV(fileVehicles, vehicleColumns, func(f *csvFile) (err error) {
		s.vehicles, err = loadVehicles(f, l.files.files[fileVehicles].maxRows(shortestVehicle), known)
		return err
	})
	if err == nil && known != nil && len(l.bad.Problems) == before && l.files.hasFile(fileVehicles) {
		s.vehicles = s.vehicles.saveIndex(l.index, key)
	}
	return err
}

// vehiclesKey names the vehicle table's sources: the file, and the permitted countries.
func (l *snapshotLoader) vehiclesKey(known map[schemas.Country]bool) schemas.Sum {
	of := []string{string(l.files.sumOf(fileVehicles))}
	for c := range known {
		of = append(of, c.String())
	}
	slices.Sort(of[1:])
	return l.index.fileKey(indexVehicles, of...)
}

func sameCountries(a, b []register) bool {
	return slices.EqualFunc(a, b, func(x, y register) bool { return x.country == y.country })
}

func (l *snapshotLoader) loadLists(s *Snapshot) error {
	names := l.files.listFiles()
	if l.prev != nil && slices.Equal(names, l.prev.files.listFiles()) && l.isUnchanged(names...) {
		s.lists = l.prev.lists
		return nil
	}
	key := l.listsKey(names)
	if s.lists = openLists(l.index, key); s.lists != nil {
		return nil
	}
	before := len(l.bad.Problems)
	rows := 0
	for _, n := range names {
		rows += l.files.files[n].maxRows(shortestEntry)
	}
	all := newListLoader(rows)
	for _, n := range names {
		list := strings.TrimSuffix(path.Base(n), listExt)
		if err := checkIdent(list); err != nil {
			p := &problems{file: n}
			p.addProblem(0, "", "the name "+err.Error())
			l.bad.collectProblems(p)
			continue
		}
		if err := l.readCSV(n, listColumns, func(f *csvFile) error {
			all.loadFile(f, list, l.files.files[n].maxRows(shortestEntry))
			return nil
		}); err != nil {
			return err
		}
	}
	if len(l.bad.Problems) > before {
		return nil // the version is refused
	}
	var err error
	if s.lists, err = all.buildIndex(); err == nil && len(names) > 0 {
		s.lists = s.lists.saveIndex(l.index, key)
	}
	return err
}

// listsKey names the sources of the list table: names and contents.
func (l *snapshotLoader) listsKey(names []string) schemas.Sum {
	of := make([]string, 0, 2*len(names))
	for _, n := range names {
		of = append(of, n, string(l.files.sumOf(n)))
	}
	return l.index.fileKey(indexLists, of...)
}

func (l *snapshotLoader) loadExemptions(s *Snapshot) error {
	if l.isUnchanged(fileExemptions) {
		s.exemptions = l.prev.exemptions
		return nil
	}
	return l.readCSV(fileExemptions, exemptionColumns, func(f *csvFile) error { s.exemptions = loadExemptions(f); return nil })
}

func (l *snapshotLoader) loadPasses(s *Snapshot) error {
	if l.isUnchanged(filePasses) {
		s.passes = l.prev.passes
		return nil
	}
	return l.readCSV(filePasses, passColumns, func(f *csvFile) error { s.passes = loadPasses(f); return nil })
}

// loadPermits also depends on the zones, unless their file is broken and tells nothing.
func (l *snapshotLoader) loadPermits(s *Snapshot) error {
	if l.isUnchanged(filePermits) && s.cameras == l.prev.cameras {
		s.permits = l.prev.permits
	} else {
		known := []string(nil)
		if s.cameras != nil && !l.bad.namesFile(fileZones) && !l.bad.namesFile(fileCameras) {
			known = s.cameras.zoneIDs
		}
		if err := l.readCSV(filePermits, permitColumns, func(f *csvFile) error { s.permits = loadPermits(f, known); return nil }); err != nil {
			return err
		}
	}
	if s.permitRows != nil && !l.bad.namesFile(filePermits) && s.permits != nil && len(s.permits.rows) != *s.permitRows {
		p := &problems{file: filePermits}
		p.addProblemf(0, "", "has %d permits, and %s says %d: it may be cut off; deliver both files again", len(s.permits.rows), fileRegisters, *s.permitRows)
		l.bad.collectProblems(p)
	}
	return nil
}

func (l *snapshotLoader) loadRegistrations(s *Snapshot) error {
	if l.isUnchanged(fileRegistrations) {
		s.registrations = l.prev.registrations
		return nil
	}
	return l.readCSV(fileRegistrations, registrationColumns, func(f *csvFile) error { s.registrations = loadRegistrations(f); return nil })
}
