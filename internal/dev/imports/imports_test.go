// Package imports_test checks which packages may import which, and that every
// exported name has a comment. It does not know what the packages do.
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

// A rule forbids imports to packages, with the reason. A package path also covers
// the packages below it. With a slash at its end it covers only those below it.
// Paths in this module begin with "./" in place of the module's name.
type rule struct {
	packages []string
	except   []string // exceptions from packages
	not      []string // imports that are forbidden
	but      []string // exceptions from not
	direct   bool     // checks only direct imports, not those of dependencies
	reason   string
}

var (
	// Packages that use the network or a terminal.
	outside = []string{
		"net/http", "github.com/gophercloud", "github.com/regclient",
		"github.com/urfave/cli", "golang.org/x/term",
	}
	tops = []string{"./plan", "./runner", "./steps", "./cmd", "./schemas"}
)

var rules = []rule{
	{
		packages: []string{"./plan"}, not: outside,
		reason: "plans can be read on any machine, without a network or a terminal",
	},
	{
		packages: []string{"./runner"}, not: outside,
		reason: "the runner knows no step type; a step brings its own access to the world",
	},
	{
		packages: []string{"./plan"}, not: []string{"./"}, but: []string{"./plan", "./internal/checksum", "./internal/condition", "./internal/fault", "./internal/human", "./internal/lazyregexp", "./internal/redact", "./internal/textfile", "./internal/yamlguard"},
		reason: "plan is the first in the order plan <- runner <- steps <- cmd",
	},
	{
		packages: []string{"./runner"}, not: []string{"./steps", "./cmd", "./schemas", "./internal/cloudserver", "./internal/registryserver"},
		reason: "runner defines the contract of steps, so steps import runner and never the other way round",
	},
	{
		packages: []string{"./steps"}, not: []string{"./cmd", "./schemas"},
		reason: "cmd connects the parts; nothing imports it",
	},
	{
		packages: []string{"./steps/internal/destination", "./steps/internal/setting", "./steps/internal/hostfiles", "./steps/internal/imagelist"},
		not:      []string{"./steps"}, but: []string{"./steps/internal/destination", "./steps/internal/setting", "./steps/internal/hostfiles", "./steps/internal/imagelist"},
		reason: "helpers that types share know no type and no connection",
	},
	{
		packages: []string{"./steps/connections"}, not: []string{"./steps"}, but: []string{"./steps/connections", "./steps/internal/setting"},
		reason: "connections know no step type; each type declares an interface with what it needs of them",
	},
	{
		packages: []string{"./steps/internal/testbed"}, not: []string{"./steps"},
		but:    []string{"./steps/connections", "./steps/internal"},
		reason: "the tests of every type import the testbed, so it can import no type",
	},
	{
		packages: []string{"./cmd"}, not: []string{"./steps/"}, but: []string{"./steps/connections"}, direct: true,
		reason: "cmd knows the list of types, but no single type",
	},
	{
		packages: []string{"./cmd/internal/view"}, not: []string{"./plan", "./steps", "./cmd", "./schemas", "github.com/urfave/cli"},
		but: []string{"./cmd/internal/view", "./cmd/internal/document", "./cmd/internal/review"}, direct: true,
		reason: "a view shows events and reports of runs; which one is asked for is a matter of flags",
	},
	{
		packages: []string{"./cmd/internal/metrics"}, not: []string{"./plan", "./steps", "./cmd", "./schemas", "github.com/urfave/cli"},
		but: []string{"./cmd/internal/metrics"}, direct: true,
		reason: "metrics are made of the report of a run, whichever command it was",
	},
	{
		packages: []string{"./"}, except: []string{"./internal/dev/docs"}, not: []string{"github.com/prometheus", "github.com/hinshun"},
		reason: "only tests read metrics, and only they and the pictures of the documentation emulate a terminal",
	},
	{
		packages: []string{"./internal"}, except: []string{"./internal/dev"}, not: tops,
		reason: "a format or a protocol does not know plans or steps, so each can be read and tested alone",
	},
	{
		packages: []string{"./plan", "./runner", "./steps", "./cmd", "./internal"},
		except:   []string{"./internal/dev", "./steps/internal/testbed"}, not: []string{"./internal/dev"},
		reason: "development tools do not ship",
	},
	{
		packages: []string{"./internal/checksum", "./internal/durable", "./internal/fault", "./internal/hostname", "./internal/human", "./internal/lazyregexp", "./internal/paging", "./internal/platform", "./internal/readers", "./internal/redact", "./internal/textfile", "./schemas"}, not: []string{"./"},
		but:    []string{"./internal/checksum", "./internal/durable", "./internal/fault", "./internal/hostname", "./internal/human", "./internal/lazyregexp", "./internal/paging", "./internal/platform", "./internal/readers", "./internal/redact", "./internal/textfile", "./schemas"},
		reason: "all other packages may import these, so these import none of them",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/urfave/cli", "golang.org/x/term"},
		except: []string{"./cmd"}, direct: true,
		reason: "cmd alone has flags and terminals",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/nikolalohinski/gonja"},
		except: []string{"./internal/tripleo/jinja"}, direct: true,
		reason: "only one package limits what a template may do",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/expr-lang/expr"},
		except: []string{"./internal/condition"}, direct: true,
		reason: "only one package limits what a condition may do",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/goccy/go-yaml"},
		except: []string{"./internal/yamlguard", "./plan", "./internal/tripleo"}, direct: true,
		reason: "yamlguard reads YAML and limits it; the other two packages walk the tree that it returns",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"}, direct: true,
		reason: "clouds.yaml has one reader, and it is internal/cloudsyaml",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/olareg"},
		reason: "it computes a bcrypt hash when a process starts; only tests use it, as another project's registry",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/aquasecurity", "github.com/knqyf263", "golang.org/x/mod/semver"},
		reason: "only tests compare the order of versions with that of other projects",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/sigstore", "github.com/digitorus", "github.com/google/certificate-transparency-go", "github.com/transparency-dev"},
		except: []string{"./internal/trust/keyless", "./internal/dev/sigstore"}, direct: true,
		reason: "one package knows what a Sigstore instance consists of, and one makes it for tests",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/sigstore/sigstore-go", "github.com/sigstore/rekor", "github.com/go-openapi", "google.golang.org/protobuf"},
		reason: "they double what a process does before it starts; internal/dev/sigstorego compares with them, as a module of its own",
	},
	{
		packages: []string{"./"}, not: []string{"go.temporal.io"},
		reason: "cmd/bayplan-temporal is a module of its own, so that bayplan contains nothing of Temporal",
	},
	{
		packages: []string{"./"}, not: []string{"github.com/regclient"},
		except: []string{"./internal/registry", "./internal/ocilayout", "./internal/registryserver"}, direct: true,
		reason: "only the registry client and the two packages that share its types know it; others use these packages",
	},
	{
		packages: []string{"./internal/registry/wire"}, not: []string{"github.com/regclient"},
		but: []string{"github.com/regclient/regclient/types/errs"}, direct: true,
		reason: "wire knows the errors of regclient, but no images",
	},
	{
		packages: []string{"./internal/ocilayout"}, not: []string{"github.com/regclient"},
		but: []string{"github.com/regclient/regclient/types/descriptor", "github.com/regclient/regclient/types/platform"}, direct: true,
		reason: "a layout shares descriptors with the registry client, but is not part of it",
	},
	{
		packages: []string{"./internal/ocilayout", "./internal/registry/wire"}, not: []string{"./internal/registry", "./internal/registryserver"},
		but:    []string{"./internal/registry/wire"},
		reason: "the client and the server build on these packages, not the other way round",
	},
	{
		packages: []string{"./internal/registry/spool"}, not: []string{"net/http", "./internal/registry"},
		but: []string{"./internal/registry/spool"}, direct: true,
		reason: "who may share a blob is decided without sending a request",
	},
	{
		packages: []string{"./internal/registry/prune"}, not: []string{"./internal/registry"},
		but: []string{"./internal/registry/prune", "./internal/registry/manifests", "./internal/registry/wire"}, direct: true,
		reason: "what is pruned is decided without a client; a destination sends the requests",
	},
	{
		packages: []string{"./internal/registry/manifests"}, not: []string{"./internal/registry"},
		but:    []string{"./internal/registry/manifests", "./internal/registry/platforms", "./internal/registry/wire"},
		reason: "what manifests say is known without sending a request",
	},
	{
		packages: []string{"./"}, not: []string{"testing"}, except: []string{"./runner/steptest", "./steps/internal/testbed", "./internal/dev/sigstore"}, direct: true,
		reason: "shipped code does not contain test helpers",
	},
}

