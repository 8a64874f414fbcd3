package gateway

import (
	"embed"
	"io/fs"
)

//go:embed testdata/*-*.xml testdata/*-*.json
var samplePayloads embed.FS

// Sample is a published example from a real camera.
type Sample struct {
	Name        string // file name
	Format      string // last part of the address
	ContentType string
	Body        []byte
}

// Samples returns the published payloads, in the order of formats. The demo posts them.
func Samples() (samples []Sample) {
	for _, f := range formats {
		if f.Sample == "" {
			continue
		}
		body, err := fs.ReadFile(samplePayloads, "testdata/"+f.Sample)
		if err != nil {
			panic("BUG: embedded payload: " + err.Error())
		}
		samples = append(samples, Sample{Name: f.Sample, Format: f.Path, ContentType: f.Types[0], Body: body})
	}
	return samples
}
