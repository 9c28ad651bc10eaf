//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A suspect is a file of the corpus, with the format that the plan declares.
type suspect struct {
	name   string
	format string
	good   bool
	make   string // shell that makes the file $F of the disk $RAW
}

// suspects returns disk images made by qemu-img. Some are sound. Others refer to
// other files, are truncated, or have another format.
func suspects() []suspect {
	const convert = `qemu-img convert -O qcow2 `
	return []suspect{
		{"version 3", "qcow2", true, convert + `"$RAW" "$F"`},
		{"version 2", "qcow2", true, convert + `-o compat=0.10 "$RAW" "$F"`},
		{"compressed", "qcow2", true, convert + `-c "$RAW" "$F"`},
		{"compressed by zstd", "qcow2", true, convert + `-c -o compression_type=zstd "$RAW" "$F"`},
		{"extended tables", "qcow2", false, convert + `-o extended_l2=on,cluster_size=128k "$RAW" "$F"`},
		{"tables ahead of data", "qcow2", true, convert + `-o preallocation=metadata "$RAW" "$F"`},
		{"large clusters", "qcow2", true, convert + `-o cluster_size=2M "$RAW" "$F"`},
		{"small clusters", "qcow2", true, convert + `-o cluster_size=512 "$RAW" "$F"`},
		{"with a snapshot", "qcow2", true, convert + `"$RAW" "$F" && qemu-img snapshot -c one "$F" && qemu-io -c "write -P 7 1M 3M" "$F"`},
		{"written here and there", "qcow2", true, `qemu-img create -f qcow2 "$F" 1000000 && qemu-io -c "write -P 5 300000 576" -c "write -z 128k 64k" "$F"`},
		{"raw", "raw", true, `cp "$RAW" "$F"`},
		{"VMDK", "vmdk", true, `qemu-img convert -O vmdk "$RAW" "$F"`},
		{"VMDK in a stream", "vmdk", true, `qemu-img convert -O vmdk -o subformat=streamOptimized "$RAW" "$F"`},
		{"VDI", "vdi", true, `qemu-img convert -O vdi "$RAW" "$F"`},
		{"VHD", "vhd", true, `qemu-img convert -O vpc "$RAW" "$F"`},
		{"VHDX", "vhdx", true, `qemu-img convert -O vhdx "$RAW" "$F"`},

		{"a backing file", "qcow2", false, `qemu-img create -f qcow2 -b /etc/passwd -F raw "$F"`},
		{"a backing file, version 2", "qcow2", false, `qemu-img create -f qcow2 -o compat=0.10 -b /etc/passwd -F raw "$F"`},
		{"a data file", "qcow2", false, `qemu-img create -f qcow2 -o data_file="$F.ext" "$F" 1M`},
		{"a raw data file", "qcow2", false, `qemu-img create -f qcow2 -o data_file="$F.ext",data_file_raw=on "$F" 1M`},
		{"cut at its end", "qcow2", false, convert + `"$RAW" "$F" && truncate -s -1 "$F"`},
		{"cut within its last cluster", "qcow2", false, convert + `"$RAW" "$F" && truncate -s -4096 "$F"`},
		{"cut in the middle", "qcow2", false, convert + `"$RAW" "$F" && truncate -s $(($(stat -c %s "$F") / 2)) "$F"`},
		{"compressed and cut", "qcow2", false, convert + `-c "$RAW" "$F" && truncate -s -600 "$F"`},
		{"cut to its header", "qcow2", false, convert + `"$RAW" "$F" && truncate -s 104 "$F"`},
		{"marked as corrupt", "qcow2", false, convert + `"$RAW" "$F" && printf '\2' | dd of="$F" bs=1 seek=79 conv=notrunc`},
		{"an unknown feature", "qcow2", false, convert + `"$RAW" "$F" && printf '\200' | dd of="$F" bs=1 seek=72 conv=notrunc`},
		{"60 TiB", "qcow2", false, `qemu-img create -f qcow2 "$F" 60T`},
		// qemu-img measures its own CPU time for the key, and gives up where the clock of that is coarse.
		{"encrypted", "qcow2", false, `n=0; until qemu-img create --object secret,id=s,data=x -f qcow2 -o encrypt.format=luks,encrypt.key-secret=s,encrypt.hash-alg=sha512 "$F" 1M; do n=$((n+1)); [ $n -lt 50 ]; done`},
		{"a page", "qcow2", false, `echo '<html>404</html>' > "$F"`},
		{"raw called qcow2", "qcow2", false, `cp "$RAW" "$F"`},
		{"qcow2 called raw", "raw", false, convert + `"$RAW" "$F"`},
		{"a backing file, called raw", "raw", false, `qemu-img create -f qcow2 -b /etc/passwd -F raw "$F"`},
		{"VMDK called raw", "raw", false, `qemu-img convert -O vmdk "$RAW" "$F"`},
		{"VDI called raw", "raw", false, `qemu-img convert -O vdi "$RAW" "$F"`},
		{"VHD called raw", "raw", false, `qemu-img convert -O vpc "$RAW" "$F"`},
		{"VHDX called raw", "raw", false, `qemu-img convert -O vhdx "$RAW" "$F"`},
		{"QED called raw", "raw", false, `qemu-img create -f qed "$F" 1M`},
		{"QED called qcow2", "qcow2", false, `qemu-img create -f qed "$F" 1M`},
		{"a VMDK of another file", "vmdk", false, `qemu-img create -f vmdk -o subformat=monolithicFlat "$F" 1M`},
		{"a VMDK of parts", "vmdk", false, `qemu-img create -f vmdk -o subformat=twoGbMaxExtentSparse "$F" 1M`},
		{"VDI called VMDK", "vmdk", false, `qemu-img convert -O vdi "$RAW" "$F"`},
	}
}

