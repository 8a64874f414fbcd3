package roles

import (
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestAZoneThatNoCameraHasIsNamedWithItsUser(t *testing.T) {
	users, err := access.ReadUsers(strings.NewReader(`users:
- {name: officer1, role: zone_officer, zones: ["5393", "5340"], token_sha256: "` + strings.Repeat("0", 63) + `1"}
- {name: region1, role: prosecutor, token_sha256: "` + strings.Repeat("0", 63) + `2"}
- {name: agent1, role: gvc_agent, zones: ["9999"], token_sha256: "` + strings.Repeat("0", 63) + `3"}
`))
	if err != nil {
		t.Fatal(err)
	}
	got := zonesWithoutCamera(users.All(), []*schemas.Camera{{ID: "A", Zone: "5339"}, {ID: "B", Zone: "5340"}})
	want := []string{`users.yaml: user officer1: zone "5393" is in no camera; correct it`, `users.yaml: user agent1: zone "9999" is in no camera; correct it`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
