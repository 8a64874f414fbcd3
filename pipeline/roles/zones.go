package roles

import (
	"fmt"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// zonesWithoutCamera names the users with a zone that no camera has. Such a user finds nothing and is not told the
// reason. The result is a warning and no error, because the first camera of a zone may come later.
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

// tokensWithoutEnd names the users whose token opens nothing, because the token does not end within a year. The other
// users can work on.
func tokensWithoutEnd(users []access.User, now schemas.Micros) (out []string) {
	for i := range users {
		if u := &users[i]; u.HasToken() && !u.TokenEnds(now) {
			out = append(out, fmt.Sprintf("users.yaml: user %s: the token opens nothing, because it has no end within %d days; give valid_to", u.Name, access.MaxTokenDays))
		}
	}
	return out
}

// warnOfUsers logs the findings of zonesWithoutCamera and tokensWithoutEnd.
func warnOfUsers(users *access.Users, cameras []*schemas.Camera, now schemas.Micros, log zerolog.Logger) {
	for _, line := range append(zonesWithoutCamera(users.All(), cameras), tokensWithoutEnd(users.All(), now)...) {
		log.Warn().Msg(line)
	}
}
