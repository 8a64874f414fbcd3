package bench

import (
	"bufio"
	"crypto/md5" //nolint:gosec // see writeCameraDigests
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Users lists the office users in the generated users.yaml: at least one for each role, and two for each role that
// decides cases, because nobody looks at an own verdict again.
var Users = []CityUser{
	{"agent1", "gvc_agent", nil, false},
	{"agent2", "gvc_agent", nil, false},
	{"supervisor1", "gvc_supervisor", nil, true},
	{"supervisor2", "gvc_supervisor", nil, true},
	{"officer1", "zone_officer", []string{"5339"}, false},
	{"officer2", "zone_officer", []string{"5339"}, true},
	{"prosecutor1", "prosecutor", nil, false},
	{"prosecutor2", "prosecutor", nil, true},
	{"operator1", "camera_operator", nil, false},
	{"auditor1", "auditor", nil, false},
	{"jurist1", "jurist", nil, false},
}

// tokenDays is the validity of a generated city's tokens, in days.
const tokenDays = 360

// CityUser is a generated office user. A user without zones sees the whole region, records from unknown cameras
// included.
type CityUser struct {
	Name  string
	Role  string
	Zones []string

	Approves bool // may be the second person
}

// WriteReference writes the reference data directory: cameras.yaml, registers.yaml, users.yaml, vehicles.csv, lists/,
// exemptions.csv, passes.csv, registrations.csv, secrets/ with mode 0600, and [SampleMarker]. A generated city's files
// are replaced, each in a single step. A directory with anything else stays untouched: the error names its content.
func (c *City) WriteReference(dir string) error {
	if err := onlyGenerated(dir); err != nil {
		return err
	}
	if err := c.writeReference(dir); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, SampleMarker), 0o644, func(w *bufio.Writer) {
		fmt.Fprintf(w, "Made-up sample city, seed %d, day %s. Not real data.\n", c.cfg.Seed, c.Day())
	})
}

// SampleMarker is the file that marks a reference directory as made up.
const SampleMarker = "SAMPLE"

// generatedHead is the first line in a generated city's cameras.yaml.
const generatedHead = "# Generated city: no camera, limit or token of it exists."

// onlyGenerated refuses a directory with files that no generated city wrote.
func onlyGenerated(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reference directory: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "lost+found" {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil
	}
	cameras, err := os.ReadFile(filepath.Join(dir, "cameras.yaml"))
	if err == nil && strings.HasPrefix(string(cameras), generatedHead) && slices.Contains(names, SampleMarker) {
		return nil
	}
	return fmt.Errorf("%s holds %s, which no made-up city wrote: nothing is written over it; choose an empty directory", dir, strings.Join(names[:min(len(names), 8)], ", "))
}

type referenceFile struct {
	name  string
	mode  os.FileMode
	write func(*bufio.Writer)
}

