package connections

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/cloudsyaml"
	"github.com/bayplan/bayplan/internal/textfile"
)

// unread stands for what cannot be read.
const unread = "it cannot be read"

// LeadTo returns what decides where connections lead, as which user and whom they trust there, as
// far as the plan does not say it: by names such as connections.clouds.NAME.auth_url, what files
// and the environment say of a cloud, and digests of the files. seal gives a text for the digest
// of a file that may hold secrets. LeadTo sends no request, and what it cannot read has a text
// that says so.
func (s *Set) LeadTo(ctx context.Context, seal func(secret string) string) map[string]string {
	l := &leads{seal: seal, all: map[string]string{}, sealed: map[string]string{}}
	for _, f := range s.Files() {
		kind := f.Setting[strings.LastIndexByte(f.Setting, '.')+1:]
		l.file(f.Setting, f.Path, kind != "ca") // cert may hold the key, too
	}
	for _, c := range s.clouds {
		if c.Cloud == "" {
			continue
		}
		found, err := s.findCloud(ctx, c)
		if err != nil {
			l.all["connections.clouds."+c.name] = unread
			continue
		}
		l.cloud("connections.clouds."+c.name+".", found)
	}
	return l.all
}

// findCloud reads what files and the environment say of a cloud. It leaves pipes to the login:
// they can be read once.
func (s *Set) findCloud(ctx context.Context, c namedCloud) (cloudsyaml.Cloud, error) {
	for _, file := range []string{string(c.CloudsFile), os.Getenv("OS_CLIENT_CONFIG_FILE"), os.Getenv("OS_CLIENT_SECURE_FILE")} {
		if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
			return cloudsyaml.Cloud{}, fmt.Errorf("%s is not a plain file", file)
		}
	}
	return cloudsyaml.Find(ctx, cloudsyaml.Request{Cloud: c.Cloud, File: string(c.CloudsFile), Region: c.Region, Quoted: s.redactor.AddSettings})
}

// CloudFiles returns the files that say where clouds are, and those that these name, by their paths.
// It leaves out what cannot be read.
func (s *Set) CloudFiles(ctx context.Context) []File {
	all := map[string]string{}
	for _, c := range s.clouds {
		if c.Cloud == "" {
			continue
		}
		if found, err := s.findCloud(ctx, c); err == nil {
			for _, file := range []string{found.Files.Clouds, found.Files.Secure, found.Files.Public, found.TLS.CA, found.TLS.Cert, found.TLS.Key} {
				all[file] = "connections.clouds." + c.name
			}
		}
	}
	delete(all, "")
	var files []File
	for _, path := range slices.Sorted(maps.Keys(all)) {
		files = append(files, File{Setting: all[path], Path: path})
	}
	return files
}

// Dirs returns the directories in which embedded servers keep what is theirs.
func (s *Set) Dirs() []string {
	var all []string
	for _, r := range s.registries {
		if r.Embedded != nil && r.Embedded.Dir != "" {
			all = append(all, string(r.Embedded.Dir))
		}
	}
	for _, h := range s.hosts {
		if h.Embedded != nil && h.Embedded.Dir != "" {
			all = append(all, string(h.Embedded.Dir))
		}
	}
	for _, c := range s.clouds {
		if c.Embedded != nil && c.Embedded.Dir != "" {
			all = append(all, string(c.Embedded.Dir))
		}
	}
	return all
}

// leads collects what LeadTo returns.
type leads struct {
	seal   func(string) string
	all    map[string]string
	sealed map[string]string // by path: a seal takes long
}

// cloud adds what is known of a cloud, but for what is secret.
func (l *leads) cloud(prefix string, c cloudsyaml.Cloud) {
	for name, value := range map[string]string{
		"auth_url": c.Login.AuthURL,
		"user_id":  c.Login.UserID, "user": c.Login.Username,
		"user_domain_id": c.Login.UserDomainID, "user_domain": c.Login.UserDomainName,
		"application_credential_id": c.Login.ApplicationCredentialID, "application_credential": c.Login.ApplicationCredentialName,
		"project_id": c.Login.Scope.ProjectID, "project": c.Login.Scope.ProjectName,
		"project_domain_id": c.Login.Scope.ProjectDomainID, "project_domain": c.Login.Scope.ProjectDomainName,
		"domain_id": c.Login.Scope.DomainID, "domain": c.Login.Scope.DomainName,
		"system": ifTrue(c.Login.Scope.System), "trust_id": c.Login.Scope.TrustID,
		"image_endpoint": c.Image.Endpoint, "image_type": c.Image.Type, "image_name": c.Image.Name,
		"region": c.Image.Region, "interface": strings.Join(c.Image.Interfaces, ","),
		"insecure": ifTrue(c.TLS.Insecure),
	} {
		if value != "" {
			l.all[prefix+name] = value
		}
	}
	l.file(prefix+"cacert", c.TLS.CA, false)
	l.file(prefix+"cert", c.TLS.Cert, true) // which may hold the key, too
	l.file(prefix+"key", c.TLS.Key, true)
	l.file(prefix+"clouds.yaml", c.Files.Clouds, true)
	l.file(prefix+"secure.yaml", c.Files.Secure, true)
	l.file(prefix+"clouds-public.yaml", c.Files.Public, true)
}

func ifTrue(b bool) string {
	if b {
		return strconv.FormatBool(b)
	}
	return ""
}

// file adds the digest of a file, unless there is none.
func (l *leads) file(name, path string, secret bool) {
	if path == "" {
		return
	}
	path = filepath.Clean(path)
	if l.sealed[path] != "" && secret {
		l.all[name] = l.sealed[path]
		return
	}
	digest, err := digestOf(path)
	if err != nil {
		l.all[name] = unread
		return
	}
	if l.all[name] = digest; secret {
		l.sealed[path] = l.seal(digest)
		l.all[name] = l.sealed[path]
	}
}

// digestOf gives the digest of a file, and an error for what is not a plain file.
func digestOf(path string) (string, error) {
	f, err := textfile.OpenRegular(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return checksum.Text("sha256", hex.EncodeToString(sum.Sum(nil))), nil
}
