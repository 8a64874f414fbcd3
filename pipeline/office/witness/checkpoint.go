package witness

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/transparency-dev/formats/log"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// openCheckpoint reads a checkpoint and checks its signature.
func openCheckpoint(raw []byte, key *access.PublicKey) (checkpoint, error) {
	c, _, _, err := log.ParseCheckpoint(raw, key.Verifier().Name(), key.Verifier())
	if err != nil {
		return checkpoint{}, fmt.Errorf("the checkpoint of the Merkle log is not signed by the key of this site: %w", err)
	}
	if len(c.Hash) != tlog.HashSize {
		return checkpoint{}, fmt.Errorf("the checkpoint of the Merkle log has a root of %d bytes", len(c.Hash))
	}
	return checkpoint{size: c.Size, root: tlog.Hash(c.Hash)}, nil
}
