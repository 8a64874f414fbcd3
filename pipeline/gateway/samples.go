package gateway

import (
	"embed"
	"io/fs"
)

//go:embed testdata/*-*.xml testdata/*-*.json
var samplePayloads embed.FS

// Sample is a published example of what a camera really sends.
type Sample struct {
	Name        string // of the file
	Format      string // last part of the upload's address
	ContentType string
	Body        []byte
}

// Samples returns the published payloads, in the order of the formats: the demo posts them.
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
