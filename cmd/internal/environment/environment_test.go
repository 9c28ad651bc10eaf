package environment

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// eachFile calls look with each Go file of bayplan that is neither a test nor a tool of its
// developers.
func eachFile(t *testing.T, look func(name string, file *ast.File)) {
	t.Helper()
	top := filepath.Join("..", "..", "..")
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(top, path)
		rel = filepath.ToSlash(rel)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if slices.Contains([]string{"internal/dev", "internal/tools", "cmd/internal/environment", "steps/internal/testbed", "cmd/bayplan-temporal", "bin", "dist"}, rel) || strings.HasPrefix(d.Name(), ".") && rel != "." || d.Name() == "testdata" {
				return filepath.SkipDir
			}
			return nil
		case !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err == nil {
			look(rel, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// literals calls look with each text that stands in a file as it is.
func literals(file *ast.File, look func(text string)) {
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				look(text)
			}
		}
		return true
	})
}

// no variables are texts that look like the name of a variable and are none, by the folders
// in which they stand.
var noVariables = map[string]string{
	"internal/registryserver": "codes of errors of the distribution specification",
	"internal/registry/wire":  "codes of errors of the distribution specification",
	"internal/standin/signer": "names of algorithms in the files of Sigstore",
	"internal/trust/keyless":  "names of algorithms in the files of Sigstore",
}

// passedOn are variables that bayplan does not read itself.
var passedOn = map[string]string{
	"RPM_CONFIGDIR":  "dnf and rpm get it",
	"CURL_CA_BUNDLE": "dnf and rpm get it",
	"FTP_PROXY":      "dnf and rpm get it",
	"ALL_PROXY":      "dnf and rpm get it",
	"OS_AUTH_TOKEN":  "in the text of OS_TOKEN", "OS_ACCESS_TOKEN": "in the text of OS_TOKEN",
	"OS_CLIENT_SECRET": "in the text of OS_TOKEN", "OS_PASSCODE": "in the text of OS_TOKEN",
	"LC_ALL": "", // also set for git and dnf
}

