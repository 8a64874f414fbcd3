package decode_test

import (
	"fmt"

	"github.com/gvc-brussels/anpr/pipeline/ingest/decode"
	"github.com/gvc-brussels/anpr/schemas"
)

func ExampleRecord() {
	record := []byte(`{"cameraId":"BXL-0417","rawPlate":"1-ABC-123","capturedAtUs":"1795269600000000","receivedAtUs":"1795269600350000","lane":40}`)
	var r schemas.Read
	fmt.Println(decode.Record(&r, record))
	// Output: bad_field: field lane: 40, at most 32 allowed
}
