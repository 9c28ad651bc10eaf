package transport

import "crypto/tls"

// Everywhere makes a transport that reaches all hosts with these TLS
// settings: for a client whose configuration has them and names no hosts, as
// clouds.yaml does. Nil settings are those of New.
func Everywhere(conf *tls.Config) (*Transport, error) {
	rest, err := newWay(Endpoint{})
	if err != nil {
		return nil, err
	}
	if conf != nil {
		conf = conf.Clone()
		conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
		rest.base.TLSClientConfig = conf
	}
	return &Transport{rest: rest}, nil
}
