package deploy

import (
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

var (
	clusterStatement = regexp.MustCompile(`(?m)^(CREATE|ALTER|INSERT|FROM) .*$`)
	clusterDatabase  = regexp.MustCompile(`\banpr(\.[a-z_]+)?\b`)
	clusterEngine    = regexp.MustCompile(`(?m)^ENGINE = .*$`)
)

// Every statement for a cluster names its database, every change of a table all servers, and the last statement the version of every
// migration, so that none is carried out again.
func TestTheTablesOfAClusterAreMadeOnAllServersAndOnce(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "bash", "clickhouse/cluster.sh", "brussels").Output()
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	made := 0
	for _, line := range clusterStatement.FindAllString(text, -1) {
		if !clusterDatabase.MatchString(line) {
			t.Errorf("%q does not name the database", line)
		}
		if !strings.HasPrefix(line, "CREATE ") && !strings.HasPrefix(line, "ALTER ") {
			continue
		}
		made++
		if !strings.Contains(line, " ON CLUSTER 'brussels'") {
			t.Errorf("%q changes one server alone", line)
		}
	}
	for _, line := range clusterEngine.FindAllString(text, -1) {
		if !strings.HasPrefix(line, "ENGINE = Replicated") {
			t.Errorf("%q is on one server alone", line)
		}
	}
	files, err := fs.Glob(schemas.Migrations, "clickhouse/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	_, versions, _ := strings.Cut(text, "INSERT INTO anpr.goose_db_version")
	tables := 0
	for _, name := range files {
		number, _, _ := strings.Cut(path.Base(name), "_")
		n, err := strconv.Atoi(number)
		if err != nil || strings.Count(versions, fmt.Sprintf("(%d, 1)", n)) != 1 {
			t.Errorf("%s is not among the versions, %v: %s", name, err, versions)
		}
		sql, err := fs.ReadFile(schemas.Migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		tables += strings.Count(string(sql), "\nALTER TABLE ") + strings.Count(string(sql), "\nCREATE ")
	}
	if made != tables+2 { // and the database, the table of versions
		t.Errorf("%d statements make or change tables, want %d", made, tables+2)
	}
}
