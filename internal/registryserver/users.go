package registryserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"

	"github.com/bayplan/bayplan/internal/textfile"
)

// Users are the users who may log in, each with the bcrypt hash of a password.
type Users struct {
	hashes map[string][]byte
	other  []byte // compared for unknown users

	// Hashing is slow on purpose, and a push is hundreds of requests. A correct
	// login is remembered by a keyed hash.
	key   []byte
	right sync.Map // fingerprints; several requests run at a time
	// One hash is computed at a time, so that wrong logins cannot take all
	// processors. Remembered logins do not wait.
	work sync.Mutex
}

// maxUsersFile is the largest file of users.
const maxUsersFile = 1 << 20

// ReadUsers reads a file of htpasswd -B, with USER:HASH in every line. It reads
// the file once.
func ReadUsers(file string) (*Users, error) {
	data, err := textfile.Read(context.Background(), file, maxUsersFile)
	if err != nil {
		return nil, fmt.Errorf("reading the users: %w", err)
	}
	u, err := parseUsers(data)
	if err != nil {
		return nil, fmt.Errorf("the users in %s: %w", file, err)
	}
	return u, nil
}

func parseUsers(data []byte) (*Users, error) {
	u := &Users{hashes: map[string][]byte{}, key: make([]byte, sha256.Size)}
	_, _ = rand.Read(u.key) // it never fails
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := u.add(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err) // never the line: it holds a hash, or worse
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(u.hashes) == 0 {
		return nil, errors.New("there are none")
	}
	return u, nil
}

func (u *Users) add(line string) error {
	name, hash, ok := strings.Cut(line, ":")
	if !ok || name == "" {
		return errors.New("it is not USER:HASH")
	}
	if _, err := bcrypt.Cost([]byte(hash)); err != nil {
		return fmt.Errorf("the password of %q is not hashed with bcrypt (htpasswd -B)", name)
	}
	if u.hashes[name] != nil {
		return fmt.Errorf("%q is there twice", name)
	}
	u.hashes[name] = []byte(hash)
	u.other = []byte(hash)
	return nil
}

// Allow says whether a password is right.
func (u *Users) Allow(user, password string) bool {
	login := u.fingerprint(user, password)
	if _, right := u.right.Load(login); right {
		return true
	}
	u.work.Lock()
	defer u.work.Unlock()
	hash, known := u.hashes[user]
	if !known {
		hash = u.other // as slow as for a known user
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil || !known {
		return false
	}
	u.right.Store(login, true)
	return true
}

func (u *Users) fingerprint(user, password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, u.key)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(user))))
	h.Write([]byte(user + password))
	h.Sum(sum[:0])
	return sum
}