// TestInspectors compares bayplan's verdicts on files with those of Glance's own
// inspector and of qemu-img. bayplan must refuse at least what either of them
// refuses, and accept sound files.
func TestInspectors(t *testing.T) {
	dir := t.TempDir()
	raw := filepath.Join(dir, "disk")
	shell(t, `mke2fs -q -t ext4 -d /usr/share/bug "$1" 16M`, raw)
	said := bayplanSays(t, dir, raw)
	disagree := 0
	for i, s := range suspects() {
		file := filepath.Join(dir, fmt.Sprint(i))
		inspector, qemu := inspectorSays(t, file, s.format), qemuSays(file, s.format)
		t.Logf("%-28s %-6s bayplan: %-8s glance: %-8s qemu-img: %-8s", s.name, s.format, short(said[i]), short(inspector), short(qemu))
		switch {
		case said[i] == "" && (inspector != "" || qemu != ""):
			t.Errorf("%s is taken; Glance's inspector: %s; qemu-img: %s", s.name, inspector, qemu)
		case s.good && said[i] != "":
			t.Errorf("%s is refused: %s", s.name, said[i])
		case !s.good && said[i] == "":
			t.Errorf("%s is taken", s.name)
		case said[i] != "" && inspector == "":
			disagree++
		}
	}
	t.Logf("%d files are refused that Glance's inspector lets pass", disagree)
}

func short(problem string) string {
	if problem == "" {
		return "takes"
	}
	return "refuses"
}

