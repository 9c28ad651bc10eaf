package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/bayplan/bayplan/internal/durable"
)

// What bayplan remembers is written as {"crc":"xxxxxxxx","body":...}: JSON for
// whoever looks, with a CRC32C over the very bytes of the body, so that no
// damage goes unseen.
const (
	crcHead  = `{"crc":"`
	bodyHead = `","body":`
	crcLen   = 8
)

var errDamaged = errors.New("damaged: its checksum is wrong")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func seal(body []byte) []byte {
	return fmt.Appendf(nil, "%s%08x%s%s}", crcHead, crc32.Checksum(body, castagnoli), bodyHead, body)
}

// unseal gives the body. Every byte counts, white space too.
func unseal(b []byte) ([]byte, error) {
	const head = len(crcHead) + crcLen + len(bodyHead)
	if len(b) < head+1 {
		return nil, errDamaged
	}
	body := b[head : len(b)-1]
	if !bytes.Equal(seal(body), b) {
		return nil, errDamaged
	}
	return body, nil
}

// writeSealed makes value the content of a file, all or nothing.
func writeSealed(file string, value any) error {
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return durable.WriteBytes(file, 0o600, seal(body))
}
