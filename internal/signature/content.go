package signature

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/textfile"
)

// maxContent is the largest size of a signed text.
const maxContent = 16 << 20

// A NotTextError is about a file in OpenPGP's format that holds no text: a signature
// alone, a key, an encrypted message.
type NotTextError struct{ Is string }

// Error says what the file is.
func (e *NotTextError) Error() string { return "it is " + e.Is }

// Content returns the text of a file and whether it carries its signature: the text of a
// clear-signed file or of an OpenPGP message, or else the file as it is. It does not check
// the signature.
func Content(file []byte) (text []byte, signed bool, err error) {
	if IsClear(file) {
		block, _ := clearsign.Decode(file)
		if block == nil {
			return nil, false, errors.New("its signature cannot be read")
		}
		return block.Plaintext, true, nil
	}
	if _, err := textfile.Decode(file); err != nil {
		return nil, false, err
	}
	packets, err := messagePackets(file)
	if packets == nil {
		return file, false, err
	}
	md, err := readMessage(packets, nil)
	if err != nil {
		return nil, false, err
	}
	text, err = readBody(md)
	return text, md.IsSigned, err
}

// Signed checks the signature that a file carries, and returns only its signed text.
func (k Keys) Signed(file []byte) ([]byte, error) {
	if IsClear(file) {
		return k.Clear(file)
	}
	packets, err := messagePackets(file)
	if err != nil {
		return nil, err
	}
	md, err := readMessage(packets, k.list)
	if err != nil {
		return nil, err
	}
	text, err := readBody(md)
	switch {
	case err != nil:
		return nil, err
	case !md.IsSigned:
		return nil, errors.New("there is no signature in it")
	case md.SignatureError != nil:
		return nil, explain(md.SignatureError)
	case md.SignedBy == nil:
		return nil, explain(pgperrors.ErrUnknownIssuer)
	}
	return text, nil
}

// IsSigned reports whether a file carries a signature of its own text.
func IsSigned(file []byte) bool {
	_, signed, err := Content(file)
	return err == nil && signed
}

// messagePackets returns the packets of an OpenPGP message, and nil for a file that is
// not in OpenPGP's format.
func messagePackets(file []byte) (io.Reader, error) {
	if i := bytes.Index(file, []byte("-----BEGIN PGP ")); i >= 0 && strings.TrimSpace(string(file[:i])) == "" {
		block, err := armor.Decode(bytes.NewReader(file))
		if err != nil {
			return nil, fmt.Errorf("its OpenPGP armor cannot be read: %w", err)
		}
		switch block.Type {
		case "PGP MESSAGE":
			return block.Body, nil
		case openpgp.SignatureType:
			return nil, &NotTextError{"a signature without the text that it signs"}
		}
		return nil, &NotTextError{"a " + block.Type}
	}
	// The first byte of a packet has its high bit set, as no byte of ASCII text has.
	if len(file) > 0 && file[0]&0x80 != 0 && !bytes.HasPrefix(file, []byte("\xef\xbb\xbf")) {
		if body, err := packetBody(file); err == nil && body != nil {
			return nil, &NotTextError{"a signature without the text that it signs"}
		}
		return bytes.NewReader(file), nil
	}
	return nil, nil
}

func readMessage(packets io.Reader, keys openpgp.EntityList) (*openpgp.MessageDetails, error) {
	if packets == nil {
		return nil, errors.New("there is no signature in it")
	}
	md, err := openpgp.ReadMessage(packets, keys, nil, policy())
	switch {
	case md != nil && md.IsEncrypted:
		return nil, &NotTextError{"an encrypted message"}
	case err != nil:
		return nil, fmt.Errorf("it is neither text nor a signed message: %w", err)
	}
	return md, nil
}

// readBody reads the text to its end, where the library checks the signature.
func readBody(md *openpgp.MessageDetails) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(md.UnverifiedBody, maxContent+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the signed text: %w", explain(err))
	case len(text) > maxContent:
		return nil, fault.WithHint(fmt.Errorf("its text is larger than %d bytes", maxContent), "sign a shorter text")
	}
	return text, nil
}
