package roles

import (
	"bytes"
	"compress/zlib"
	"io"
)

// maxStream bounds what is unpacked of one stream of a PDF.
const maxStream = 16 << 20

// checkTagged reports whether a PDF has a structure tree. The catalogue of a PDF may stand in a compressed stream.
func checkTagged(pdf []byte) error {
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		return errNotTagged
	}
	mark := []byte("/StructTreeRoot")
	if bytes.Contains(pdf, mark) {
		return nil
	}
	for rest := pdf; ; {
		_, after, found := bytes.Cut(rest, []byte("stream"))
		if !found {
			return errNotTagged
		}
		rest = after
		r, err := zlib.NewReader(bytes.NewReader(bytes.TrimLeft(after[:min(len(after), len(pdf))], "\r\n")))
		if err != nil {
			continue // no compressed stream, or the word elsewhere
		}
		text, _ := io.ReadAll(io.LimitReader(r, maxStream)) // what could be read counts
		if bytes.Contains(text, mark) {
			return nil
		}
	}
}
