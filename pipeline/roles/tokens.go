package roles

import (
	"fmt"
	"net"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// publicTokens are the tokens that earlier versions of the made-up city gave to the users, the same on every machine.
// The program refuses these tokens. A test compares the list with the generator.
var publicTokens = map[string]string{
	"agent1":      "bench-2e23a8c0bfd92a3cdd009529f79c2b9d29143adf",
	"supervisor1": "bench-991aa5490e25e3d5723300972d19f298a58f1598",
	"officer1":    "bench-766780aa084ab3a8fc4f27339349429139e23c7a",
	"prosecutor1": "bench-56c3a70d9baae1436dcdd47d7a24c022b98d92cc",
	"operator1":   "bench-0fdfb28c4a532a9659d97186a03c2664138e5b7c",
	"auditor1":    "bench-03abb365afcf5a381df28b740175bd31ecd0cd43",
	"jurist1":     "bench-a3754fe0440be19be042b74607f56773edc44efd",
}

// refusePublicTokens refuses the tokens that earlier versions of this program gave the users of the made-up city:
// every reader of the source knows them. On loopback with the made-up data such a token opens nothing of value, and
// passes.
func refusePublicTokens(users *access.Users, dir, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	loopback := err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
	if loopback && isMadeUp(dir) {
		return nil
	}
	for name, token := range publicTokens {
		if _, known := users.FindByToken(token); known {
			return fmt.Errorf("users.yaml has the token of %s of the made-up city, which is public: give every user a token of their own (deploy/README.md), or start a made-up city in an empty directory, whose tokens are random", name)
		}
	}
	return nil
}
