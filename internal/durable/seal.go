package durable

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
)

// Sealed files have the form {"crc":"xxxxxxxx","body":...}. They are JSON, so
// that people can read them, and hold a CRC32C of the very bytes of the body, so that
// any damage is found.
const (
	crcHead  = `{"crc":"`
	bodyHead = `","body":`
	crcLen   = 8
)

var errSealBroken = errors.New("damaged: its checksum is wrong")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Seal gives the sealed form of a body, which is JSON.
func Seal(body []byte) []byte {
	return fmt.Appendf(nil, "%s%08x%s%s}", crcHead, crc32.Checksum(body, castagnoli), bodyHead, body)
}

// Unseal returns the body of a sealed text, or an error if anything of it has changed.
// Every byte counts, also white space.
func Unseal(b []byte) ([]byte, error) {
	const head = len(crcHead) + crcLen + len(bodyHead)
	if len(b) < head+1 {
		return nil, errSealBroken
	}
	body := b[head : len(b)-1]
	if !bytes.Equal(Seal(body), b) {
		return nil, errSealBroken
	}
	return body, nil
}

// WriteSealed writes value, as sealed JSON, as the content of a file, atomically.
func WriteSealed(file string, value any) error {
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return WriteBytes(file, 0o600, Seal(body))
}