func shell(t *testing.T, script string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", append([]string{"-ec", script, "bash"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// bayplanSays makes the files and returns bayplan's error for each, "" if bayplan
// would upload it.
func bayplanSays(t *testing.T, dir, raw string) map[int]string {
	t.Helper()
	var plan strings.Builder
	plan.WriteString("apiVersion: bayplan/v1\nname: suspects\nconnections: { clouds: { here: { embedded: {} } } }\nsteps:\n")
	for i, s := range suspects() {
		file := filepath.Join(dir, fmt.Sprint(i))
		shell(t, `export F="$1" RAW="$2"; `+s.make, file, raw)
		fmt.Fprintf(&plan, "  s%[1]d: { type: glance-upload, with: { cloud: here, images: [{ name: x%[1]d, file: %[2]q, disk_format: %[3]s }] } }\n", i, file, s.format)
	}
	path := filepath.Join(dir, "bayplan.yaml")
	if err := os.WriteFile(path, []byte(plan.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "bayplan", "diff", "-f", path, "--json")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // steps are expected to fail
	var report struct {
		Steps []struct{ ID, Status, Error string }
	}
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil || len(report.Steps) != len(suspects()) {
		t.Fatalf("%d steps, %v\n%s%s", len(report.Steps), err, stdout.Bytes(), stderr.Bytes())
	}
	said := map[int]string{}
	for i, step := range report.Steps {
		if step.Error != "" && !strings.Contains(step.Error, "is not uploaded: ") {
			t.Errorf("%s: %s", suspects()[i].name, step.Error)
		}
		said[i] = step.Error
	}
	return said
}

// inspectorSays returns the verdict of the inspector in Debian's Glance.
func inspectorSays(t *testing.T, file, format string) string {
	t.Helper()
	const script = `
import sys
from glance.common import format_inspector as f
i = f.detect_file_format(sys.argv[1])
name = "vhd" if str(i) == "vpc" else str(i)
if name != sys.argv[2]:
    print("it is " + name)
elif not i.safety_check():
    print("it is not safe")
`
	out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", script, file, format).Output()
	if err != nil {
		t.Fatalf("Glance's inspector: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// qemuSays returns the verdict of qemu-img. Use it only on files of this test.
func qemuSays(file, format string) string {
	name := map[string]string{"vhd": "vpc"}[format]
	if name == "" {
		name = format
	}
	out, err := exec.Command("qemu-img", "info", "--output=json", "-f", name, file).Output()
	if err != nil {
		return "it cannot be opened"
	}
	if bytes.Contains(out, []byte("backing-filename")) || bytes.Contains(out, []byte("data-file")) {
		return "it names another file"
	}
	if name != "qcow2" {
		return ""
	}
	err = exec.Command("qemu-img", "check", "-q", "-f", "qcow2", file).Run()
	if err == nil || err.(*exec.ExitError).ExitCode() == 3 { // 3: unused clusters, which are harmless
		return ""
	}
	return "its check fails"
}

// TestUnpacked compares the disks that bayplan converts from images with those
// that qemu-img converts.
func TestUnpacked(t *testing.T) {
	dir := t.TempDir()
	raw := filepath.Join(dir, "disk")
	shell(t, `mke2fs -q -t ext4 -d /usr/share/bug "$1" 16M`, raw)
	var images []string
	var plan strings.Builder
	plan.WriteString("apiVersion: bayplan/v1\nname: unpacked\nsteps:\n  unpack:\n    type: glance-upload\n    with:\n      to: { directory: out }\n      convert: raw\n      images:\n")
	for i, s := range suspects() {
		if s.format != "qcow2" || !s.good && s.name != "extended tables" {
			continue
		}
		file := filepath.Join(dir, fmt.Sprintf("%d.qcow2", i))
		shell(t, `export F="$1" RAW="$2"; `+s.make, file, raw)
		images = append(images, file)
		fmt.Fprintf(&plan, "        - { name: i%d, file: %q, disk_format: qcow2 }\n", i, file)
	}
	path := filepath.Join(dir, "bayplan.yaml")
	if err := os.WriteFile(path, []byte(plan.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	shell(t, `bayplan apply -f "$1" && bayplan verify -f "$1" && bayplan diff --exit-code -f "$1"`, path)
	for _, file := range images {
		shell(t, `qemu-img convert -f qcow2 -O raw "$1" "$1.want"`, file)
		sameFiles(t, file+".want", filepath.Join(dir, "out", strings.TrimSuffix(filepath.Base(file), ".qcow2")+".raw"))
	}
}
