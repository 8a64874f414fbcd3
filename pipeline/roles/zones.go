package roles

import (
	"fmt"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// zonesWithoutCamera says which users have a zone that no camera has. Such a user finds nothing and is not told why; a zone that is to get its
// first camera is no error, so it is said and nothing is refused.
func zonesWithoutCamera(users []access.User, cameras []*schemas.Camera) (out []string) {
	known := map[string]bool{}
	for _, c := range cameras {
		known[c.Zone] = true
	}
	for _, u := range users {
		for _, z := range u.Zones {
			if !known[z] {
				out = append(out, fmt.Sprintf("users.yaml: user %s: zone %q is in no camera; correct it", u.Name, z))
			}
		}
	}
	return out
}

// warnOfZones logs what zonesWithoutCamera finds.
func warnOfZones(users *access.Users, cameras []*schemas.Camera, log zerolog.Logger) {
	for _, line := range zonesWithoutCamera(users.All(), cameras) {
		log.Warn().Msg(line)
	}
}
