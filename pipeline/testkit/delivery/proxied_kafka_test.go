//go:build faults && kafka

package delivery

import "testing"

// behindLinks returns the shared cluster's address for workers, and the links to the brokers.
func behindLinks(t *testing.T) (addr string, links []*link) {
	t.Helper()
	brokers := cluster(t)
	for _, b := range brokers {
		links = append(links, b.link)
	}
	return clusterAddr(brokers), links
}

// alone: tests that change the shared cluster run in turn.
func alone(*testing.T) {}
