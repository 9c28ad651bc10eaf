package signature

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // hashes that signatures may name
	_ "crypto/sha512" // likewise
	"encoding/binary"
	"errors"
	"io"
	"math/big"

	"github.com/ProtonMail/go-crypto/openpgp"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
)

// Packet checks a signature of the content of r in the form of RPM packages: one
// packet, not armored. The packages of RHEL 7 and 8 have signatures of version 3,
// which OpenPGP libraries no longer support.
func (k Keys) Packet(r io.Reader, signature []byte) error {
	old, isOld, err := parseV3(signature)
	switch {
	case err != nil:
		return explain(err)
	case isOld:
		return explain(k.checkV3(r, old))
	}
	_, err = openpgp.CheckDetachedSignature(k.list, r, bytes.NewReader(signature), policy())
	return explain(err)
}

// A signatureV3 is an RSA signature of version 3. It signs the data, followed by
// the kind of the signature and its time.
type signatureV3 struct {
	hashed []byte // kind and time, which are hashed after the data
	keyID  uint64
	hash   crypto.Hash
	sig    *big.Int
}

// Numbers of OpenPGP.
const (
	packetSignature = 2
	pubkeyRSA       = 1
	pubkeyRSASign   = 3
	v3Length        = 19 // bytes of the packet before the signature's number
)

var v3Hashes = map[byte]crypto.Hash{8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512}

var errMalformed = errors.New("it is malformed")

// parseV3 reads a signature packet. ok is false if its version is not 3.
func parseV3(packet []byte) (s signatureV3, ok bool, err error) {
	body, err := packetBody(packet)
	if err != nil || len(body) == 0 || body[0] != 3 {
		return signatureV3{}, false, err
	}
	if len(body) < v3Length+2 || body[1] != 5 {
		return signatureV3{}, false, errMalformed
	}
	s = signatureV3{hashed: body[2:7], keyID: binary.BigEndian.Uint64(body[7:15])}
	s.hash = v3Hashes[body[16]]
	switch {
	case body[15] != pubkeyRSA && body[15] != pubkeyRSASign:
		return signatureV3{}, false, pgperrors.UnsupportedError("an old signature that is not RSA")
	case s.hash == 0:
		return signatureV3{}, false, pgperrors.UnsupportedError("an old signature with an untrusted hash")
	}
	number := body[v3Length:]
	if bits := int(binary.BigEndian.Uint16(number)); (bits+7)/8 != len(number)-2 {
		return signatureV3{}, false, errMalformed
	}
	s.sig = new(big.Int).SetBytes(number[2:])
	return s, true, nil
}

// packetBody returns the body of a single signature packet, without its frame.
func packetBody(b []byte) ([]byte, error) {
	if len(b) < 3 || b[0]&0x80 == 0 {
		return nil, errMalformed
	}
	kind, head, length := int(b[0]&0x3f), 2, int(b[1])
	if b[0]&0x40 == 0 { // the old frame
		kind = int(b[0]>>2) & 0xf
		switch b[0] & 3 {
		case 0:
		case 1:
			head, length = 3, int(binary.BigEndian.Uint16(b[1:]))
		default:
			return nil, errMalformed
		}
	} else if b[1] >= 192 {
		if b[1] >= 224 {
			return nil, errMalformed
		}
		head, length = 3, (int(b[1])-192)<<8+int(b[2])+192
	}
	if kind != packetSignature || head+length != len(b) {
		return nil, errMalformed
	}
	return b[head:], nil
}

// checkV3 checks a version 3 signature against the key with its id.
func (k Keys) checkV3(r io.Reader, s signatureV3) error {
	h := s.hash.New()
	if _, err := io.Copy(h, r); err != nil {
		return err
	}
	h.Write(s.hashed)
	for _, key := range k.list.KeysById(s.keyID) {
		pub, ok := key.PublicKey.PublicKey.(*rsa.PublicKey)
		if !ok {
			continue
		}
		if s.sig.BitLen() > pub.Size()*8 {
			return errMalformed
		}
		sig := s.sig.FillBytes(make([]byte, pub.Size()))
		return rsa.VerifyPKCS1v15(pub, s.hash, h.Sum(nil), sig)
	}
	return pgperrors.ErrUnknownIssuer
}
