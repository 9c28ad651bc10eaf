package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/dev/checkedin"
)

// typed runs an interactive bash on a terminal, types lines, each with Tab behind it, and
// gives for each the command line that bash has made of it. The shell quotes what it prints
// of it, so the lines begin with a function that prints its arguments.
func typed(t *testing.T, dir string, lines []string) []string {
	t.Helper()
	near, far := openTerminal(t, 200, 24)
	rc := filepath.Join(t.TempDir(), "rc")
	setup := `PS1='ready> '; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; bind 'set show-all-if-ambiguous off'
source <(bayplan completion bash)
complete -o default -F _bayplan show
_real=$(type -P bayplan)
show() { if [[ ${!#} == --complete-this-word ]]; then "$_real" "$@"; else printf 'made:'; printf ' <%s>' "$@"; printf '\n'; fi; }
`
	if err := os.WriteFile(rc, []byte(setup), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "--noprofile", "--rcfile", rc, "-i")
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, far, far, far
	cmd.Env = append(os.Environ(), "PATH="+pathWithBinary(os.Getenv("PATH")), "TERM=dumb", "INPUTRC=/dev/null", "HISTFILE=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = far.Close()
	stop := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() }) // the terminal ends, and so does reading
	defer stop.Stop()
	var screen bytes.Buffer
	until := func(mark string) string {
		from, chunk := screen.Len(), make([]byte, 4096)
		for !strings.Contains(screen.String()[from:], mark) {
			n, err := near.Read(chunk)
			screen.Write(chunk[:n])
			if err != nil {
				t.Fatalf("%v before %q:\n%s", err, mark, screen.String())
			}
		}
		return screen.String()[from:]
	}
	until("ready> ")
	var made []string
	for _, line := range lines {
		fmt.Fprintf(near, "%s\t\n", line)
		text := until("ready> ")
		_, text, _ = strings.Cut(text, "made: ")
		text, _, _ = strings.Cut(text, "\r\n")
		made = append(made, text)
	}
	fmt.Fprint(near, "exit\n")
	_ = cmd.Wait() // its exit code is that of the last completion
	return made
}

// What somebody types in a real bash becomes what it should, also where bash splits words.
func TestLargeCompletionInBash(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Fatal(err) // other tests need it, too
	}
	dir := t.TempDir()
	if err := checkedin.Copy(filepath.Join("..", "..", "examples", "quickstart"), dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other plan.yaml"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	const image = "registry.access.redhat.com/rhosp13/openstack-nova-compute:latest"
	cases := [][2]string{
		{"show app", "<apply>"},
		{"show diff --exit", "<diff> <--exit-code>"},
		{"show diff --only con", "<diff> <--only> <containers>"},
		{"show diff --only=con", "<diff> <--only=containers>"},
		{"show diff --var under", "<diff> <--var> <undercloud=>"},
		{"show diff --var=under", "<diff> <--var=undercloud=>"},
		{"show diff -f oth", "<diff> <-f> <other plan.yaml>"},
		{"show diff -f bayplan.y", "<diff> <-f> <bayplan.yaml>"},
		{"show init --scenario kol", "<init> <--scenario> <kolla>"},
		{"show explain-images --image registry.access.redhat.com/rhosp13/openstack-nova-comp", "<explain-images> <--image> <" + strings.TrimSuffix(image, ":latest") + ">"}, // or -ironic
		{"show explain-images --image " + strings.TrimSuffix(image, "test"), "<explain-images> <--image> <" + image + ">"},
		{"show explain-images --service NovaCompu", "<explain-images> <--service> <NovaCompute>"},
	}
	var lines []string
	for _, c := range cases {
		lines = append(lines, c[0])
	}
	for i, got := range typed(t, dir, lines) {
		if got != cases[i][1] {
			t.Errorf("%s<Tab>: got %s, want %s", cases[i][0], got, cases[i][1])
		}
	}
}
