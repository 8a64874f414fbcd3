//go:build !kafka

package delivery

import (
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/embedded/embeddedtest"
)

// brokerAddr returns the address of an embedded broker of this test.
func brokerAddr(t *testing.T) string { return embeddedtest.Broker(t, nil) }
