package glance

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/bayplan/bayplan/internal/cloudsyaml"
)

// credentials are everything that a login to a cloud needs.
type credentials struct {
	auth   gophercloud.AuthOptions
	image  cloudsyaml.Image
	tls    *tls.Config
	source string // where they were read, for hints
	notes  []string
}

func credentialsOf(ctx context.Context, o Options) (credentials, error) {
	if o.Handler != nil && o.Auth == nil {
		return credentials{}, errors.New("credentials are needed for a cloud that answers inside the process")
	}
	if o.Auth != nil {
		return credentials{auth: *o.Auth, source: "the credentials given"}, nil
	}
	found, err := cloudsyaml.Find(ctx, cloudsyaml.Request{Cloud: o.Cloud})
	if err != nil {
		return credentials{}, err
	}
	conf, err := tlsConfig(found.TLS)
	if err != nil {
		return credentials{}, err
	}
	return credentials{auth: authOptions(found.Login), image: found.Image, tls: conf, source: found.Source, notes: found.Notes}, nil
}

// authOptions gives a login in the form that gophercloud takes.
func authOptions(l cloudsyaml.Login) gophercloud.AuthOptions {
	o := gophercloud.AuthOptions{
		IdentityEndpoint: l.AuthURL,
		UserID:           l.UserID,
		Username:         l.Username,
		DomainID:         l.UserDomainID,
		DomainName:       l.UserDomainName,
		Password:         l.Password,
		TokenID:          l.Token,
		TenantID:         l.Scope.ProjectID, // version 2 of the identity service takes these
		TenantName:       l.Scope.ProjectName,

		ApplicationCredentialID:     l.ApplicationCredentialID,
		ApplicationCredentialName:   l.ApplicationCredentialName,
		ApplicationCredentialSecret: l.ApplicationCredentialSecret,
	}
	if s := l.Scope; s != (cloudsyaml.Scope{}) {
		o.Scope = &gophercloud.AuthScope{
			ProjectID:   s.ProjectID,
			ProjectName: s.ProjectName,
			DomainID:    cmp.Or(s.ProjectDomainID, s.DomainID),
			DomainName:  cmp.Or(s.ProjectDomainName, s.DomainName),
			System:      s.System,
			TrustID:     s.TrustID,
		}
	}
	return o
}

// tlsConfig reads the files that TLS needs. Like the openstack command, it trusts only the
// authorities that are named, if any are.
func tlsConfig(t cloudsyaml.TLS) (*tls.Config, error) {
	conf := &tls.Config{InsecureSkipVerify: t.Insecure, MinVersion: tls.VersionTLS12}
	if t.CA != "" && !t.Insecure {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("read the authorities: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the authorities: %s has no certificate", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, cmp.Or(t.Key, t.Cert))
		if err != nil {
			return nil, fmt.Errorf("read the client's certificate: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}
