// Package seal encrypts what goes to the server: the plan, its values, tasks, results and errors.
// Who can read the server's database, or the line, then reads none of them, and cannot make a
// value that a program with the key takes; it can repeat one. Names of plans, sites and steps stay as they are. It
// knows neither plans nor steps.
package seal

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/textfile"
)

// What the metadata of a value say.
const (
	encoding = "binary/encrypted" // as the samples of Temporal call it
	keyID    = "encryption-key-id"
	refused  = "bayplan/refused" // of a value that could not be opened: never sent
)

// keySize is that of AES-256.
const keySize = 32

// A Key encrypts values by AES-256-GCM.
type Key struct {
	id   string
	aead cipher.AEAD
}

// ID returns a name of the key that says nothing about it.
func (k *Key) ID() string { return k.id }

// Read reads a file with one key or several: 64 hexadecimal digits a line. The first key encrypts,
// and all decrypt, so that a key can be replaced while runs are open.
func Read(ctx context.Context, file string) ([]*Key, error) {
	text, err := textfile.Read(ctx, file, 1<<16)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	var keys []*Key
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		b, err := hex.DecodeString(line)
		if err != nil || len(b) != keySize {
			return nil, fault.WithHint(fmt.Errorf("read the key: line %d of %s has not 64 hexadecimal digits", n, file), "openssl rand -hex 32 makes a key")
		}
		k, err := newKey(b)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fault.WithHint(fmt.Errorf("read the key: %s is empty", file), "openssl rand -hex 32 makes a key")
	}
	return keys, nil
}

func newKey(b []byte) (*Key, error) {
	block, err := aes.NewCipher(b)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	sum := sha256.Sum256(append([]byte("bayplan key id\x00"), b...))
	return &Key{hex.EncodeToString(sum[:4]), aead}, err
}

// Values returns the converter of values for programs with these keys. Without a key, nothing is
// encrypted, and what others have encrypted is an error that says so.
func Values(keys []*Key) converter.DataConverter {
	return converter.NewCodecDataConverter(Opened(), codec{keys})
}

// Opened returns the converter of values that Values has decrypted, as a converter.RawValue.
func Opened() converter.DataConverter {
	return converter.NewCompositeDataConverter(
		converter.NewNilPayloadConverter(), converter.NewByteSlicePayloadConverter(), converter.NewProtoJSONPayloadConverter(),
		converter.NewProtoPayloadConverter(), converter.NewJSONPayloadConverter(), refusal{},
	)
}

// Failures returns the converter of errors that belongs to Values.
func Failures(keys []*Key, values converter.DataConverter) converter.FailureConverter {
	return temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: values, EncodeCommonAttributes: len(keys) > 0})
}

// A codec encrypts values. It opens what it can: what it cannot becomes a value that nobody can
// read, with the reason, so that a workflow can tell it from a run that is wrong.
type codec struct{ keys []*Key }

// Encode implements converter.PayloadCodec.
func (c codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if len(c.keys) == 0 {
		return payloads, nil
	}
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := p.Marshal()
		if err != nil {
			return nil, err
		}
		k := c.keys[0]
		nonce := make([]byte, k.aead.NonceSize())
		if _, err := rand.Read(nonce); err != nil {
			return nil, err
		}
		sealed[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding), keyID: []byte(k.id)},
			Data:     k.aead.Seal(nonce, nonce, plain, []byte(k.id)),
		}
	}
	return sealed, nil
}

// Decode implements converter.PayloadCodec.
func (c codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := c.open(p)
		if err != nil {
			plain = &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(refused)}, Data: []byte(err.Error())}
		}
		opened[i] = plain
	}
	return opened, nil
}

func (c codec) open(p *commonpb.Payload) (*commonpb.Payload, error) {
	if string(p.GetMetadata()[converter.MetadataEncoding]) != encoding {
		if len(c.keys) > 0 {
			return nil, errors.New("it is not encrypted, and this program has a key and takes only what is")
		}
		return p, nil
	}
	id := string(p.GetMetadata()[keyID])
	for _, k := range c.keys {
		if k.id != id {
			continue
		}
		size := k.aead.NonceSize()
		if len(p.GetData()) < size {
			return nil, errors.New("it is cut off")
		}
		plain, err := k.aead.Open(nil, p.GetData()[:size], p.GetData()[size:], []byte(id))
		if err != nil {
			return nil, fmt.Errorf("it was changed after it was encrypted with key %q", id)
		}
		inner := &commonpb.Payload{}
		return inner, inner.Unmarshal(plain)
	}
	if len(c.keys) == 0 {
		return nil, fmt.Errorf("it is encrypted with key %q, and this program has no key: give it one with --encryption-key", id)
	}
	return nil, fmt.Errorf("it is encrypted with key %q, and this program has key %s", id, c.names())
}

func (c codec) names() string {
	var ids []string
	for _, k := range c.keys {
		ids = append(ids, k.id)
	}
	return strings.Join(ids, ", ")
}

// A refusal gives the reason for which a value could not be opened.
type refusal struct{}

// Encoding implements converter.PayloadConverter.
func (refusal) Encoding() string { return refused }

// ToPayload implements converter.PayloadConverter. It makes none.
func (refusal) ToPayload(any) (*commonpb.Payload, error) { return nil, nil }

// FromPayload implements converter.PayloadConverter. It reads none.
func (refusal) FromPayload(p *commonpb.Payload, _ any) error {
	return fmt.Errorf("a value from the server cannot be read: %s", bytes.ToValidUTF8(p.GetData(), []byte("?")))
}

// ToString implements converter.PayloadConverter.
func (refusal) ToString(p *commonpb.Payload) string { return string(p.GetData()) }
