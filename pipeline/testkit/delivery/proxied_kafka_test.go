//go:build faults && kafka

package delivery

import "testing"

// behindLinks returns the address of the shared cluster that workers get, and the links to its brokers.
func behindLinks(t *testing.T) (addr string, links []*link) {
	t.Helper()
	brokers := cluster(t)
	for _, b := range brokers {
		links = append(links, b.link)
	}
	return clusterAddr(brokers), links
}

// alone: the tests that do something to the shared cluster run one after the other.
func alone(*testing.T) {}
