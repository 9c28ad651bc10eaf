package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// ownModule is bayplan itself: each program has its licence.
const ownModule = "github.com/bayplan/bayplan"

// A goPackage is a package in what go list prints.
type goPackage struct {
	ImportPath string
	Dir        string
	Standard   bool
	Module     *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// withoutText says of versions of modules that have no text of a licence what is known. Its keys
// are module@version: another version is looked at anew.
var withoutText = map[string]string{
	"github.com/nexus-rpc/nexus-proto-annotations@v0.1.0": `This version of the module has no text of a licence. It is Go code that was generated of
an interface description, and go.temporal.io/api, which is under the MIT licence and has
the same authors, links it.
`,
}

var (
	isLicence = regexp.MustCompile(`(?i)^(un)?licen[sc]e([._-].*)?$|^copying([._-].*)?$`)
	isNotice  = regexp.MustCompile(`(?i)^(notice|patents)([._-].*)?$`)
)

// findLicences returns the texts of the licences of all packages in a binary, below the
// paths of their modules. A package without one is an error.
func (r *release) findLicences(ctx context.Context, b built) (tree, error) {
	packages, err := r.linked(ctx, b.program, b.platform)
	if err != nil {
		return nil, err
	}
	root, err := r.goCommand(ctx, b.program, b.platform, "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	found := licences{known: map[string]bool{}}
	if err := found.take("go", strings.TrimSpace(string(root)), ""); err != nil {
		return nil, err
	}
	var missing []error
	for _, p := range packages {
		if p.Standard || p.Module == nil || p.Module.Main || p.Module.Path == ownModule {
			continue
		}
		rel, err := filepath.Rel(p.Module.Dir, p.Dir)
		if err != nil {
			return nil, err
		}
		if known := withoutText[p.Module.Path+"@"+p.Module.Version]; known != "" {
			found.say(path.Join(p.Module.Path, "NO-LICENCE.txt"), known)
			continue
		}
		if err := found.take(p.Module.Path, p.Module.Dir, rel); err != nil {
			missing = append(missing, fmt.Errorf("%s %s: %w", p.ImportPath, p.Module.Version, err))
		}
	}
	return found.texts, errors.Join(missing...)
}

// linked returns the packages that a binary for a platform consists of.
func (r *release) linked(ctx context.Context, of program, p platform) ([]goPackage, error) {
	out, err := r.goCommand(ctx, of, p, "list", "-deps", "-json=ImportPath,Dir,Standard,Module", of.main).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
}

// licences are the texts found so far.
type licences struct {
	texts tree
	known map[string]bool // names of texts, and directories that were looked at
}

// take takes the texts beside a package, and in the directories above it up to its module's.
func (l *licences) take(module, dir, rel string) error {
	licensed := false
	for sub := filepath.ToSlash(filepath.Clean(rel)); ; sub = path.Dir(sub) {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			return err
		}
		for _, e := range entries {
			text := isLicence.MatchString(e.Name()) && !strings.HasSuffix(e.Name(), ".go")
			if !e.Type().IsRegular() || !text && !isNotice.MatchString(e.Name()) {
				continue
			}
			licensed = licensed || text
			if err := l.add(path.Join(module, sub, e.Name()), filepath.Join(dir, sub, e.Name())); err != nil {
				return err
			}
		}
		if sub == "." {
			break
		}
	}
	if !licensed {
		return errors.New("there is no text of its licence")
	}
	return nil
}

// say adds a text once.
func (l *licences) say(name, text string) {
	if !l.known[name] {
		l.known[name] = true
		l.texts.add(name, []byte(text))
	}
}

func (l *licences) add(name, from string) error {
	if l.known[name] {
		return nil
	}
	l.known[name] = true
	text, err := os.ReadFile(from)
	if err == nil {
		l.texts.add(name, text)
	}
	return err
}
