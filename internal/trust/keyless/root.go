package keyless

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/trust/cosign"
)

// A Root is whom to trust: those who give certificates, logs of certificates and of
// signatures, and those who say what time it is.
type Root struct {
	issuers  []*authority
	stampers []*authority
	ctLogs   map[string]*log // of certificates, by id
	logs     map[string]*log // of signatures, by id
}

// A period is a time. Where it has no end, it lasts.
type period struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

func (p period) has(t time.Time) bool {
	return !t.Before(p.Start) && (p.End.IsZero() || !t.After(p.End))
}

// An authority is a chain of certificates and when it may be used.
type authority struct {
	leaf     *x509.Certificate // signs timestamps; nil: it gives certificates, or its answers have the leaf
	between  []*x509.Certificate
	root     *x509.Certificate
	validFor period
}

// A log is a log's public key and when it may be used.
type log struct {
	host     string
	key      crypto.PublicKey
	validFor period
}

// typeRoot begins the media types of the files that are read.
const typeRoot = "application/vnd.dev.sigstore.trustedroot"

// The JSON form of such a file.
type (
	rootFile struct {
		MediaType   string           `json:"mediaType"`
		Logs        []logEntry       `json:"tlogs"`
		CTLogs      []logEntry       `json:"ctlogs"`
		Authorities []authorityEntry `json:"certificateAuthorities"`
		Stampers    []authorityEntry `json:"timestampAuthorities"`
	}
	logEntry struct {
		BaseURL       string `json:"baseUrl"`
		HashAlgorithm string `json:"hashAlgorithm"`
		PublicKey     struct {
			Bytes    []byte `json:"rawBytes"`
			Details  string `json:"keyDetails"`
			ValidFor period `json:"validFor"`
		} `json:"publicKey"`
		ID struct {
			KeyID []byte `json:"keyId"`
		} `json:"logId"`
	}
	authorityEntry struct {
		URI   string `json:"uri"`
		Chain struct {
			Certificates []struct {
				Bytes []byte `json:"rawBytes"`
			} `json:"certificates"`
		} `json:"certChain"`
		ValidFor period `json:"validFor"`
	}
)

// ParseRoot reads the content of a file. It must name all without which no signature can
// be proved.
func ParseRoot(file string, content []byte) (*Root, error) {
	r, err := parseRoot(content)
	if err != nil {
		return nil, fault.WithHint(fmt.Errorf("read the trusted root in %s: %w", file, err),
			"take the trusted_root.json of the Sigstore instance by which the images are signed")
	}
	return r, nil
}

func parseRoot(content []byte) (*Root, error) {
	var f rootFile
	if err := json.Unmarshal(content, &f); err != nil || !strings.HasPrefix(f.MediaType, typeRoot) {
		return nil, errors.New("it is not a trusted root that can be read")
	}
	r := &Root{}
	var errs [4]error
	r.issuers, errs[0] = authorities(f.Authorities)
	r.stampers, errs[1] = authorities(f.Stampers)
	r.logs, errs[2] = logs(f.Logs)
	r.ctLogs, errs[3] = logs(f.CTLogs)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	switch {
	case len(r.issuers) == 0:
		return nil, missing("certificate authority")
	case len(r.logs) == 0:
		return nil, missing("log of signatures")
	case len(r.ctLogs) == 0:
		return nil, missing("log of certificates")
	}
	return r, nil
}

func missing(part string) error {
	return fmt.Errorf("it names no %s, and no signature can be proved without one", part)
}

func authorities(entries []authorityEntry) ([]*authority, error) {
	var all []*authority
	for _, e := range entries {
		a := &authority{validFor: e.ValidFor}
		last := len(e.Chain.Certificates) - 1
		for i, c := range e.Chain.Certificates {
			cert, err := x509.ParseCertificate(c.Bytes)
			switch {
			case err != nil:
				return nil, fmt.Errorf("a certificate of %s cannot be read: %w", e.URI, err)
			case i == last:
				a.root = cert
			case i == 0 && !cert.IsCA:
				a.leaf = cert
			default:
				a.between = append(a.between, cert)
			}
		}
		if a.root == nil {
			return nil, fmt.Errorf("%s has no certificate", e.URI)
		}
		all = append(all, a)
	}
	return all, nil
}

func logs(entries []logEntry) (map[string]*log, error) {
	all := map[string]*log{}
	for _, e := range entries {
		key, err := parseKey(e.PublicKey.Bytes, e.PublicKey.Details)
		if err != nil {
			return nil, fmt.Errorf("log %s: %w", e.BaseURL, err)
		}
		if e.HashAlgorithm != "SHA2_256" {
			return nil, fmt.Errorf("log %s: its tree has the hash %q, which is not known", e.BaseURL, e.HashAlgorithm)
		}
		host := ""
		if u, err := url.Parse(e.BaseURL); err == nil {
			host = u.Hostname()
		}
		all[string(e.ID.KeyID)] = &log{host: host, key: key, validFor: e.PublicKey.ValidFor}
	}
	return all, nil
}

// parseKey reads the key of a log. Some old logs have theirs in a form of its own.
func parseKey(der []byte, details string) (crypto.PublicKey, error) {
	if details != "PKCS1_RSA_PKCS1V5" {
		return cosign.ParseKey(der)
	}
	key, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		return nil, errors.New("its public key cannot be read")
	}
	return key, cosign.CheckKey(key)
}
