package timestamp

import "testing"

func FuzzRead(f *testing.F) {
	f.Add([]byte{}, []byte("x"))
	f.Add([]byte("\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"), []byte("x"))
	f.Fuzz(func(_ *testing.T, token, data []byte) {
		_, _ = Read(token, data)                 // no panic
		_, _ = ParseResponse(token, data, 1<<63) // nor here
	})
}