// byFunction are functions of the standard library that read variables.
var byFunction = map[string][]string{
	"os.UserHomeDir":            {"HOME"},
	"os.UserConfigDir":          {"XDG_CONFIG_HOME", "HOME"},
	"os.MkdirTemp":              {"TMPDIR"},
	"os.TempDir":                {"TMPDIR"},
	"exec.LookPath":             {"PATH"},
	"exec.CommandContext":       {"PATH"},
	"http.ProxyFromEnvironment": {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"},
	"x509.SystemCertPool":       {"SSL_CERT_FILE", "SSL_CERT_DIR"},
}

func listed() map[string]bool {
	names := map[string]bool{}
	for _, g := range Variables() {
		for _, v := range g.Variables {
			names[v.Name] = true
		}
	}
	return names
}

// Every variable that the code reads is listed.
func TestVariablesAreListed(t *testing.T) {
	known, found := listed(), map[string]bool{}
	name := regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$`)
	eachFile(t, func(file string, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fun := ""
			if s, ok := call.Fun.(*ast.SelectorExpr); ok {
				if pkg, ok := s.X.(*ast.Ident); ok {
					fun = pkg.Name + "." + s.Sel.Name
				}
			}
			for _, v := range byFunction[fun] {
				found[v] = true
				if !known[v] {
					t.Errorf("%s: %s reads %s, which is not listed", file, fun, v)
				}
			}
			if fun == "os.Getenv" || fun == "os.LookupEnv" {
				checkRead(t, file, call.Args[0], known, found)
			}
			return true
		})
		literals(f, func(text string) {
			if _, none := noVariables[filepath.ToSlash(filepath.Dir(file))]; none || !name.MatchString(text) {
				return
			}
			found[text] = true
			if _, passed := passedOn[text]; !known[text] && !passed {
				t.Errorf("%s: %s looks like a variable, and is not listed", file, text)
			}
		})
	})
	if len(found) < 30 {
		t.Errorf("found only %d variables in the code", len(found))
	}
}

// computed are the places where the name of a variable is not known before bayplan runs.
var computed = map[string]string{
	"plan/secret.go":                     "a secret of the plan names it",
	"steps/internal/destination/form.go": "the setting sign of the plan names it",
	"internal/logins/logins.go":          "addHome: its callers name it",
	"internal/cloudsyaml/environment.go": "OS_CLOUD and OS_CLOUDNAME",
}

// checkRead checks the name of a variable that is read.
func checkRead(t *testing.T, file string, arg ast.Expr, known, found map[string]bool) {
	t.Helper()
	lit, ok := arg.(*ast.BasicLit)
	if !ok {
		if computed[file] == "" {
			t.Errorf("%s reads a variable whose name is computed", file)
		}
		return
	}
	name, err := strconv.Unquote(lit.Value)
	if err != nil {
		t.Fatal(err)
	}
	found[name] = true
	if !known[name] {
		t.Errorf("%s reads %s, which is not listed", file, name)
	}
}

// Every listed variable is one that the code, the Go runtime or the standard library reads.
func TestListedVariablesAreRead(t *testing.T) {
	elsewhere := map[string]string{
		"BAYPLAN_VAR_NAME": "plan/override.go cuts the prefix", "NAME": "a secret of the plan names it",
		"SSL_CERT_FILE": "crypto/x509", "SSL_CERT_DIR": "crypto/x509", "TZ": "time", "GOMEMLIMIT": "runtime", "GOMAXPROCS": "runtime",
		"OS_USERNAME": "every OS_NAME is a setting", "OS_PROJECT_NAME": "every OS_NAME is a setting",
		"OS_REGION_NAME": "every OS_NAME is a setting", "OS_CACERT": "every OS_NAME is a setting",
	}
	texts := map[string]bool{}
	eachFile(t, func(_ string, f *ast.File) { literals(f, func(text string) { texts[text] = true }) })
	for name := range listed() {
		if !texts[name] && elsewhere[name] == "" && name != "HOME" && name != "TMPDIR" {
			t.Errorf("nothing reads %s", name)
		}
	}
}

// Every absolute path in the code is that of a file that is listed.
func TestFilesAreListed(t *testing.T) {
	var all strings.Builder
	for _, g := range Files() {
		all.WriteString(g.Text)
		for _, f := range g.Files {
			all.WriteString(f.Path + f.Meaning)
		}
	}
	elsewhere := map[string]string{
		"/dev/fd/": "the way to a file that the command line names", "/proc/self/fd/": "the way to a file that the command line names",
		"/dev/stdin": "the way to a file that the command line names", "/run/containers/%d/auth.json": "with UID in place of %d",
		"/usr/share/": "where rehearsals make templates", "/usr/share/rhosp-director-images/": "for a hint",
	}
	path := regexp.MustCompile(`^/(etc|usr|var|run|proc|dev|tmp|opt|root|home|sys|Library|System)(/|$)`)
	eachFile(t, func(file string, f *ast.File) {
		literals(f, func(text string) {
			if path.MatchString(text) && elsewhere[text] == "" && !strings.Contains(all.String(), text) {
				t.Errorf("%s: %s is not listed", file, text)
			}
		})
	})
}

// computedPrograms are the programs that a file starts by a name which is not in the call.
var computedPrograms = map[string][]string{
	"steps/packages/install.go": {"dnf", "yum", "rpm"},
}

// Every program that the code starts is listed, and every one that is listed is started.
func TestProgramsAreListed(t *testing.T) {
	known, started := map[string]bool{}, map[string]bool{}
	for _, p := range Programs() {
		for name := range strings.SplitSeq(p.Name, ", ") {
			known[name] = true
		}
	}
	eachFile(t, func(file string, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "CommandContext" {
				for _, name := range programsOf(t, file, call.Args[1]) {
					started[name] = true
				}
			} else if ok && (s.Sel.Name == "Command" || s.Sel.Name == "StartProcess" || s.Sel.Name == "ForkExec") {
				t.Errorf("%s starts a program by %s, which no context ends", file, s.Sel.Name)
			}
			return true
		})
	})
	for name := range started {
		if !known[name] {
			t.Errorf("%s is started, and is not listed", name)
		}
	}
	for name := range known {
		if !started[name] {
			t.Errorf("%s is listed, and nothing starts it", name)
		}
	}
}

// programsOf gives the programs that an expression names. What it is put together from is NAME.
func programsOf(t *testing.T, file string, name ast.Expr) []string {
	t.Helper()
	end := ""
	if sum, ok := name.(*ast.BinaryExpr); ok {
		name, end = sum.X, "NAME"
	}
	lit, ok := name.(*ast.BasicLit)
	if !ok {
		if len(computedPrograms[file]) == 0 {
			t.Errorf("%s starts a program whose name is computed", file)
		}
		return computedPrograms[file]
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		t.Fatal(err)
	}
	return []string{text + end}
}
