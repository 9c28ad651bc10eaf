package glance

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/bayplan/bayplan/internal/cloudsyaml"
	"github.com/bayplan/bayplan/internal/transport"
)

// credentials are everything that a login to a cloud needs.
type credentials struct {
	auth   gophercloud.AuthOptions
	image  cloudsyaml.Image
	tls    *tls.Config
	source string // where they were read, for hints
	names  names
	notes  []string
}

// names are what the source calls some settings, for hints.
type names struct{ ca, region string }

func credentialsOf(ctx context.Context, o Options) (credentials, error) {
	ofFile := names{"cacert", "region_name and interface"}
	switch {
	case o.Handler != nil && o.Auth == nil:
		return credentials{}, errors.New("credentials are needed for a cloud that answers inside the process")
	case o.Auth != nil:
		return credentials{auth: *o.Auth, source: "the credentials given", names: ofFile}, nil
	case o.Login != nil:
		conf, err := o.tlsConfig(cloudsyaml.TLS{})
		if err != nil {
			return credentials{}, err
		}
		return credentials{
			auth: authOptions(*o.Login), image: cloudsyaml.Image{Region: o.Region}, tls: conf,
			source: "connections.clouds." + o.Name, names: names{"ca", "region"},
		}, nil
	}
	found, err := cloudsyaml.Find(ctx, cloudsyaml.Request{
		Cloud: o.Cloud, File: o.CloudsFile, Region: o.Region, Quoted: o.Secrets.AddSettings,
	})
	if err != nil {
		return credentials{}, err
	}
	o.learn(found.Login)
	conf, err := o.tlsConfig(found.TLS)
	if err != nil {
		return credentials{}, err
	}
	return credentials{auth: authOptions(found.Login), image: found.Image, tls: conf, source: found.Source, names: ofFile, notes: found.Notes}, nil
}

// learn makes the secrets of a login known before something repeats them.
func (o Options) learn(l cloudsyaml.Login) {
	for _, secret := range []string{l.Password, l.Token, l.ApplicationCredentialSecret} {
		o.Secrets.Add(secret)
	}
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

// tlsConfig puts the options over the settings of clouds.yaml, and reads the files that they
// name. Like the openstack command, it trusts only the authorities that clouds.yaml names, if
// it names any. Those of the options are trusted besides the machine's.
func (o Options) tlsConfig(t cloudsyaml.TLS) (*tls.Config, error) {
	if o.TLS != "" {
		t.Insecure = o.TLS == transport.Insecure
	}
	conf := &tls.Config{InsecureSkipVerify: t.Insecure, MinVersion: tls.VersionTLS12}
	pool := x509.NewCertPool()
	if o.CA != "" {
		t.CA = o.CA
		if system, err := x509.SystemCertPool(); err == nil {
			pool = system
		}
	}
	if t.CA != "" && !t.Insecure {
		pem, err := transport.ReadPEM(t.CA)
		if err != nil {
			return nil, fmt.Errorf("read the authorities: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the authorities: %s has no certificate", t.CA)
		}
		conf.RootCAs = pool
	}
	if t.Cert != "" {
		pair, err := transport.LoadKeyPair(t.Cert, cmp.Or(t.Key, t.Cert))
		if err != nil {
			return nil, fmt.Errorf("read the client's certificate: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}
