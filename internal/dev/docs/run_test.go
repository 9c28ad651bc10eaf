package docs

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/dev/checkedin"
)

// What the pages show is what happens. With UPDATE_DOCS=1, what does not match is replaced
// in the page by what was printed.
func TestLargePages(t *testing.T) {
	lookAtSources(t)
	folder := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", filepath.Join(folder, "bayplan"), "./cmd/bayplan")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build bayplan: %v\n%s", err, out)
	}
	for _, p := range pages(t) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := script{page: p, dir: t.TempDir(), folder: folder, ports: freePorts(t, p)}
			for _, b := range p.blocks(t) {
				s.add(t, b)
			}
			if len(s.steps) > 0 {
				s.run(t)
			}
		})
	}
}

// lookAtSources looks at all that bayplan is built from. The result of a test is kept until a
// file changes that the test has looked at, and the compiler does so in a process of its own.
func lookAtSources(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"cmd", "internal", "plan", "runner", "schemas", "steps"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(name string, _ os.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A script is a page as one script of bash, so that what a command leaves behind is there
// for the next one.
type script struct {
	page   page
	dir    string
	folder string            // of the bayplan that the page runs
	ports  map[string]string // by the address in the page
	text   strings.Builder
	files  []string // what is in the files of the page
	steps  []transcript
}

// add adds a block: its commands, its file, or the check of its plan.
func (s *script) add(t *testing.T, b block) {
	t.Helper()
	at := fmt.Sprintf("%s:%d", s.page.name, b.line)
	switch {
	case b.elsewhere != "":
		checkRunElsewhere(t, at, b.elsewhere)
	case b.file != "":
		s.files = append(s.files, b.text())
		s.write(b.file, b.text())
		if b.isPlan() && !strings.HasPrefix(filepath.Base(b.file), "wrong") {
			s.step(transcript{command: "bayplan validate " + b.file, output: "...\n"})
		}
	case b.language == "console":
		for _, step := range b.transcripts() {
			s.step(step)
		}
	case b.isPlan():
		file := filepath.Join(t.TempDir(), "bayplan.yaml")
		if err := os.WriteFile(file, []byte(b.text()), 0o600); err != nil {
			t.Fatal(err)
		}
		s.step(transcript{command: "bayplan validate " + file, output: "...\n"})
	case b.language == "yaml":
		if !s.isExcerpt(t, b) {
			t.Errorf("%s: neither a plan nor a file, nor a part of an example or of a file of the page", at)
		}
	case s.page.isGenerated():
	case strings.Contains("\n"+b.text(), "\nbayplan "), strings.Contains("\n"+b.text(), "\n$ "):
		t.Errorf("%s: a command in a block that is not run", at)
	}
}

// checkRunElsewhere wants the test there that runs a block.
func checkRunElsewhere(t *testing.T, at, where string) {
	t.Helper()
	test, file, _ := strings.Cut(where, " in ")
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil || !bytes.Contains(text, []byte("func "+test+"(")) {
		t.Errorf("%s: there is no %s: %v", at, where, err)
	}
}

// write writes a file of the page.
func (s *script) write(name, text string) {
	fmt.Fprintf(&s.text, "mkdir -p %q\ncat >%q <<'END OF THE FILE'\n%sEND OF THE FILE\n", filepath.Dir(name), name, s.local(text))
}

// step runs a command. $? is that of the command before.
func (s *script) step(step transcript) {
	s.steps = append(s.steps, step)
	command := s.local(strings.ReplaceAll(step.command, "go run ./cmd/bayplan", "bayplan"))
	fmt.Fprintf(&s.text, "(exit $status)\n%s\nstatus=$?; printf '\\n\\001%%d\\n' $status\n", command)
	if server := serves.FindStringSubmatch(command); server != nil { // a person takes a moment for the next command
		fmt.Fprintf(&s.text, "while kill -0 $! && ! { test -s %s && : </dev/tcp/127.0.0.1/%s; } 2>/dev/null; do :; done\n", server[2], server[1])
	}
}

var (
	loopback = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	serves   = regexp.MustCompile(`127\.0\.0\.1:(\d+)\b.* >(\S+) .*&$`)
)

// freePorts gives each address on loopback that a page names another one, which is free.
func freePorts(t *testing.T, p page) map[string]string {
	t.Helper()
	ports := map[string]string{}
	for _, address := range loopback.FindAllString(strings.Join(p.lines, "\n"), -1) {
		if ports[address] != "" {
			continue
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close() // when all are found, so that no two are the same
		ports[address] = listener.Addr().String()
	}
	return ports
}

func (s *script) local(text string) string {
	return loopback.ReplaceAllStringFunc(text, func(address string) string { return s.ports[address] })
}

// asShown gives output with the addresses of the page.
func (s *script) asShown(text string) string {
	return loopback.ReplaceAllStringFunc(text, func(address string) string {
		for shown, port := range s.ports {
			if port == address {
				return shown
			}
		}
		return address
	})
}

func (s *script) run(t *testing.T) {
	t.Helper()
	if err := checkedin.Copy(filepath.Join(root, "examples"), filepath.Join(s.dir, "examples")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", "exec 2>&1\nstatus=0\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n"+s.text.String())
	cmd.Dir = s.dir
	cmd.Env = s.environment()
	out, err := cmd.Output()
	parts := strings.Split(string(out), "\n\x01")
	if len(parts) != len(s.steps)+1 {
		t.Fatalf("it ends after %d of %d commands: %v\n%s", len(parts)-1, len(s.steps), err, out)
	}
	for i, step := range s.steps {
		printed := parts[i]
		if i > 0 {
			_, printed, _ = strings.Cut(printed, "\n")
		}
		code, _, _ := strings.Cut(parts[i+1], "\n")
		told := i+1 < len(s.steps) && s.steps[i+1].command == "echo $?"
		if n, err := strconv.Atoi(code); err != nil || n != 0 && !told {
			t.Errorf("%s:%d: $ %s exits with %s:\n%s", s.page.name, step.from, step.command, code, printed)
		}
		s.compare(t, step, printed)
	}
	s.page.update(t, s.steps)
}

// compare wants what was printed to be what the page shows.
func (s *script) compare(t *testing.T, step transcript, printed string) {
	t.Helper()
	if printed = s.asShown(printed); printed != "" && !strings.HasSuffix(printed, "\n") {
		printed += "\n"
	}
	if matches(step.output, printed) {
		return
	}
	if os.Getenv("UPDATE_DOCS") == "" || step.to == 0 {
		t.Errorf("%s:%d: $ %s (-page +now):\n%s", s.page.name, step.from, step.command, cmp.Diff(step.output, printed))
		return
	}
	s.page.replace(step, printed)
}

var (
	times = regexp.MustCompile(`\d+\.\ds\b`)
	wild  = strings.NewReplacer(`\.\.\.`+"\n", `(.*\n)*`, `\.\.\.`, `.*`)
)

// matches tells whether an output is as a page shows it.
func matches(want, got string) bool {
	pattern := wild.Replace(regexp.QuoteMeta(times.ReplaceAllString(want, "0.0s")))
	return regexp.MustCompile("^" + pattern + "$").MatchString(times.ReplaceAllString(got, "0.0s"))
}

// environment is that of a person at a plain terminal who has set nothing.
func (s *script) environment() []string {
	env := []string{
		"HOME=" + s.dir, "PATH=" + s.folder + string(os.PathListSeparator) + os.Getenv("PATH"), "BAYPLAN=bayplan",
		"LC_ALL=C.UTF-8", "TERM=dumb", "TZ=UTC", "GIT_CONFIG_GLOBAL=" + os.DevNull,
	}
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		env = append(env, "GIT_"+who+"_NAME=reader", "GIT_"+who+"_EMAIL=reader@example.com")
	}
	if tmp := os.Getenv("TMPDIR"); tmp != "" {
		env = append(env, "TMPDIR="+tmp)
	}
	return env
}
