package access

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Head is the newest entry's number and hash. An empty log has the zero Head.
type Head struct {
	Seq uint64
	Sum schemas.Sum
}

// ParseHead makes a head from a number and a hash in 64 hexadecimal digits.
func ParseHead(seq uint64, sum string) (Head, error) {
	h := Head{Seq: seq}
	if readSum(&h.Sum, sum) != nil || seq == 0 {
		return Head{}, fmt.Errorf("a head is the number of an entry and the 64 hexadecimal digits of its hash, not %d and %.70q", seq, sum)
	}
	return h, nil
}

const headTitle = "anpr look-up log head"

// formatText returns the three signed lines.
func (h Head) formatText() string {
	return fmt.Sprintf("%s\n%d\n%x\n", headTitle, h.Seq, h.Sum)
}

// Note returns the head as a note signed by the site, for a witness outside the database.
func (h Head) Note(key *SiteKey) ([]byte, error) { return key.signNote(h.formatText()) }

// OpenNote reads a note from [Head.Note] and checks the signature.
func OpenNote(raw []byte, key *PublicKey) (Head, error) {
	text, err := key.openNote(raw)
	if err != nil {
		return Head{}, err
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != headTitle {
		return Head{}, fmt.Errorf("the note is none of a head: %.80q", text)
	}
	seq, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		return Head{}, fmt.Errorf("the note of a head has no number: %.80q", text)
	}
	return ParseHead(seq, lines[2])
}
