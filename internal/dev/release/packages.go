package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // the two formats
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

const (
	summary  = "Brings images to where a plan says they must be"
	homepage = "https://github.com/bayplan/bayplan"
	licence  = "Apache-2.0"
	about    = `One checked-in plan says which disk images and container images an OpenStack
cloud needs and where they must be. bayplan shows what is missing, brings it
there, and checks that it is whole.`

	etcDir = "etc/bayplan"
)

// packaging returns the path of a file that only packages have.
func (r *release) packaging(name string) string {
	return filepath.Join(r.source, "internal", "dev", "release", "packaging", name)
}

// writePackages writes the packages for a platform to base.deb and base.rpm.
func (r *release) writePackages(base string, b built) error {
	for _, format := range []string{"deb", "rpm"} {
		installed, err := r.installed(b, format)
		if err != nil {
			return err
		}
		contents, err := writeContents(installed, b.docDir(), filepath.Join(r.dir, b.name, format, b.arch))
		if err != nil {
			return err
		}
		info := r.packageInfo(b)
		info.Contents = contents
		if err := writePackage(base+"."+format, format, info); err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
	}
	return nil
}

// packageInfo returns what a package says about itself.
func (r *release) packageInfo(b built) *nfpm.Info {
	return nfpm.WithDefaults(&nfpm.Info{
		Name: b.name, Arch: b.arch, Platform: b.os, Version: r.commit.packageVersion(), VersionSchema: "none", Release: "1",
		Section: "admin", Priority: "optional", Maintainer: "bayplan <" + homepage + "/issues>",
		Description: b.summary + "\n" + b.about, Homepage: homepage, License: licence, MTime: r.commit.time, DisableGlobbing: true,
		Overridables: nfpm.Overridables{
			Scripts: nfpm.Scripts{
				PostInstall: r.packaging(path.Join(b.scripts, "postinstall.sh")), PreRemove: r.packaging(path.Join(b.scripts, "preremove.sh")),
				PostRemove: r.packaging(path.Join(b.scripts, "postremove.sh")),
			},
			RPM: nfpm.RPM{BuildHost: "localhost", Group: "Applications/System", Summary: b.summary},
		},
	})
}

// installed returns the files of a package, by the path where each is installed.
func (r *release) installed(b built, format string) (tree, error) {
	all, err := completions(b, format)
	if err != nil {
		return nil, err
	}
	all = append(all, file{name: "usr/bin/" + b.name, mode: 0o755, data: b.binary}, file{name: etcDir, mode: fs.ModeDir | 0o755})
	for _, page := range b.generated.under(manualDir) {
		data, err := gzipped(page.data)
		if err != nil {
			return nil, err
		}
		all.add("usr/share/"+manualDir+"/"+page.name+".gz", data)
	}
	for _, unit := range b.units {
		text, err := r.packagedUnit(unit)
		if err != nil {
			return nil, err
		}
		all.add(path.Join("usr/lib/systemd/system", path.Base(unit)), text)
	}
	for from, to := range b.settings {
		text, err := os.ReadFile(r.packaging(from))
		if err != nil {
			return nil, err
		}
		all.add(to, text)
	}
	if format == "deb" {
		text, err := r.documents.text("LICENSE")
		if err != nil {
			return nil, err
		}
		all.add(b.docDir()+"/copyright", text) // the name that Debian's policy wants
	}
	return slices.Concat(all, r.documentsOf(b.program).below(b.docDir()), b.licences.below(b.docDir()+"/licenses")), nil
}

// completions returns the completion for shells as packages of a format have it.
func completions(b built, format string) (tree, error) {
	var all tree
	if !b.completes {
		return all, nil
	}
	zsh := map[string]string{"deb": "vendor-completions", "rpm": "site-functions"}[format]
	for from, to := range map[string]string{
		completionDir + "/bayplan.bash": "usr/share/bash-completion/completions/bayplan",
		completionDir + "/_bayplan":     "usr/share/zsh/" + zsh + "/_bayplan",
		completionDir + "/bayplan.fish": "usr/share/fish/vendor_completions.d/bayplan.fish",
	} {
		script, err := b.generated.text(from)
		if err != nil {
			return nil, err
		}
		all.add(to, script)
	}
	return all, nil
}

// packagedUnit returns a unit of systemd as packages have it: the program is not in
// /usr/local.
func (r *release) packagedUnit(name string) ([]byte, error) {
	text, err := r.documents.text(name)
	if err != nil {
		return nil, err
	}
	return withPackagedProgram(name, text)
}

// withPackagedProgram makes a unit name the program where packages put it.
func withPackagedProgram(name string, text []byte) ([]byte, error) {
	const local, packaged = "/usr/local/bin/bayplan", "/usr/bin/bayplan"
	if strings.HasSuffix(name, ".service") && bytes.Count(text, []byte(local)) != 1 {
		return nil, fmt.Errorf("%s does not name %s once", name, local)
	}
	return bytes.ReplaceAll(text, []byte(local), []byte(packaged)), nil
}

// writeContents writes files into a directory, where nfpm reads them, and returns them as it
// wants them. The directories for documents and settings belong to the package, too.
func writeContents(t tree, docDir, dir string) (files.Contents, error) {
	var all files.Contents
	for _, f := range t.sorted() {
		c := &files.Content{Destination: "/" + f.name, Type: files.TypeFile, FileInfo: &files.ContentFileInfo{Mode: f.mode.Perm()}}
		switch {
		case !f.mode.IsDir():
			c.Source = filepath.Join(dir, f.name)
			if err := writeFile(c.Source, f.data); err != nil {
				return nil, err
			}
			if path.Dir(f.name) == etcDir {
				c.Type = files.TypeConfigNoReplace
			}
		case f.name == docDir || f.name == etcDir || strings.HasPrefix(f.name, docDir+"/"):
			c.Type = files.TypeDir
		default:
			continue // it is the system's
		}
		all = append(all, c)
	}
	return all, nil
}

func writeFile(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, fs.FileMode(0o644))
}

func writePackage(name, format string, info *nfpm.Info) (err error) {
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return packager.Package(info, out)
}
