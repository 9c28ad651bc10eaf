// Package imports_test holds the house to its plan: who may import whom, and
// that everything exported is explained. It knows nothing of what the packages
// do.
package imports_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/bayplan/bayplan"

// A rule forbids imports to packages, with the reason. A package path stands
// for all below it, too, and with a slash at its end only for what is below it.
// Those of the module are written without its name, from "./" on.
type rule struct {
	packages []string
	except   []string // exceptions of packages
	not      []string
	but      []string // exceptions of not
	direct   bool     // only what the package's own files import
	reason   string
}

var (
	// Everything that speaks to the outside world or to a terminal.
	outside = []string{
		"net/http", "github.com/gophercloud", "github.com/regclient",
		"github.com/urfave/cli", "github.com/vbauerster/mpb", "golang.org/x/term",
	}
	tops = []string{"./plan", "./runner", "./steps", "./cmd", "./schemas"}
)

var rules = []rule{
	{
		packages: []string{"./plan"}, not: outside,
		reason: "plans are read on any machine, with no network and no terminal",
	},
	{
		packages: []string{"./runner"}, not: outside,
		reason: "the runner knows no kind of step; what a step needs of the world it brings itself",
	},
	{
		packages: []string{"./plan"}, not: []string{"./"}, but: []string{"./plan", "./internal/fault", "./internal/human", "./internal/yamlguard"},
		reason: "plan is the first in the line plan <- runner <- steps <- cmd",
	},
	{
		packages: []string{"./runner"}, not: []string{"./steps", "./cmd", "./schemas", "./internal/cloudserver", "./internal/registryserver"},
		reason: "runner owns the contract that steps meet, so steps import it and never the other way round",
	},
	{
		packages: []string{"./steps"}, not: []string{"./cmd", "./schemas"},
		reason: "cmd marries the parts; nothing imports it",
	},
	{
		packages: []string{"./steps/internal/setting", "./steps/internal/hostfiles", "./steps/internal/imagelist"},
		not:      []string{"./steps"}, but: []string{"./steps/internal/setting", "./steps/internal/hostfiles", "./steps/internal/imagelist"},
		reason: "what types share knows no type and no connection",
	},
	{
		packages: []string{"./steps/connections"}, not: []string{"./steps"}, but: []string{"./steps/connections", "./steps/internal/setting"},
		reason: "connections know no step type; types name what they take from them in an interface",
	},
	{
		packages: []string{"./steps/internal/testbed"}, not: []string{"./steps"},
		but:    []string{"./steps/connections", "./steps/internal"},
		reason: "the tests of every type use the testbed, so it can use no type",
	},
	{
		packages: []string{"./cmd"}, not: []string{"./steps/"}, but: []string{"./steps/connections"}, direct: true,
		reason: "cmd knows the list of types and none of them",
	},
	{
		packages: []string{"./internal"}, except: []string{"./internal/dev"}, not: tops,
		reason: "a format or a protocol knows nothing of plans and steps, so each can be read and tested alone",
	},
	{
		packages: []string{"./plan", "./runner", "./steps", "./cmd", "./internal"},
		except:   []string{"./internal/dev", "./steps/internal/testbed"}, not: []string{"./internal/dev"},
		reason: "what only developers run does not ship",
	},
	{
		packages: []string{"./internal/durable", "./internal/fault", "./internal/human", "./internal/platform", "./internal/readers", "./schemas"}, not: []string{"./"},
		but:    []string{"./internal/durable", "./internal/fault", "./internal/human", "./internal/platform", "./internal/readers", "./schemas"},
		reason: "everybody uses these, so they use nobody",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/urfave/cli", "github.com/vbauerster/mpb", "golang.org/x/term"},
		except: []string{"./cmd"}, direct: true,
		reason: "cmd alone has flags and terminals",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/nikolalohinski/gonja"},
		except: []string{"./internal/tripleo/jinja"}, direct: true,
		reason: "one place bounds what a template may do",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/goccy/go-yaml"},
		except: []string{"./internal/yamlguard", "./plan", "./internal/tripleo", "./internal/glance"}, direct: true,
		reason: "YAML is read through yamlguard, which bounds it; these three walk the tree that it gives",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/olareg"},
		reason: "it works out a bcrypt hash when a process starts; tests use it as a registry by another hand",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/regclient"},
		except: []string{"./internal/registry", "./internal/ocilayout", "./internal/registryserver"}, direct: true,
		reason: "the registry client and the two that share its types know it; the others ask these",
	},
	{
		packages: []string{"./internal/registry/wire"}, not: []string{"github.com/regclient"},
		but: []string{"github.com/regclient/regclient/types/errs"}, direct: true,
		reason: "a conversation knows what regclient calls errors, and nothing of images",
	},
	{
		packages: []string{"./internal/ocilayout"}, not: []string{"github.com/regclient"},
		but: []string{"github.com/regclient/regclient/types/descriptor"}, direct: true,
		reason: "a layout shares descriptors with the registry client, and is no part of it",
	},
	{
		packages: []string{"./internal/ocilayout", "./internal/registry/wire"}, not: []string{"./internal/registry", "./internal/registryserver"},
		but:    []string{"./internal/registry/wire"},
		reason: "these are walls: the client and the server build on them",
	},
	{
		packages: []string{"./"}, not: []string{"testing"}, except: []string{"./runner/steptest", "./steps/internal/testbed"}, direct: true,
		reason: "what ships does not test",
	},
}

