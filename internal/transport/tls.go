package transport

import "crypto/tls"

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
