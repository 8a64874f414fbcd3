package deploy

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// service is a service of compose.yaml, with the fields under test.
type service struct {
	Image       string
	User        string
	Environment map[string]string
	Volumes     []string
	Secrets     []string
	Entrypoint  []string
	Command     []string
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
}

type composition struct {
	Services map[string]service
	Volumes  map[string]any
	Secrets  map[string]struct{ File string }
}

func parseComposition(t *testing.T, text []byte) composition {
	t.Helper()
	var c composition
	// A key beside a merge (<<) counts before the merged key.
	if err := yaml.UnmarshalWithOptions(text, &c, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	return c
}

// own is the name of the image that deploy/Dockerfile builds.
const own = "anpr"

// unwritable returns the volumes that a container of our image, running as user, could not write to.
func (c composition) unwritable(user string) (out []string) {
	owners := c.Services["owners"]
	for name, s := range c.Services {
		if s.Image != own {
			continue
		}
		if s.User != "" && s.User != user {
			out = append(out, name+" runs as "+s.User+", and the image is made for "+user)
		}
		for _, v := range s.Volumes {
			source, rest, _ := strings.Cut(v, ":")
			target, mode, _ := strings.Cut(rest, ":")
			if mode == "ro" {
				continue
			}
			_, named := c.Volumes[source]
			switch {
			case !named:
				out = append(out, name+": "+v+" is a folder of the host and not read-only: its owner is not known here")
			case !slices.Contains(owners.Volumes, source+":"+target) || !slices.Contains(owners.Entrypoint, target):
				out = append(out, name+": nobody gives "+v+" to "+user)
			case s.DependsOn["owners"].Condition != "service_completed_successfully":
				out = append(out, name+" does not wait for owners, which gives "+v+" to "+user)
			}
		}
	}
	if owners.User != "0:0" || len(owners.Entrypoint) < 3 || owners.Entrypoint[0] != "chown" || owners.Entrypoint[1] != user {
		out = append(out, "owners does not run chown "+user+" as root")
	}
	slices.Sort(out)
	return out
}

// imageUser returns the user set in deploy/Dockerfile.
func imageUser(t *testing.T) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^USER (\d+:\d+)$`).FindSubmatch(read(t, "Dockerfile"))
	if m == nil || strings.HasPrefix(string(m[1]), "0:") {
		t.Fatal("Dockerfile: no USER in numbers, or root")
	}
	return string(m[1])
}

func TestComposeVolumesAreWritableForTheUserOfTheImage(t *testing.T) {
	text, user := string(read(t, "compose.yaml")), imageUser(t)
	c := parseComposition(t, []byte(text))
	for _, w := range c.unwritable(user) {
		t.Error("compose.yaml: " + w)
	}
	writes := 0
	for _, s := range c.Services {
		for _, v := range s.Volumes {
			if s.Image == own && !strings.HasSuffix(v, ":ro") {
				writes++
			}
		}
	}
	if writes < 3 {
		t.Errorf("found %d volumes that our image writes to, want at least 3: the file was not understood", writes)
	}
	for _, name := range []string{"images:/images", "receipts:/receipts", "index:/index"} {
		if strings.Count(text, name) < 2 {
			t.Errorf("compose.yaml: %s is not both given and used", name)
		}
	}
	for from, to := range map[string]string{
		`chown, "` + user + `"`:                        `chown, "999:999"`,
		`user: "0:0"`:                                  `user: "` + user + `"`,
		"[images:/images, receipts:":                   "[receipts:",
		", images:/images, ":                           ", ./images:/images, ",
		"owners: {condition: service_completed_succes": "owners: {condition: service_sta",
	} {
		if !strings.Contains(text, from) {
			t.Fatalf("compose.yaml has no %q: adapt the test", from)
		}
		broken := parseComposition(t, []byte(strings.ReplaceAll(text, from, to)))
		if len(broken.unwritable(user)) == 0 {
			t.Errorf("with %q in place of %q: got no complaint", to, from)
		}
	}
}

func TestComposeKeepsPasswordsOutOfTheEnvironment(t *testing.T) {
	c := parseComposition(t, read(t, "compose.yaml"))
	files := 0
	for name, s := range c.Services {
		for _, key := range slices.Sorted(maps.Keys(s.Environment)) {
			if !secretName.MatchString(key) {
				continue
			}
			file, ok := strings.CutPrefix(s.Environment[key], "/run/secrets/")
			if !strings.HasSuffix(key, "_FILE") || !ok || !slices.Contains(s.Secrets, file) {
				t.Errorf("service %s: %s is not the file of a secret given to it", name, key)
			}
			files++
		}
		for _, secret := range s.Secrets {
			if c.Secrets[secret].File == "" {
				t.Errorf("service %s: there is no secret %s", name, secret)
			}
		}
	}
	if files < 4 {
		t.Errorf("found %d passwords, want at least 4: the file was not understood", files)
	}
	ignored := string(read(t, "../.gitignore"))
	for name, s := range c.Secrets {
		if dir := "/" + filepath.ToSlash(filepath.Join("deploy", filepath.Dir(s.File))) + "/"; !strings.Contains(ignored, "\n"+dir+"\n") {
			t.Errorf("secret %s: .gitignore does not have %s", name, dir)
		}
	}
}

// secretName finds settings whose value nobody else may read.
var secretName = regexp.MustCompile(`PASSWORD|TOKEN|SECRET_`)
