// Package cloudsyaml reads clouds.yaml as openstacksdk does: it finds the file and those
// beside it, merges vendor profiles, secrets and regions, and only then examines the result.
// Every setting that decides which image service is used, or as whom, is honoured or
// refused by name. Other settings are ignored. The package sends no request.
package cloudsyaml

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// A Request says which cloud is wanted.
type Request struct {
	Cloud  string // name of the entry
	File   string // the clouds.yaml to read; "": the first of the search path
	Region string // the region to use; "": the entry's

	// Quoted gets the texts that an error may quote before Find returns it: they hold
	// secrets. nil: they are not wanted.
	Quoted func(text string)
}

// A Cloud is what the files say about one cloud.
type Cloud struct {
	Source string   // the file or the environment, for hints
	Notes  []string // what people should know about the files
	Files  Files    // the files that were read
	Login  Login
	Image  Image
	TLS    TLS
}

// Files are the paths of files that say something about a cloud, "" for those that are not there.
type Files struct{ Clouds, Secure, Public string }

// An Image says where the image service is.
type Image struct {
	Endpoint   string   // its address; "": the one of the catalogue
	Type       string   // its type in the catalogue; "": image
	Name       string   // its name in the catalogue; "": any
	Region     string   // "": any
	Interfaces []string // public, internal or admin, the preferred one first
}

// TLS says how TLS is used.
type TLS struct {
	Insecure bool   // accept any certificate
	CA       string // PEM file of the only authorities to trust
	Cert     string // PEM file of the client's certificate
	Key      string // PEM file of its key; "": it is in Cert
}

// Find reads what clouds.yaml says about a cloud. If clouds.yaml does not have the cloud, it
// takes the OS_* variables, as a sourced stackrc sets them.
func Find(ctx context.Context, r Request) (Cloud, error) {
	files, err := open(ctx, r.File)
	var c Cloud
	if err == nil {
		c, err = files.find(ctx, r)
	}
	if err != nil && r.Quoted != nil {
		r.Quoted(files.clouds.text)
		r.Quoted(files.secure.text)
		r.Quoted(strings.Join(variables(), "\n"))
	}
	return c, err
}

func (f *files) find(ctx context.Context, r Request) (Cloud, error) {
	entry, found, err := f.entry(r.Cloud)
	switch {
	case err != nil:
		return Cloud{}, err
	case found:
		return f.examine(ctx, r, entry)
	case r.File == "" && os.Getenv("OS_AUTH_URL") != "":
		return fromEnvironment(r)
	}
	return Cloud{}, f.notFound(r.File)
}

// files are the files that say something about clouds.
type files struct {
	dirs   []string // where they were looked for
	clouds file
	secure file
	notes  []string
}

// open reads clouds.yaml and secure.yaml, and gives what it has read also with an error. A file that is named has to be there: another one
// may lead to another cloud.
func open(ctx context.Context, named string) (*files, error) {
	f := &files{dirs: searchPath()}
	hint := "put it there, or correct clouds_file"
	if named == "" {
		named, hint = os.Getenv("OS_CLIENT_CONFIG_FILE"), createHint
	}
	var err error
	if f.clouds, err = findFile(ctx, "clouds", named, f.dirs); err != nil {
		return f, err
	}
	if named != "" {
		if f.clouds.path == "" {
			return f, fault.WithHint(fmt.Errorf("there is no clouds.yaml (looked for %s)", named), hint)
		}
		f.dirs = append([]string{filepath.Dir(named)}, f.dirs...)
	}
	f.secure, err = findFile(ctx, "secure", os.Getenv("OS_CLIENT_SECURE_FILE"), f.dirs)
	if errors.Is(err, fs.ErrPermission) {
		// The openstack command does without it, too.
		f.notes = append(f.notes, err.Error())
		err = nil
	}
	return f, err
}

// entry gives the settings of a cloud. found is false if there is no such cloud.
func (f *files) entry(name string) (s settings, found bool, err error) {
	s, found, err = f.clouds.entry(name)
	if err != nil {
		return nil, false, err
	}
	secrets, also, err := f.secure.entry(name)
	return s.mergeDeep(secrets), found || also, err
}

// examine merges what else belongs to an entry, and examines the result.
func (f *files) examine(ctx context.Context, r Request, entry settings) (Cloud, error) {
	source := f.clouds.path
	if source == "" {
		source = f.secure.path
	}
	c := Cloud{Source: source, Notes: f.notes, Files: Files{Clouds: f.clouds.path, Secure: f.secure.path}}
	whole, err := f.merge(ctx, &c, r, entry)
	if err == nil {
		err = c.fill(whole)
	}
	if err != nil {
		return Cloud{}, inFile(source, err, c.Notes...)
	}
	return c, nil
}

// inFile names the file of a mistake. What there is to know about the files, such as a profile
// that is not there, is the hint of a mistake that has none.
func inFile(source string, err error, notes ...string) error {
	return fault.WithHint(fmt.Errorf("%s: %w", source, err), cmp.Or(fault.Hint(err), strings.Join(notes, "; ")))
}

// fill examines the merged settings.
func (c *Cloud) fill(s settings) error {
	s, err := s.withoutOldNames()
	if err != nil {
		return err
	}
	if c.Login, err = s.login(); err != nil {
		return err
	}
	if c.Image, err = s.image(); err != nil {
		return err
	}
	if c.TLS, err = s.tls(); err != nil {
		return err
	}
	for _, note := range s.unread() {
		c.Notes = append(c.Notes, c.Source+": "+note)
	}
	return nil
}

const (
	createHint = "write one, name one in OS_CLIENT_CONFIG_FILE, " + elseHint
	elseHint   = "or set OS_AUTH_URL and the other OS_* variables, as stackrc does"
)

func (f *files) notFound(named string) error {
	other := elseHint
	if named != "" {
		other = "or name another clouds_file"
	}
	names := append(f.clouds.names(), f.secure.names()...)
	switch {
	case f.clouds.path == "":
		return fault.WithHint(fmt.Errorf("there is no clouds.yaml (looked in %s)", strings.Join(f.dirs, ", ")), createHint)
	case len(names) == 0:
		return fault.WithHint(fmt.Errorf("not in %s, which has no clouds", f.clouds.path), "add it there, "+other)
	}
	return fault.WithHint(fmt.Errorf("not in %s, which has %s", f.clouds.path, strings.Join(names, ", ")), "add it there, "+other)
}
