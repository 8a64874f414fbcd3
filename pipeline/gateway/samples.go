package gateway

import (
	"embed"
	"io/fs"
)

//go:embed testdata/axis-alpv-allplates.xml testdata/hikvision-isapi-v2.xml testdata/openalpr-group.json testdata/platerecognizer-webhook.json testdata/survision-decision.json
var samplePayloads embed.FS

// Sample is a published example of what a camera really sends.
type Sample struct {
	Name        string // of the file
	Format      string // last part of the upload's address
	ContentType string
	Body        []byte
}

// Samples returns the published payloads, in a fixed order: the demo posts them.
func Samples() []Sample {
	formats := []Sample{
		{Name: "axis-alpv-allplates.xml", Format: "axis", ContentType: "application/xml"},
		{Name: "hikvision-isapi-v2.xml", Format: "hikvision", ContentType: "application/xml"},
		{Name: "openalpr-group.json", Format: "openalpr", ContentType: "application/json"},
		{Name: "platerecognizer-webhook.json", Format: "platerecognizer", ContentType: "application/json"},
		{Name: "survision-decision.json", Format: "survision", ContentType: "application/json"},
	}
	for i := range formats {
		body, err := fs.ReadFile(samplePayloads, "testdata/"+formats[i].Name)
		if err != nil {
			panic("BUG: embedded payload: " + err.Error())
		}
		formats[i].Body = body
	}
	return formats
}
