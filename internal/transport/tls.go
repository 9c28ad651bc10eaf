package transport

import (
	"context"
	"crypto/tls"

	"github.com/bayplan/bayplan/internal/textfile"
)

// maxPEM is the largest size of a file of certificates or keys.
const maxPEM = 16 << 20

// ReadPEM reads a file of certificates or keys.
func ReadPEM(file string) ([]byte, error) {
	return textfile.Read(context.Background(), file, maxPEM)
}

// LoadKeyPair reads the files of a certificate and of its key.
func LoadKeyPair(cert, key string) (tls.Certificate, error) {
	certPEM, err := ReadPEM(cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM, err := ReadPEM(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

// NewWithTLS makes a transport that uses the same TLS settings for all hosts. It
// is for configurations that have such settings but do not name hosts, such as
// clouds.yaml. Nil settings mean those of New.
func NewWithTLS(conf *tls.Config) (*Transport, error) {
	rest, err := newRoute(Endpoint{})
	if err != nil {
		return nil, err
	}
	if conf != nil {
		conf = conf.Clone()
		conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
		rest.base.TLSClientConfig = conf
	}
	return &Transport{fallback: rest}, nil
}
