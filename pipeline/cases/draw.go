package cases

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// Draws is the number of values that a draw can have.
const Draws = 10_000

// Draw returns the draw of a case, 0 to 9,999: HMAC-SHA-256 of its id with the site's key. Nobody can foresee the draw
// without the key, and an auditor can repeat it with the key.
func Draw(key []byte, id ID) int {
	h := hmac.New(sha256.New, key)
	h.Write(id.ID[:])
	return int(binary.BigEndian.Uint64(h.Sum(nil)) % Draws)
}
