// Some thousand requests, one at a time: the race detector would see nothing that fewer do not show.

//go:build !race

package office

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

func TestNoRouteShowsARowOfAnotherZone(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		list := "users:\n"
		for _, r := range access.Roles() {
			for _, zone := range []string{"5339", "5340"} {
				list += fmt.Sprintf("  - {name: %s-%s, role: %s, zones: [\"%s\"], token_sha256: %s, valid_to: 2027-06-30}\n", r, zone, r, zone, hash(string(r)+zone))
			}
		}
		u, err := access.ReadUsers(strings.NewReader(list))
		if err != nil {
			t.Fatal(err)
		}
		c.Users = u
	})
	for _, zone := range []string{"5339", "5340"} {
		r := d.readRow("1ABC123", "CAM-"+zone, zone, 2*hour)
		d.insert("reads", r)
		d.insert("offences", d.offenceRow(r, "speed", "candidate"))
		d.insert("rejects", map[string]any{
			"reason": "bad_plate", "camera_id": "CAM-" + zone, "zone": zone, "received_at": now.Add(-hour), "payload_head": "head of CAM-" + zone, "kafka_offset": int64(len(zone) + int(zone[3])),
		})
	}
	d.insert("rejects", map[string]any{"reason": "unknown_camera", "camera_id": "CAM-nowhere", "received_at": now.Add(-hour), "kafka_offset": int64(9000)})
	for round := range 2 { // in the second round the access log has entries from both
		for route, q := range request {
			if round == 1 && route != access.RouteAccessLog {
				continue
			}
			for _, role := range access.Roles() {
				for _, zone := range []string{"5339", "5340"} {
					other := map[string]string{"5339": "5340", "5340": "5339"}[zone]
					for _, purpose := range access.Purposes() {
						token := "Bearer " + string(role) + zone
						status, body := d.send(token, d.purpose(token, purpose), q)
						if status/100 == 2 && (strings.Contains(body, "CAM-"+other) || strings.Contains(body, "-"+other) || strings.Contains(body, `"`+other+`"`) || strings.Contains(body, "CAM-nowhere")) {
							t.Errorf("round %d: %s by %s of %s for %s shows rows of another zone: %.2000s", round, route, role, zone, purpose, body)
						}
						if role == access.GVCSupervisor && route == access.RouteRejects && purpose == access.Operation && !strings.Contains(body, "CAM-"+zone) {
							t.Errorf("the rejects of the own zone are not there: %s", body)
						}
						if round == 1 && role == access.Auditor && route == access.RouteAccessLog && purpose == access.Oversight && !strings.Contains(body, "zone_officer-"+zone) {
							t.Errorf("the entries of the own zone are not there: %.500s", body)
						}
					}
				}
			}
		}
	}
}

func TestTheSecretOfPseudonymsIsMadeOnceAndForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets", "pseudonyms.key")
	first, err := LoadSecret(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadSecret(path)
	if err != nil || string(again) != string(first) {
		t.Errorf("a second start has another secret, err %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, err %v, want 0600", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSecret(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others may read: %v", err)
	}
}
