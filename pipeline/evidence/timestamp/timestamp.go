// Package timestamp asks for and checks time stamps after RFC 3161: an authority's signed word that bytes existed at an
// instant. The package is pure: whoever uses it carries request and answer.
package timestamp

import (
	"bytes"
	"crypto"
	"crypto/sha1" //nolint:gosec // names a certificate in the older form
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Object identifiers: RFC 3161 section 2.4.2, RFC 5652 sections 4, 5.1 and 11, RFC 5754 section 2.
var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCert   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12} // RFC 2634, by SHA-1
	oidSigningCertV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47} // RFC 5035
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
)

type messageImprint struct {
	Algorithm pkix.AlgorithmIdentifier
	Hash      []byte
}

type request struct {
	Version int
	Imprint messageImprint
	Nonce   *big.Int
	CertReq bool `asn1:"optional"`
}

type response struct {
	Status statusInfo
	Token  asn1.RawValue `asn1:"optional"`
}

type statusInfo struct {
	Status   int
	Text     asn1.RawValue  `asn1:"optional"`
	FailInfo asn1.BitString `asn1:"optional"`
}

type tstInfo struct {
	Version int
	Policy  asn1.ObjectIdentifier
	Imprint messageImprint
	Serial  *big.Int
	At      time.Time     `asn1:"generalized"`
	Rest    asn1.RawValue `asn1:"optional"` // accuracy or what follows
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,tag:0"`
}

type signedData struct {
	Version      int
	Digests      asn1.RawValue
	Encapsulated encapsulated
	Certificates asn1.RawValue `asn1:"optional,tag:0"`
	Revocations  asn1.RawValue `asn1:"optional,tag:1"`
	Signers      []signerInfo  `asn1:"set"`
}

type encapsulated struct {
	Type    asn1.ObjectIdentifier
	Content []byte `asn1:"explicit,tag:0"`
}

type signerInfo struct {
	Version    int
	Signer     asn1.RawValue
	Digest     pkix.AlgorithmIdentifier
	Attributes asn1.RawValue `asn1:"tag:0"`
	Algorithm  pkix.AlgorithmIdentifier
	Signature  []byte
	Unsigned   asn1.RawValue `asn1:"optional,tag:1"`
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue `asn1:"set"`
}

// Stamp is what a token says.
type Stamp struct {
	At        time.Time
	Authority string // subject of the certificate that signed
}

// Request returns the question for a time stamp over data, with a nonce of at most 8 bytes and with the certificate in the
// answer. An authority sees the SHA-256 of the data alone.
func Request(data []byte, nonce uint64) ([]byte, error) {
	sum := sha256.Sum256(data)
	return asn1.Marshal(request{1, messageImprint{pkix.AlgorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1.NullRawValue}, sum[:]}, new(big.Int).SetUint64(nonce), true})
}

// ParseResponse returns the token of an answer, checked over data and nonce.
func ParseResponse(answer, data []byte, nonce uint64) ([]byte, error) {
	var r response
	if rest, err := asn1.Unmarshal(answer, &r); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("time stamp: no answer of RFC 3161: %w", errors.Join(err, errTrailing(rest)))
	}
	if r.Status.Status > 1 || len(r.Token.FullBytes) == 0 { // granted, granted with changes
		return nil, fmt.Errorf("time stamp: the authority refused with status %d", r.Status.Status)
	}
	t, err := open(r.Token.FullBytes)
	if err != nil {
		return nil, err
	}
	want, err := asn1.Marshal(new(big.Int).SetUint64(nonce))
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(t.content, want) {
		return nil, errors.New("time stamp: the answer is to another question")
	}
	if _, err := Read(r.Token.FullBytes, data); err != nil {
		return nil, err
	}
	return r.Token.FullBytes, nil
}

func errTrailing(rest []byte) error {
	if len(rest) == 0 {
		return nil
	}
	return fmt.Errorf("%d bytes follow", len(rest))
}

// token is a token taken apart.
type token struct {
	content      []byte // TSTInfo
	signer       signerInfo
	certificates []*x509.Certificate
}

func open(raw []byte) (*token, error) {
	var outer contentInfo
	var inner signedData
	rest, err := asn1.Unmarshal(raw, &outer)
	if err == nil {
		err = errTrailing(rest)
	}
	if err == nil && !outer.Type.Equal(oidSignedData) {
		err = errors.New("it is no signed data")
	}
	if err == nil {
		_, err = asn1.Unmarshal(outer.Content.Bytes, &inner)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("time stamp: no token: %w", err)
	case !inner.Encapsulated.Type.Equal(oidTSTInfo) || len(inner.Signers) != 1:
		return nil, errors.New("time stamp: the token is not that of one time-stamping authority")
	}
	certificates, err := x509.ParseCertificates(inner.Certificates.Bytes)
	if err != nil {
		return nil, fmt.Errorf("time stamp: certificates of the token: %w", err)
	}
	return &token{inner.Encapsulated.Content, inner.Signers[0], certificates}, nil
}

