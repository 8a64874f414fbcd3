package ask

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shownBy lists the processes with a text in the arguments, the name, or a readable environment.
func shownBy(t *testing.T, text string) (found []string) {
	t.Helper()
	for _, kind := range []string{"cmdline", "environ", "comm"} {
		files, err := filepath.Glob("/proc/[0-9]*/" + kind)
		if err != nil || len(files) == 0 {
			t.Fatalf("no process is listed in /proc/*/%s (%v): mount /proc", kind, err)
		}
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, []byte(text)) { // a process may have ended
				found = append(found, f)
			}
		}
	}
	return found
}

// While a command waits for the answer, no list of processes shows the text behind "-". An argument is shown.
func TestWhatIsReadFromTheStandardInputIsInNoListOfProcesses(t *testing.T) {
	canary := fmt.Sprintf("1CNRY%03d", os.Getpid()%1000)
	why := []string{"--purpose=judicial", "--reason=a reason of ten letters", "--case-ref=BR.43.L2.000001/2026"}
	for name, c := range map[string]struct {
		args []string
		text string
	}{
		"plate": {[]string{"plate", "-"}, canary}, "a pattern": {[]string{"plate", "-"}, canary + "*"}, "last-seen": {[]string{"last-seen", "-"}, canary},
		"journey": {[]string{"journey", "-"}, canary}, "decisions": {[]string{"decisions", "-"}, canary},
		"hits":       {[]string{"hits", "--plate", "-"}, canary},
		"access-log": {[]string{"access-log", "--plate", "-"}, canary}, "disclosed": {[]string{"access-log", "--disclosed", "--plate=-"}, canary},
	} {
		for _, hidden := range []bool{true, false} {
			var asked string
			var shown []string
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v1/purposes" {
					_, _ = io.WriteString(w, `{"id":"6d5f0d5e-5a0b-4a53-9d3a-0c9b7c1e2f10"}`)
					return
				}
				b, _ := io.ReadAll(r.Body)
				asked, shown = string(b)+r.URL.String(), shownBy(t, canary)
				w.WriteHeader(http.StatusNotFound)
			}))
			args := []string{"--url=" + srv.URL, "--token=t"}
			for _, a := range c.args {
				if last, found := strings.CutSuffix(a, "-"); found && !hidden {
					a = last + c.text
				}
				args = append(args, a)
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0], append(args, why...)...)
			cmd.Env, cmd.Dir = append(os.Environ(), asProgram+"=1"), t.TempDir()
			cmd.Stdin = strings.NewReader(" " + c.text + " \n")
			out, _ := cmd.CombinedOutput() // the server knows nothing
			srv.Close()
			if !strings.Contains(asked, canary) {
				t.Fatalf("%s: %v asked %q: %s", name, args, asked, out)
			}
			if (len(shown) == 0) != hidden {
				t.Errorf("%s, hidden %t: shown by %v", name, hidden, shown)
			}
			if strings.Contains(string(out), canary) {
				t.Errorf("%s: printed: %s", name, out)
			}
		}
	}
}
