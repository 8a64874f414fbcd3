package bundle

import (
	"bytes"
	_ "embed" // the pages
)

//go:embed verify.html
var verifyPage []byte

//go:embed readme.html
var readme []byte

// VerifyPage returns a web page of one file that verifies bundles, batches and notices in a browser, without a network, in
// Dutch, French and English. It does what [Verify], [VerifyBatch] and [VerifyNotice] do, but for time stamps, which it compares with their SHA-256 alone.
func VerifyPage() []byte { return bytes.Clone(verifyPage) }

// Readme returns a page that says what a bundle is and how to verify it.
func Readme() []byte { return bytes.Clone(readme) }