// Read checks a token over data: that it is about these bytes, and that a certificate for time stamping in the token
// signed it. Read does not know whether the certificate's authority is to be trusted: the caller shows its name.
func Read(raw, data []byte) (Stamp, error) {
	t, err := open(raw)
	if err != nil {
		return Stamp{}, err
	}
	var info tstInfo
	if _, err := asn1.Unmarshal(t.content, &info); err != nil {
		return Stamp{}, fmt.Errorf("time stamp: content: %w", err)
	}
	if sum := sha256.Sum256(data); !info.Imprint.Algorithm.Algorithm.Equal(oidSHA256) || !bytes.Equal(info.Imprint.Hash, sum[:]) {
		return Stamp{}, errors.New("time stamp: it is over other bytes")
	}
	signed, named, err := t.checkAttributes()
	if err != nil {
		return Stamp{}, err
	}
	for _, c := range t.certificates {
		if !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) || !isNamed(c, named) {
			continue
		}
		if c.CheckSignature(signatureAlgorithm(c, t.signer.Digest.Algorithm), signed, t.signer.Signature) != nil {
			continue
		}
		if info.At.Before(c.NotBefore) || info.At.After(c.NotAfter) {
			return Stamp{}, errors.New("time stamp: the certificate did not hold at that instant")
		}
		return Stamp{info.At.UTC(), c.Subject.String()}, nil
	}
	return Stamp{}, errors.New("time stamp: no certificate for time stamping in the token made its signature")
}

// isNamed reports whether the signed attributes name the certificate by its digest (RFC 3161 section 2.4.2, RFC 5816).
// So nobody can put another certificate with the same key into a token.
func isNamed(c *x509.Certificate, named []byte) bool {
	first, second := sha1.Sum(c.Raw), sha256.Sum256(c.Raw) //nolint:gosec // the form of RFC 2634 has no other digest
	third := sha512.Sum512(c.Raw)
	return bytes.Contains(named, first[:]) || bytes.Contains(named, second[:]) || bytes.Contains(named, third[:])
}

// checkAttributes compares the signed attributes with the content. It returns the bytes that are signed, the attributes as
// a SET (RFC 5652 section 5.4), and the attributes that name the certificate.
func (t *token) checkAttributes() (signed, named []byte, err error) {
	hash, ok := map[string]crypto.Hash{oidSHA256.String(): crypto.SHA256, oidSHA384.String(): crypto.SHA384, oidSHA512.String(): crypto.SHA512}[t.signer.Digest.Algorithm.String()]
	if !ok {
		return nil, nil, errors.New("time stamp: the digest of the signature is not one that this program takes")
	}
	h := hash.New()
	h.Write(t.content)
	typed, digested := false, false
	for rest := t.signer.Attributes.Bytes; len(rest) > 0; {
		var a attribute
		if rest, err = asn1.Unmarshal(rest, &a); err != nil {
			return nil, nil, fmt.Errorf("time stamp: signed attributes: %w", err)
		}
		switch {
		case a.Type.Equal(oidContentType):
			var oid asn1.ObjectIdentifier
			_, err = asn1.Unmarshal(a.Values.Bytes, &oid)
			typed = err == nil && oid.Equal(oidTSTInfo)
		case a.Type.Equal(oidSigningCert), a.Type.Equal(oidSigningCertV2):
			named = append(named, a.Values.Bytes...)
		case a.Type.Equal(oidMessageDigest):
			var digest []byte
			_, err = asn1.Unmarshal(a.Values.Bytes, &digest)
			digested = err == nil && bytes.Equal(digest, h.Sum(nil))
		}
	}
	if !typed || !digested {
		return nil, nil, errors.New("time stamp: the signature is over another content")
	}
	signed = bytes.Clone(t.signer.Attributes.FullBytes)
	signed[0] = asn1.TagSet | 0x20 // constructed
	return signed, named, nil
}

// signatureAlgorithm returns the algorithm of a certificate's key with a digest.
func signatureAlgorithm(c *x509.Certificate, digest asn1.ObjectIdentifier) x509.SignatureAlgorithm {
	i := slices.IndexFunc([]asn1.ObjectIdentifier{oidSHA256, oidSHA384, oidSHA512}, digest.Equal)
	switch {
	case i < 0:
		return x509.UnknownSignatureAlgorithm
	case c.PublicKeyAlgorithm == x509.RSA:
		return [...]x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA}[i]
	case c.PublicKeyAlgorithm == x509.ECDSA:
		return [...]x509.SignatureAlgorithm{x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512}[i]
	}
	return x509.UnknownSignatureAlgorithm
}