func (c *City) writeReference(dir string) error {
	for _, d := range []struct {
		name string
		mode os.FileMode
	}{{".", 0o755}, {"lists", 0o755}, {"secrets", 0o700}} {
		if err := os.MkdirAll(filepath.Join(dir, d.name), d.mode); err != nil {
			return fmt.Errorf("make the reference directory: %w", err)
		}
	}
	files := []referenceFile{
		{"cameras.yaml", 0o644, c.writeCameras},
		{"registers.yaml", 0o644, c.writeRegisters},
		{"users.yaml", 0o644, c.writeUsers},
		{"vehicles.csv", 0o644, c.writeVehicles},
		{"exemptions.csv", 0o644, c.writeExemptions},
		{"passes.csv", 0o644, c.writePasses},
		{"registrations.csv", 0o644, c.writeRegistrations},
		{"secrets/camera-tokens.csv", 0o600, c.writeCameraTokens},
		{"secrets/camera-digest.csv", 0o600, c.writeCameraDigests},
		{"secrets/user-tokens.csv", 0o600, c.writeUserTokens},
	}
	if c.cfg.Signs {
		files = append(files, referenceFile{"access_zones.yaml", 0o644, c.writeZones}, referenceFile{"permits.csv", 0o644, c.writePermits})
	}
	for _, f := range files {
		if err := writeFile(filepath.Join(dir, f.name), f.mode, f.write); err != nil {
			return err
		}
	}
	for i := range lists {
		write := func(w *bufio.Writer) { c.writeList(w, lists[i].name) }
		if err := writeFile(filepath.Join(dir, "lists", lists[i].name+".csv"), 0o644, write); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes beside the name and renames, so that a reader never sees half a file.
func writeFile(name string, mode os.FileMode, write func(*bufio.Writer)) error {
	f, err := os.OpenFile(name+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("write reference file: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<18)
	write(w)
	err = w.Flush()
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(name+".tmp", name)
	}
	if err != nil {
		_ = os.Remove(name + ".tmp")
		return fmt.Errorf("write reference file %s: %w", name, err)
	}
	return nil
}

// formatMoment writes an instant as the files do: the day when it is midnight in Brussels, else RFC 3339; "" when
// unset.
func formatMoment(m schemas.Micros) string {
	if m == 0 {
		return ""
	}
	if d := m.Day(); d.Start() == m {
		return d.String()
	}
	return m.Local().Format("2006-01-02T15:04:05Z07:00")
}

func formatDay(d schemas.Day) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func (c *City) writeCameras(w *bufio.Writer) {
	fmt.Fprintf(w, "%s\nzones: [\"%s\"]\ncameras:\n", generatedHead, strings.Join(zones[:], `", "`))
	for i := range c.cameras {
		writeCamera(w, &c.cameras[i])
	}
}

func writeCamera(w io.Writer, cam *schemas.Camera) {
	fmt.Fprintf(w, "  - id: %s\n    site: %s\n    kind: %s\n    municipality: %d\n    zone: %q\n", cam.ID, cam.Site, cam.Kind, cam.Municipality, cam.Zone)
	fmt.Fprintf(w, "    lat_e6: %d\n    lon_e6: %d\n    purposes: [%s]\n", cam.LatE6, cam.LonE6, purposeNames(cam.Purposes))
	if !cam.Street.IsZero() {
		fmt.Fprintf(w, "    street: {nl: %q, fr: %q}\n", cam.Street.NL, cam.Street.FR)
	}
	fmt.Fprintf(w, "    valid_from: %s\n    valid_to:%s\n    allowed_lateness: %s\n", formatMoment(cam.ValidFrom), prefixSpace(formatMoment(cam.ValidTo)), formatSpan(cam.AllowedLateness))
	fmt.Fprintf(w, "    inside_lez: %t\n    token_sha256: %q\n    lanes:\n", cam.InsideLEZ, hex.EncodeToString(cam.TokenSum[:]))
	for _, l := range cam.Lanes {
		limits := make([]string, 0, len(l.Limits))
		for _, x := range l.Limits {
			limits = append(limits, fmt.Sprintf("{limit_kmh: %d, surround: %s, valid_from: %s, legal_basis: %s, verified: %t}",
				x.Limit/10, x.Surround, formatMoment(x.ValidFrom), x.LegalBasis, x.Verified))
		}
		fmt.Fprintf(w, "      - {number: %d, direction: %s, lez_excluded: %t, limits: [%s]%s}\n", l.Number, l.Direction, l.LEZExcluded, strings.Join(limits, ", "), formatReserved(&l))
	}
	if len(cam.Certificates) > 0 {
		fmt.Fprintln(w, "    certificates:")
		for _, x := range cam.Certificates {
			fmt.Fprintf(w, "      - {serial: %s, approval: %s, valid_from: %s, valid_to: %s}\n", x.Serial, x.Approval, formatMoment(x.ValidFrom), formatMoment(x.ValidTo))
		}
	}
	if len(cam.Loans) > 0 {
		fmt.Fprintln(w, "    loans:")
		for _, x := range cam.Loans {
			fmt.Fprintf(w, "      - {zone: %q, valid_from: %s, valid_to: %s}\n", x.Zone, formatMoment(x.ValidFrom), formatMoment(x.ValidTo))
		}
	}
}

// formatReserved writes what reserves a lane, with the comma before it.
func formatReserved(l *schemas.Lane) string {
	out := make([]string, 0, len(l.Reserved))
	for _, x := range l.Reserved {
		out = append(out, fmt.Sprintf("{sign: %s, use: %s, turn_allowed: %t, valid_from: %s, legal_basis: %s}", x.Sign, x.Use, x.TurnAllowed, formatMoment(x.ValidFrom), madeUpBasis))
	}
	if len(out) == 0 {
		return ""
	}
	return ", reserved: [" + strings.Join(out, ", ") + "]"
}

// prefixSpace puts a space between a key and a non-empty value.
func prefixSpace(v string) string {
	if v == "" {
		return ""
	}
	return " " + v
}

func formatSpan(m schemas.Micros) string {
	if m%schemas.Hour == 0 {
		return fmt.Sprintf("%dh", m/schemas.Hour)
	}
	return fmt.Sprintf("%dm", m/schemas.Minute)
}

// writeRegisters says that registers, registrations and passes are complete up to three in the morning of the day.
func (c *City) writeRegisters(w *bufio.Writer) {
	asOf := formatMoment(min(c.day.Start()+3*schemas.Hour, c.cfg.At)) // a copy cannot be complete up to a time that has not come
	fmt.Fprintf(w, "registers:\n  - {name: DIV, country: BE, as_of: %s}\n  - {name: RDW, country: NL, as_of: %s}\n", asOf, asOf)
	fmt.Fprintf(w, "copies:\n  - {name: registrations, as_of: %s}\n  - {name: passes, as_of: %s}\n", asOf, asOf)
}

func (c *City) writeUsers(w *bufio.Writer) {
	fmt.Fprintln(w, "users:")
	end := max(c.day, c.cfg.At.Day()) + tokenDays
	for _, u := range Users {
		list := ""
		if u.Zones != nil {
			list = fmt.Sprintf(" zones: [\"%s\"],", strings.Join(u.Zones, `", "`))
		}
		if u.Approves {
			list += " grants: [approve],"
		}
		if strings.HasPrefix(u.Role, "gvc_") {
			list += fmt.Sprintf(" appointment: {number: %q, from: 2026-01-01},", "MADE-UP-"+u.Name)
		}
		fmt.Fprintf(w, "  - {name: %s, role: %s,%s token_sha256: %q, valid_to: %s}\n", u.Name, u.Role, list, sha256Hex(c.UserToken(u.Name)), end)
	}
}

func (c *City) writeCameraTokens(w *bufio.Writer) {
	fmt.Fprintln(w, "camera,token")
	for i := range c.cameras {
		fmt.Fprintf(w, "%s,%s\n", c.cameras[i].ID, c.CameraToken(c.cameras[i].ID))
	}
}

// writeCameraDigests writes the credentials for Digest-only cameras; the user name is the camera's id.
func (c *City) writeCameraDigests(w *bufio.Writer) {
	fmt.Fprintln(w, "camera,username,realm,md5,sha256")
	for i := range c.cameras {
		id := c.cameras[i].ID
		a1 := []byte(id + ":anpr:" + c.CameraToken(id))
		fmt.Fprintf(w, "%s,%s,anpr,%x,%x\n", id, id, md5.Sum(a1), sha256.Sum256(a1)) //nolint:gosec // MD5 is what Digest of older devices is made of
	}
}

func (c *City) writeUserTokens(w *bufio.Writer) {
	fmt.Fprintln(w, "name,token")
	for _, u := range Users {
		fmt.Fprintf(w, "%s,%s\n", u.Name, c.UserToken(u.Name))
	}
}
