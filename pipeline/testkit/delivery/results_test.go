package delivery

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// envResults names a file to which every verified universe is added as a line of JSON; FILE.md is the table of all
// lines.
const envResults = "ANPR_FAULT_RESULTS"

// result is a universe: a seed under a fault.
type result struct {
	Fault    string `json:"fault"`
	Test     string `json:"test"`
	Broker   string `json:"broker"`
	Seed     uint64 `json:"seed"`
	Records  int64  `json:"records"` // on the log
	Struck   int    `json:"struck"`  // how often the fault was done
	Rows     int    `json:"rows"`    // in the tables but the ledger
	Wrong    int    `json:"wrong"`   // findings: duplicates, losses, differences
	Checksum string `json:"checksum"`
	Detail   string `json:"detail,omitempty"`
	NotRun   string `json:"not_run,omitempty"` // why
}

var results struct {
	sync.Mutex

	all []result
}

// note keeps the result of a universe.
func (u *universe) note(found verdict) {
	r := result{
		Fault: cmp.Or(u.fault, u.t.Name()), Test: u.t.Name(), Broker: brokerKind(), Seed: u.seed, Struck: u.struck,
		Rows: u.rows, Wrong: len(found), Checksum: fmt.Sprintf("%.8x", u.checksum.Sum(nil)), Detail: u.detail,
	}
	for _, end := range u.ends {
		r.Records += end
	}
	results.Lock()
	defer results.Unlock()
	results.all = append(results.all, r)
}

// sum adds the rows of a table, in order, to the checksum of the universe.
func (u *universe) sum(table string, rows []string) {
	if u.checksum == nil {
		u.checksum = sha256.New()
	}
	fmt.Fprintf(u.checksum, "%s %d\n", table, len(rows))
	for _, row := range rows {
		fmt.Fprintln(u.checksum, row)
	}
	u.rows += len(rows)
}

// writeResults names the tests not run, appends this run's results and makes the table anew.
func writeResults() {
	for _, r := range results.all {
		if r.NotRun != "" {
			fmt.Fprintf(os.Stderr, "NOT RUN: %s: %s\n", r.Test, r.NotRun)
		}
	}
	path := os.Getenv(envResults)
	if path == "" {
		return
	}
	if err := appendResults(path); err != nil {
		fmt.Fprintln(os.Stderr, "fault results:", err)
	}
}

func appendResults(path string) error {
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	var all []result
	for line := range strings.Lines(string(old)) {
		var r result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return err
		}
		all = append(all, r)
	}
	text := old
	for _, r := range results.all {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	return os.WriteFile(path+".md", []byte(table(append(all, results.all...))), 0o600)
}

// table is fault x broker: seeds, strikes, records, rows and what was wrong.
func table(all []result) string {
	type key struct{ fault, broker string }
	groups := map[key][]result{}
	for _, r := range all {
		k := key{r.Fault, r.Broker}
		groups[k] = append(groups[k], r)
	}
	keys := make([]key, 0, len(groups))
	for k := range groups {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.fault, b.fault), cmp.Compare(a.broker, b.broker)) })
	var b strings.Builder
	b.WriteString("| fault | broker | seeds | done | records | rows compared | equal to the undisturbed run, 0 duplicates, 0 lost | seeds and checksums; what was measured |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	for _, k := range keys {
		if why := groups[k][0].NotRun; why != "" {
			fmt.Fprintf(&b, "| %s | %s | 0 | 0 | 0 | 0 | NOT RUN | %s |\n", k.fault, k.broker, why)
			continue
		}
		var records int64
		var struck, rows, good int
		var seeds, details []string
		for _, r := range groups[k] {
			records, struck, rows = records+r.Records, struck+r.Struck, rows+r.Rows
			if r.Wrong == 0 {
				good++
			}
			seeds = append(seeds, fmt.Sprintf("%d (%s)", r.Seed, r.Checksum))
			if r.Detail != "" {
				details = append(details, r.Detail)
			}
		}
		n := len(groups[k])
		shown := strings.Join(seeds[:min(3, n)], ", ")
		if n > 3 {
			shown += fmt.Sprintf(" and %d more", n-3)
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %d of %d | %s |\n", k.fault, k.broker, n, struck, records, rows, good, n,
			strings.Join(append([]string{shown}, details...), "; "))
	}
	return b.String()
}

// envFaults set to "full" does every fault at its full length.
const envFaults = "ANPR_FAULTS"

func fullLength() bool { return os.Getenv(envFaults) == "full" }

// noteOther keeps the result of a test without a universe.
func noteOther(t *testing.T, fault string, struck int) {
	t.Helper()
	r := result{Fault: fault, Test: t.Name(), Broker: "none", Seed: runSeed(), Struck: struck}
	if t.Failed() {
		r.Wrong = 1
	}
	results.Lock()
	defer results.Unlock()
	results.all = append(results.all, r)
}

// notRun fails a test and keeps it in the results as not run.
func notRun(t *testing.T, format string, args ...any) {
	t.Helper()
	why := fmt.Sprintf(format, args...)
	results.Lock()
	results.all = append(results.all, result{Fault: t.Name(), Test: t.Name(), Broker: brokerKind(), NotRun: why})
	results.Unlock()
	t.Fatal("NOT RUN: " + why)
}
