package reference

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestAccessOfACameraIsRead(t *testing.T) {
	dir := copyRegion(t)
	editFile(t, dir, fileCameras, "id: BRU-0001\n", "id: BRU-0001\n    auth_header: x_auth_key\n    client_subject: CN=BRU-0001\n    addresses: [10.1.2.3, \"2001:db8::/64\"]\n    source_id: [1, abc]\n")
	editFile(t, dir, fileCameras, "id: BRU-0003\n", "id: BRU-0003\n    behind: BRU-0001\n    source_id: \"3\"\n")
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	host, _ := s.Camera("BRU-0001")
	a := host.Accepts()
	want := []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32"), netip.MustParsePrefix("2001:db8::/64")}
	if a.AuthHeader != "X_auth_key" || a.Subject != "CN=BRU-0001" || !slices.Equal(a.Addresses, want) || a.Behind != "" {
		t.Errorf("got %+v", a)
	}
	if !maps.Equal(a.Sources, map[string]string{"1": "BRU-0001", "abc": "BRU-0001", "3": "BRU-0003"}) {
		t.Errorf("sources: got %v", a.Sources)
	}
	if c, _ := s.Camera("BRU-0003"); c.Accepts().Behind != "BRU-0001" || c.Accepts().Sources != nil {
		t.Errorf("behind: got %+v", c.Accepts())
	}
}

func TestRefusesAccessThatNamesTwoCameras(t *testing.T) {
	const f, id = fileCameras, "id: BRU-0003\n"
	for _, c := range []edits{
		{"behind nobody", f, id, id + "    behind: BRU-9\n    source_id: 3\n", `cameras.yaml:33: field behind: "BRU-9" of camera BRU-0003 is no camera with an address`},
		{"behind itself", f, id, id + "    behind: BRU-0003\n    source_id: 3\n", "cameras.yaml:33: field cameras[2].behind: is the camera whose address"},
		{"behind without source", f, id, id + "    behind: BRU-0001\n", "cameras.yaml:33: field cameras[2].behind: needs source_id"},
		{"behind with a header", f, id, id + "    behind: BRU-0001\n    source_id: 3\n    auth_header: x\n", "cameras.yaml:33: field cameras[2].behind: is the camera whose address"},
		{"source twice in a camera", f, id, id + "    source_id: [3, 3]\n", "cameras.yaml:34: field cameras[2].source_id[1]: is there twice"},
		{"empty source", f, id, id + "    source_id: ['']\n", "cameras.yaml:34: field cameras[2].source_id[0]: is empty"},
		{"no address", f, id, id + "    addresses: [camera.local]\n", `cameras.yaml:34: field cameras[2].addresses[0]: "camera.local" is no address`},
		{"address with bits beyond", f, id, id + "    addresses: [10.1.2.3/24]\n", "cameras.yaml:34: field cameras[2].addresses[0]: 10.1.2.3/24 has bits beyond its length; write 10.1.2.0/24"},
		{"the whole Internet", f, id, id + "    addresses: [0.0.0.0/0]\n", "cameras.yaml:34: field cameras[2].addresses[0]: 0.0.0.0/0 is a large part"},
		{"header of the protocol", f, id, id + "    auth_header: content-length\n", "cameras.yaml:34: field cameras[2].auth_header: Content-Length has a meaning"},
		{"header that is none", f, id, id + "    auth_header: \"x y\"\n", `cameras.yaml:34: field cameras[2].auth_header: "x y" is no name`},
	} {
		t.Run(c.name, c.runEdits)
	}
	for name, lines := range map[string][3]string{
		"one address":  {"addresses: 10.0.0.1", "addresses: [10.0.0.1]", "is also an address of camera"},
		"ranges":       {"addresses: 10.0.0.0/24", "addresses: [10.0.0.128/25]", "is also an address of camera"},
		"one subject":  {"client_subject: CN=x", "client_subject: CN=x", "issue each camera its own certificate"},
		"one source":   {"source_id: 3", "{behind: BRU-0001, source_id: 3}", "each source is one camera"},
		"chain":        {"behind: BRU-0002\n    source_id: 9", "{behind: BRU-0001, source_id: 3}", "is no camera with an address of its own"},
		"mapped to v4": {"addresses: 10.0.0.1", "addresses: [\"::ffff:10.0.0.1\"]", "is also an address of camera"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyRegion(t)
			second := strings.NewReplacer("{", "", "}", "", ", ", "\n    ").Replace(lines[1])
			editFile(t, dir, f, "id: BRU-0001\n", "id: BRU-0001\n    "+lines[0]+"\n")
			editFile(t, dir, f, id, id+"    "+second+"\n")
			_, err := Load(dir)
			if found := problemsOf(err); len(found) != 1 || !strings.Contains(found[0].String(), lines[2]) {
				t.Errorf("got %v, want one problem with %q", err, lines[2])
			}
		})
	}
}