// A pkg is a package in the output of go list.
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

// A step type imports neither another type nor the list of types. A reader of one
// type then needs to know only that type, and only steps knows which types exist.
func TestTypesImportNoTypes(t *testing.T) {
	pkgs := list(t)
	var types []string
	for _, p := range pkgs {
		if name, ok := strings.CutPrefix(p.ImportPath, module+"/steps/"); ok && name != "connections" && !strings.HasPrefix(name, "internal/") {
			types = append(types, p.ImportPath)
		}
	}
	if len(types) < 13 {
		t.Errorf("found %d types, want at least 13", len(types))
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

// breaks returns the imports of p that the rule forbids.
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

// The table itself can become outdated: a rule that matches no package, or that
// nothing can break, checks nothing.
func TestRulesDetectViolations(t *testing.T) {
	violating := pkg{ImportPath: module + "/plan", Deps: []string{"net/http", module + "/runner", module + "/internal/fault", "fmt"}}
	got := append(rules[0].breaks(violating), rules[2].breaks(violating)...)
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

// list returns all packages of the module from go list.
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

// root returns the directory of the module, three levels above this package.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// under tells whether path is one of the packages or below one of them.
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

// via returns a remark for indirect imports.
func via(p pkg, path string) string {
	if slices.Contains(p.Imports, path) {
		return ""
	}
	return " (indirectly)"
}
