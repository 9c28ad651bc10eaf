package packages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/readers"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

func effectiveUser() int { return os.Geteuid() }

// installed is rpm's answer about the packages.
type installed struct {
	packages []string // full names, in the order of the plan
	files    []string
	missing  []string // names of packages that are not installed
}

// query asks rpm which packages are installed. It changes nothing.
func (p *packageFiles) query(ctx context.Context) (installed, error) {
	var found installed
	if _, err := exec.LookPath("rpm"); err != nil {
		err := errors.New("this machine has no rpm to ask for installed packages")
		return found, fault.WithHint(err, "unpack the images without installing: give repository and name, or rpm, with extract and into")
	}
	// Without a database, rpm -q would create one.
	db, err := p.rpm(ctx, "--eval", "%{_dbpath}")
	if err != nil {
		return found, err
	}
	if _, err := os.Stat(filepath.Join(string(p.Root), strings.TrimSpace(db))); errors.Is(err, fs.ErrNotExist) {
		return installed{missing: p.Names}, nil
	}
	for _, name := range p.Names {
		full, err := p.rpm(ctx, "-q", "--qf", `%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n`, "--", name)
		if err != nil && !strings.Contains(full, "is not installed") {
			return found, err
		}
		if err != nil {
			found.missing = append(found.missing, name)
			continue
		}
		files, err := p.rpm(ctx, "-ql", "--", name)
		if err != nil {
			return found, err
		}
		found.packages = append(found.packages, lines(full)...)
		found.files = append(found.files, lines(files)...)
	}
	return found, nil
}

// lines gives the lines of an answer, without rpm's text for a package without
// files.
func lines(text string) []string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" && line != "(contains no files)" {
			all = append(all, line)
		}
	}
	return all
}

func (p *packageFiles) rpm(ctx context.Context, args ...string) (string, error) {
	if p.Root != "" {
		args = append([]string{"--root", string(p.Root)}, args...)
	}
	out, err := runTool(ctx, "rpm", args...)
	if err == nil && out.IsCut() {
		err = fmt.Errorf("rpm %s: it gives more than %s", strings.Join(args, " "), human.Size(maxAnswer))
	}
	return out.String(), err
}

// diffInstalled finds the packages that are not installed.
func (p *packageFiles) diffInstalled(ctx context.Context) (*runner.Finding, error) {
	found, err := p.query(ctx)
	if err != nil {
		return nil, err
	}
	if len(found.missing) == 0 {
		return &runner.Finding{Outputs: found.outputs()}, nil
	}
	if err := p.out.CheckOthers("the package repositories of this machine"); err != nil {
		return nil, err
	}
	tool, err := p.installer()
	if err != nil {
		return nil, err
	}
	c := &runner.Change{Summary: human.Count(len(found.missing), "package", "packages") + " to install with " + tool}
	for _, name := range found.missing {
		c.Items = append(c.Items, runner.Item{Op: runner.Create, What: "package", Name: name})
	}
	c.Apply = func(ctx context.Context, progress runner.Progress) (runner.Outputs, error) {
		if err := p.install(ctx, tool, found.missing); err != nil {
			return nil, err
		}
		for _, it := range c.Items {
			progress.Done(it)
		}
		return nil, nil
	}
	after := plan.Later("after installing")
	return &runner.Finding{Outputs: runner.Outputs{"files": after, "packages": after}, Change: c}, nil
}

func (f installed) outputs() runner.Outputs {
	return runner.Outputs{"files": plan.List(f.files...), "packages": plan.List(f.packages...)}
}

// installer finds the tool that installs packages. It gives an error when there is
// none or the user is not root.
func (p *packageFiles) installer() (string, error) {
	tool := ""
	for _, name := range []string{"dnf", "yum"} {
		if _, err := exec.LookPath(name); err == nil {
			tool = name
			break
		}
	}
	const unpack = "give repository and name, or rpm, with extract and into: that needs no root"
	if tool == "" {
		err := fmt.Errorf("%s: this machine has neither dnf nor yum to install it with", strings.Join(p.Names, ", "))
		return "", fault.WithHint(err, "unpack the images without installing: "+unpack)
	}
	if p.euid != 0 {
		err := fmt.Errorf("%s: installing takes root, and bayplan never calls sudo", strings.Join(p.Names, ", "))
		hint := fmt.Sprintf("run %s install %s as root; or unpack the images without installing: %s", tool, strings.Join(p.Names, " "), unpack)
		return "", fault.WithHint(err, hint)
	}
	return tool, nil
}

func (p *packageFiles) install(ctx context.Context, tool string, names []string) error {
	args := []string{"-y"}
	if p.Root != "" {
		args = append(args, "--installroot", string(p.Root))
	}
	args = append(append(args, "install"), names...)
	_, err := runTool(ctx, tool, args...)
	return err
}

// verifyInstalled gives an error that names the packages that are not installed.
func (p *packageFiles) verifyInstalled(ctx context.Context) (runner.Outputs, error) {
	found, err := p.query(ctx)
	if err == nil && len(found.missing) > 0 {
		err = fmt.Errorf("not installed: %s", strings.Join(found.missing, ", "))
	}
	return found.outputs(), err
}

const (
	// stopWait is the time that a tool gets to end after a signal: it may be in the
	// middle of a transaction.
	stopWait = 2 * time.Minute
	// maxAnswer is how many bytes of a tool's output are kept.
	maxAnswer = 16 << 20
	// maxErrorText is how many bytes of the output an error shows.
	maxErrorText = 600
)

// runTool runs a tool that asks no questions, and gives its output.
func runTool(ctx context.Context, name string, args ...string) (*readers.Beginning, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(toolEnvironment(os.Environ()), "LC_ALL=C")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopWait
	out, errs := readers.Beginning{Max: maxAnswer}, readers.Beginning{Max: maxAnswer}
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err == nil {
		return &out, nil
	}
	if ctx.Err() != nil {
		return &out, context.Cause(ctx)
	}
	output := strings.TrimSpace(errs.String())
	if output == "" {
		output = strings.TrimSpace(out.String())
	}
	if len(output) > maxErrorText {
		output = "... " + output[len(output)-maxErrorText:]
	}
	return &out, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.ReplaceAll(output, "\n", "; "))
}

// toolVariables are the variables that tools get: they say where files are and how
// servers are reached. Other variables may hold secrets that no tool needs, and the
// scripts of packages would see them.
var toolVariables = [...]string{
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "RPM_CONFIGDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY",
}

// toolEnvironment gives the part of an environment that tools get.
func toolEnvironment(environment []string) []string {
	return slices.DeleteFunc(slices.Clone(environment), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return !slices.Contains(toolVariables[:], name) && !slices.Contains(toolVariables[:], strings.ToUpper(name))
	})
}
