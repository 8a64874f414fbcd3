package reference

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/goccy/go-yaml/ast"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// A doubt is a likely mistake in a version which is valid in itself. A doubt does not stop the cameras: the version is
// used, and the doubt is logged, counted and alarmed. The kinds are a closed set, labels of a metric.
type doubt struct {
	kind   string
	detail string
}

const (
	doubtRegisterEmpty = "register_empty" // a register is called complete and there is no vehicle
	doubtListsEmpty    = "lists_empty"    // cameras are authorised for hotlists and no list has an entry
	doubtZoneAlone     = "zone_alone"     // a camera has a zone of its own, probably a typing mistake
	doubtShrunk        = "shrunk"         // at the start: less than half as much as at the last start
)

var doubtKinds = []string{doubtRegisterEmpty, doubtListsEmpty, doubtZoneAlone, doubtShrunk}

// fewCameras is the registry size up to which a zone with a single camera is no doubt.
const fewCameras = 20

// findDoubts returns the doubts about data which looks absent rather than empty.
func (s *Snapshot) findDoubts() []doubt {
	var out []doubt
	if len(s.registers) > 0 && s.vehicles.n == 0 {
		out = append(out, doubt{doubtRegisterEmpty, fmt.Sprintf("%s has no vehicle, and %s says that %d registers are complete: every plate is unknown, and every LEZ case a hold",
			fileVehicles, fileRegisters, len(s.registers))})
	}
	hotlists, zones := 0, map[string][]string{}
	var lists schemas.CameraPurpose // purposes of the families that match lists
	for _, info := range rules.Families() {
		if !info.Decides() && info.Force != rules.ForceCheck {
			lists |= info.Purpose
		}
	}
	for _, c := range s.cameras.all {
		if c.Purposes&lists != 0 {
			hotlists++
		}
		zones[c.Zone] = append(zones[c.Zone], c.ID)
	}
	if hotlists > 0 && len(s.lists.rows) == 0 {
		out = append(out, doubt{doubtListsEmpty, fmt.Sprintf("%s/ has no entry, and %d cameras are authorised for hotlists: no listed vehicle is ever told", listDir, hotlists)})
	}
	if !s.cameras.zonesListed && len(s.cameras.all) > fewCameras && len(zones) > 1 {
		for _, c := range s.cameras.all {
			if len(zones[c.Zone]) == 1 {
				out = append(out, doubt{doubtZoneAlone, fmt.Sprintf("zone %s has one camera, %s: nobody else's officers see its reads; correct it, or list the zones under `zones` in %s", c.Zone, c.ID, fileCameras)})
			}
		}
	}
	return out
}

// registersWithoutFile refuses registers without any vehicle file: the file was not copied.
func (s *Snapshot) registersWithoutFile(bad *Error) {
	if len(s.registers) > 0 && !s.files.hasFile(fileVehicles) {
		p := &problems{file: fileVehicles}
		p.addProblemf(0, "", "is not there, and %s says that %d registers are complete; put it there, or take the registers out", fileRegisters, len(s.registers))
		bad.collectProblems(p)
	}
}

// registersAsOf returns the time up to which each country's register is complete.
func (s *Snapshot) registersAsOf() map[string]schemas.Micros {
	out := map[string]schemas.Micros{}
	for _, r := range s.registers {
		out[r.country.String()] = r.asOf
	}
	return out
}

// copiesAsOf returns the ages of the other copies, as stated.
func (s *Snapshot) copiesAsOf() map[string]schemas.Micros {
	out := map[string]schemas.Micros{}
	for c, at := range s.copies {
		out[string(c)] = at
	}
	return out
}

// dates returns the ages that must not go back.
func (s *Snapshot) dates() copyDates { return copyDates{s.registersAsOf(), s.copiesAsOf()} }

// lastGood is the record counts which a start keeps for the next start.
type lastGood struct {
	Version   string                    `json:"version"`
	Counts    Stats                     `json:"counts"`
	Registers map[string]schemas.Micros `json:"registers_as_of"`
	Copies    map[string]schemas.Micros `json:"copies_as_of,omitempty"`
}

// lastGoodFile lies beside the index files, a file for each reference directory.
func lastGoodFile(indexDir, dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Join(indexDir, fmt.Sprintf("last-good-%016x.json", xxhash.Sum64String(dir)))
}

func readLastGood(file string) (*lastGood, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	g := &lastGood{}
	if err := json.Unmarshal(b, g); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return g, nil
}

func writeLastGood(file string, s *Snapshot) error {
	g := lastGood{Version: s.version, Counts: s.Stats(), Registers: s.registersAsOf(), Copies: s.copiesAsOf()}
	b, err := json.Marshal(g)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(file), ".last-good-")
	if err != nil {
		return err
	}
	_, err = part.Write(b)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	return nil
}

// sinceLastStart compares this process's first version with the last start's counts. A difference is a doubt, not a
// refusal: at a reload the version in use stays, but at a start there is none, and the cameras need one.
func (s *Store) sinceLastStart(next *Snapshot) []doubt {
	if s.opt.IndexDir == "" || s.opt.AllowShrink {
		return nil
	}
	was, err := readLastGood(lastGoodFile(s.opt.IndexDir, s.dir))
	if err != nil {
		s.opt.Log.Warn().Err(err).Msg("what the last start had cannot be read, so a shrunken file is not noticed at this start")
	}
	if was == nil {
		return nil
	}
	var out []doubt
	for _, p := range suspiciousChanges(was.Counts, copyDates{was.Registers, was.Copies}, next, "the last start had") {
		out = append(out, doubt{doubtShrunk, p.File + " " + p.Detail + " (--allow-shrink, ANPR_ALLOW_SHRINK)"})
	}
	return out
}

// tellDoubts logs and counts the doubts about the version in use, and keeps the counts for the next start unless the
// version shrank since the last.
func (s *Store) tellDoubts(next *Snapshot, found []doubt) {
	counts := map[string]int{}
	for _, d := range found {
		counts[d.kind]++
		s.opt.Log.Warn().Str("doubt", d.kind).Msg("reference data: " + d.detail)
	}
	for _, k := range doubtKinds {
		s.opt.Metrics.doubts.WithLabelValues(k).Set(float64(counts[k]))
	}
	if s.opt.IndexDir == "" || counts[doubtShrunk] > 0 {
		return
	}
	if err := writeLastGood(lastGoodFile(s.opt.IndexDir, s.dir), next); err != nil {
		s.opt.Log.Warn().Err(err).Msg("how much reference data there is could not be kept for the next start")
	}
}

// readZones reads the closed zone list; nil when the file has none.
func (l *cameraLoader) readZones(root *yamlMap) {
	if n, _ := root.takeKey("zones"); n == nil {
		return
	}
	l.zones = map[string]bool{}
	root.eachElement("zones", func(n ast.Node, path string) {
		text := strings.TrimSpace(n.String())
		zone, err := readIdent(strings.Trim(text, `"'`))
		if err != nil {
			l.p.addProblem(n.GetToken().Position.Line, path, err.Error())
			return
		}
		l.zones[zone] = true
	})
}

// checkZones compares the zones of a camera and its loans with the closed list.
func (l *cameraLoader) checkZones(m *yamlMap, c *schemas.Camera) {
	if l.zones == nil {
		return
	}
	bad := func(zone string) {
		if zone != "" && !l.zones[zone] {
			l.p.addProblemf(m.line, m.joinPath("zone"), "%.40q is not in the list `zones` of this file; correct it, or add the zone there", zone)
		}
	}
	bad(c.Zone)
	for i := range c.Loans {
		bad(c.Loans[i].Zone)
	}
}
