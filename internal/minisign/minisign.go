// Package minisign makes and checks signatures of small files in the format of the program
// minisign, https://jedisct1.github.io/minisign/. It knows nothing of what is signed.
package minisign

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"aead.dev/minisign"

	"github.com/bayplan/bayplan/internal/fault"
)

// A PublicKey checks signatures.
type PublicKey struct{ key minisign.PublicKey }

// ParsePublicKey reads the file of a public key. Errors name the file.
func ParsePublicKey(name string, content []byte) (PublicKey, error) {
	var k PublicKey
	if err := k.key.UnmarshalText(bytes.TrimSpace(content)); err != nil {
		err := fmt.Errorf("%s is not a public key of minisign", name)
		return k, fault.WithHint(err, "minisign -G writes it as minisign.pub, two lines of text")
	}
	return k, nil
}

// ID is the name of the key, in 16 hex digits, as minisign shows it.
func (k PublicKey) ID() string { return keyID(k.key.ID()) }

func keyID(id uint64) string { return fmt.Sprintf("%016X", id) }

// Verify gives an error unless a signature is one of the content by this key, and its trusted
// comment is signed, too.
func (k PublicKey) Verify(content, signature []byte) error {
	signature = []byte(strings.ReplaceAll(string(signature), "\r\n", "\n"))
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return errors.New("it is not a signature of minisign")
	}
	if s.KeyID != k.key.ID() {
		return fmt.Errorf("it is a signature by the key %s, and the key here is %s", keyID(s.KeyID), k.ID())
	}
	if !minisign.Verify(k.key, content, signature) {
		return fmt.Errorf("the signature by the key %s does not hold: what it signs was changed", k.ID())
	}
	return nil
}

// A SecretKey makes signatures. Its file is decrypted at the first use, for which the format
// demands 1 GiB of memory and many seconds. It is for use by many goroutines at once.
type SecretKey struct {
	name     string // of its file
	content  []byte
	password func() (string, error)

	once sync.Once
	key  minisign.PrivateKey
	err  error
}

// NewSecretKey gives the key in a file. password is called for an encrypted one; nil says that
// there is no password.
func NewSecretKey(name string, content []byte, password func() (string, error)) (*SecretKey, error) {
	k := &SecretKey{name: name, content: bytes.TrimSpace(content), password: password}
	if minisign.IsEncrypted(k.content) {
		if password == nil {
			err := fmt.Errorf("%s is encrypted, and nothing says its password", name)
			return nil, fault.WithHint(err, "write env: NAME, the environment variable that has it; minisign -G -W makes a key without one")
		}
		return k, nil
	}
	_, err := k.open()
	return k, err
}

func (k *SecretKey) open() (minisign.PrivateKey, error) {
	k.once.Do(func() {
		if !minisign.IsEncrypted(k.content) {
			if k.key.UnmarshalText(k.content) != nil {
				k.err = fault.WithHint(fmt.Errorf("%s is not a secret key of minisign", k.name), "minisign -G writes it as minisign.key, two lines of text")
			}
			return
		}
		var password string
		if password, k.err = k.password(); k.err != nil {
			return
		}
		if k.key, k.err = minisign.DecryptKey(password, k.content); k.err != nil {
			k.err = fmt.Errorf("%s cannot be decrypted: the password is another one, or the file is damaged", k.name)
		}
	})
	return k.key, k.err
}

// Check decrypts the key and gives an error if that is impossible.
func (k *SecretKey) Check() error {
	_, err := k.open()
	return err
}

// Sign gives the signature of a file. The trusted comment holds the file's name and the time.
func (k *SecretKey) Sign(name string, content []byte) ([]byte, error) {
	key, err := k.open()
	if err != nil {
		return nil, err
	}
	r := minisign.NewReader(bytes.NewReader(content))
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, err
	}
	trusted := fmt.Sprintf("timestamp:%d\tfile:%s\thashed", time.Now().Unix(), name)
	return r.SignWithComments(key, trusted, k.mark()), nil
}

// mark gives the untrusted comment of signatures, which tells the file of the key.
func (k *SecretKey) mark() string {
	return fmt.Sprintf("signature from minisign secret key, file %.8x", sha256.Sum256(k.content))
}

// Public gives the key that checks the signatures.
func (k *SecretKey) Public() (PublicKey, error) {
	key, err := k.open()
	if err != nil {
		return PublicKey{}, err
	}
	return PublicKey{key.Public().(minisign.PublicKey)}, nil
}

// Verify is that of the public key. To decrypt the key only for that costs too much: then a
// signature counts whose comment tells the file of the key. Whoever has the public key checks it.
func (k *SecretKey) Verify(content, signature []byte) error {
	if minisign.IsEncrypted(k.content) {
		if !strings.HasPrefix(string(signature), "untrusted comment: "+k.mark()+"\n") {
			return fmt.Errorf("it is not a signature by the key in %s", k.name)
		}
		return nil
	}
	public, err := k.Public()
	if err != nil {
		return err
	}
	return public.Verify(content, signature)
}

// Keys are secret keys that are kept, so that each is decrypted once. The zero value has none. It is
// for use by many goroutines at once.
type Keys struct {
	mu   sync.Mutex
	kept []*SecretKey
}

// Keep gives the key that is kept already if it is the same, or else keeps this one.
func (k *Keys) Keep(key *SecretKey) *SecretKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	if i := slices.IndexFunc(k.kept, func(other *SecretKey) bool { return other.name == key.name && other.IsKey(key) }); i >= 0 {
		return k.kept[i]
	}
	k.kept = append(k.kept, key)
	return key
}

// IsKey says whether the key is the one in a file of this content.
func (k *SecretKey) IsKey(other *SecretKey) bool { return bytes.Equal(k.content, other.content) }

// Generate makes a key pair, as the contents of its two files. The secret key is not encrypted.
func Generate(random io.Reader) (public, secret []byte, err error) {
	p, s, err := minisign.GenerateKey(random)
	if err != nil {
		return nil, nil, err
	}
	if public, err = p.MarshalText(); err != nil {
		return nil, nil, err
	}
	secret, err = s.MarshalText()
	return append(public, '\n'), append(secret, '\n'), err
}
