package ask

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxHidden bounds a line of the standard input in bytes.
const maxHidden = 1024

// ReadHidden replaces each "-" by the next line of the standard input. Every user of the machine can read arguments,
// and the shell keeps them. The standard input therefore suits plates, and ids that can be computed from a plate.
func (q *ClientFlags) ReadHidden(name string, texts ...*string) error {
	for _, text := range texts {
		if *text != "-" {
			continue
		}
		if q.hidden == nil {
			q.hidden = bufio.NewReader(io.LimitReader(os.Stdin, 64*maxHidden))
		}
		if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprintf(os.Stderr, "%s: ", name)
		}
		line, err := q.hidden.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s from the standard input: %w", name, err)
		}
		if *text = strings.TrimSpace(line); *text == "" || len(*text) > maxHidden {
			return fmt.Errorf("%s is \"-\", so it is read from the standard input, which has no such line of 1 to %d bytes", name, maxHidden)
		}
	}
	return nil
}