// A pkg is what go list tells of a package.
type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func TestImports(t *testing.T) {
	pkgs := list(t)
	for _, r := range rules {
		for _, p := range pkgs {
			if !under(p.ImportPath, r.packages) || under(p.ImportPath, r.except) {
				continue
			}
			for _, bad := range r.breaks(p) {
				t.Errorf("%s imports %s%s: %s", short(p.ImportPath), short(bad), via(p, bad), r.reason)
			}
		}
	}
}

// A step type imports no other type and not the list of them, so that a reader of
// one has to know one, and steps alone says which there are.
func TestTypesAreApart(t *testing.T) {
	pkgs := list(t)
	var types []string
	for _, p := range pkgs {
		if name, ok := strings.CutPrefix(p.ImportPath, module+"/steps/"); ok && name != "connections" && !strings.HasPrefix(name, "internal/") {
			types = append(types, p.ImportPath)
		}
	}
	if len(types) < 13 {
		t.Errorf("found %d types", len(types))
	}
	for _, p := range pkgs {
		if !slices.Contains(types, p.ImportPath) {
			continue
		}
		for _, path := range p.Deps {
			if path == module+"/steps" || slices.Contains(types, path) || path == module+"/steps/connections" {
				t.Errorf("%s imports %s%s", short(p.ImportPath), short(path), via(p, path))
			}
		}
	}
}

// breaks gives what p imports against the rule.
func (r rule) breaks(p pkg) []string {
	imports := p.Deps
	if r.direct {
		imports = p.Imports
	}
	var bad []string
	for _, path := range imports {
		if under(path, r.not) && !under(path, r.but) {
			bad = append(bad, path)
		}
	}
	return bad
}

// The table itself can rot: a rule that matches no package, or could not be
// broken, holds nothing.
func TestRulesBite(t *testing.T) {
	guilty := pkg{ImportPath: module + "/plan", Deps: []string{"net/http", module + "/runner", module + "/internal/fault", "fmt"}}
	got := append(rules[0].breaks(guilty), rules[2].breaks(guilty)...)
	if want := []string{"net/http", module + "/runner"}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	for path, want := range map[string]bool{module + "/steps": false, module + "/steps/mkdir": true, module + "/stepstones": false} {
		if got := under(path, []string{"./steps/"}); got != want {
			t.Errorf("%s is below ./steps/: %v", path, got)
		}
	}
	pkgs := list(t)
	for _, name := range []string{"./plan", "./runner", "./internal/fault"} {
		if !slices.ContainsFunc(pkgs, func(p pkg) bool { return under(p.ImportPath, []string{name}) }) {
			t.Errorf("go list knows no package %s", name)
		}
	}
}

// list asks the go command for all packages of the module.
func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// root gives the module's directory: this package is three below it.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// under says whether path is one of the packages or below one.
func under(path string, packages []string) bool {
	for _, p := range packages {
		if rest, ok := strings.CutPrefix(p, "./"); ok {
			p = module + "/" + rest
			if rest == "" {
				p = module
			}
		}
		if path == p || strings.HasPrefix(path, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}

func short(path string) string {
	if rest, ok := strings.CutPrefix(path, module+"/"); ok {
		return rest
	}
	return path
}

// via says that an import is not the package's own.
func via(p pkg, path string) string {
	if slices.Contains(p.Imports, path) {
		return ""
	}
	return " (by way of others)"
}
