package fetch

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

type addresses = plan.TextOr[string, []string]

// looked runs the Inputs and the Diff of a step, as a diff does.
func looked(t *testing.T, f *fetchFile, w runner.World) (*runner.Finding, error) {
	t.Helper()
	if _, err := f.Inputs(t.Context(), w); err != nil {
		return nil, err
	}
	return f.Diff(t.Context(), w, nil)
}

func TestFetchDiff(t *testing.T) {
	server := testbed.FileServer(t, map[string]string{"/f": "body", "/sums": steptest.SHA256("other") + "  g\n"})
	huge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1152921504606846976")
	}))
	defer huge.Close()
	dir := t.TempDir()
	steptest.MakeDir(t, filepath.Join(dir, "d"), 0o755)
	tests := map[string]struct {
		step fetchFile
		err  string
		hint string
	}{
		"mirrors and nothing to hold them together": {
			fetchFile{URL: addresses{Other: []string{server.URL + "/f", server.URL + "/g"}}, To: plan.Path(dir + "/f")},
			"nothing says what the file must be", "give sha256 or checksums: the digest ensures that all addresses have the same file",
		},
		"plain redirects and nothing to hold against": {
			fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(dir + "/f"), HTTPRedirects: true},
			"http_redirects is allowed only where", "give sha256 or checksums",
		},
		"a signature and no key": {
			fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(dir + "/f"), Signature: new(server.URL + "/f")},
			"no keyring to check it with", "name the file of the trusted keys under keyring",
		},
		"a key and nothing signed": {
			fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(dir + "/f"), Keyring: new(plan.Path("/k"))},
			"neither checksums nor a signature", "",
		},
		"no key there": {
			fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(dir + "/f"), Checksums: new(server.URL + "/sums"), Keyring: new(plan.Path("/nowhere"))},
			"read the keyring", "",
		},
		"nothing there": {
			fetchFile{URL: addresses{Text: server.URL + "/gone"}, To: plan.Path(dir + "/f")},
			"404 Not Found", "the file is not there; correct the URL",
		},
		"nothing there, with a digest": {
			fetchFile{URL: addresses{Text: server.URL + "/gone"}, To: plan.Path(dir + "/f"), SHA256: new(steptest.SHA256(""))},
			"404 Not Found", "the file is not there; correct the URL",
		},
		"not among the checksums": {
			fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(dir + "/f"), Checksums: new(server.URL + "/sums")},
			`it has no checksum of "f"`, `it has one of "g"; if that is the file, write name: g`,
		},
		"checksums that are none": {
			fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(dir + "/f"), Checksums: new(server.URL + "/f")},
			"it is not a list of checksums", "",
		},
		"a keyring and a list without signature": {
			fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(dir + "/f"), Checksums: new(server.URL + "/sums"), Keyring: new(plan.Path(testbed.PublicKey(t, testbed.NewKey(t))))},
			"has no signature in it", "name the address of its signature under signature, or leave out keyring",
		},
		"more than fits": {
			fetchFile{URL: addresses{Text: huge.URL + "/f"}, To: plan.Path(dir + "/f"), SHA256: new(steptest.SHA256(""))},
			"bytes free, the file takes 1152921504606846976 more", "make room, or fetch it to somewhere else",
		},
		"a directory is there": {
			fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(dir + "/d")},
			"it is a directory", "name the file in it",
		},
		"no directory is there": {
			fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(dir + "/x/y/f")},
			"the directory " + dir + "/x/y is not there", "let a mkdir step make it, and name that step under needs",
		},
		"a device is there": {
			fetchFile{URL: addresses{Text: server.URL + "/f"}, To: "/dev/null"},
			"it is in the way", "",
		},
		"a local file that is not there": {
			fetchFile{URL: addresses{Text: "file:///nowhere/f"}, To: plan.Path(dir + "/f")},
			"read /nowhere/f", "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.step.out = testbed.WithHosts(t)
			_, err := looked(t, &tt.step, &runner.Disk{})
			if err == nil || !strings.Contains(err.Error(), tt.err) || fault.Hint(err) != tt.hint {
				t.Errorf("got %v (hint %q), want %q (%q)", err, fault.Hint(err), tt.err, tt.hint)
			}
		})
	}
}

// No server is asked for a file that is there with its digest.
func TestFetchDoesNotAskForAnExistingFile(t *testing.T) {
	to := filepath.Join(t.TempDir(), "f")
	steptest.PutFile(t, to, "body")
	f := &fetchFile{URL: addresses{Text: "https://no-such-host.invalid/f"}, To: plan.Path(to), SHA256: new(steptest.SHA256("body")), out: testbed.WithHosts(t)}
	got, err := looked(t, f, &runner.Disk{})
	if err != nil || got.Change != nil {
		t.Fatalf("got %+v, %v", got, err)
	}
	if _, err := f.Verify(t.Context(), (&runner.Disk{}).Hard()); err != nil {
		t.Error(err)
	}
}

// changing is a server of one text, which a test may replace.
type changing struct {
	text, etag string
	asked      []string
}

func (c *changing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.asked = append(c.asked, r.Method)
	w.Header().Set("ETag", c.etag)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(c.text))
}

// Without a digest in the plan, the version of the file is remembered. The diff says
// when the server has another one.
func TestFetchWithoutDigest(t *testing.T) {
	c := &changing{text: "one", etag: `"1"`}
	server := httptest.NewServer(c)
	defer server.Close()
	to := filepath.Join(t.TempDir(), "f")
	fresh := func() *fetchFile {
		return &fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(to), out: testbed.WithHosts(t)}
	}
	step := fresh()
	in, err := step.Inputs(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := step.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Change.Items[0].Note, "nothing says what it must be: give sha256 or checksums"; got != want {
		t.Errorf("note %q, want %q", got, want)
	}
	if when, later := f.Outputs["sha256"].Later(); !later || when != "after fetch" {
		t.Errorf("sha256 is %v", f.Outputs["sha256"])
	}
	told := &steptest.Progress{}
	if _, err := f.Change.Apply(t.Context(), told); err != nil {
		t.Fatal(err)
	}
	if want := "sha256 " + steptest.SHA256("one"); told.Items[len(told.Items)-1].Note != want {
		t.Errorf("told %q, want %q", told.Items[len(told.Items)-1].Note, want)
	}
	out, err := step.Verify(t.Context(), (&runner.Disk{}).Hard())
	if err != nil {
		t.Fatal(err)
	}
	prior := &runner.Record{Inputs: in, Outputs: out}

	c.asked = nil
	if f, err = fresh().Diff(t.Context(), &runner.Disk{}, prior); err != nil || f.Change != nil {
		t.Fatalf("unchanged: %+v, %v", f, err)
	}
	if diff := cmp.Diff([]string{"HEAD"}, c.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	c.text, c.etag = "two!", `"2"`
	if f, err = fresh().Diff(t.Context(), &runner.Disk{}, prior); err != nil || f.Change == nil {
		t.Fatalf("changed: %+v, %v", f, err)
	}
	if it := f.Change.Items[0]; it.Op != runner.Replace || !strings.Contains(it.Note, "its sha256 is "+steptest.SHA256("one")) {
		t.Errorf("item %+v", it)
	}
	if _, err := fresh().Verify(t.Context(), &runner.Disk{}); err == nil || !strings.Contains(err.Error(), "it has 3 bytes, and the server's file has 4") {
		t.Errorf("verify: %v", err)
	}
}

// A file that was modified in the second in which it was fetched is fetched once
// more: its time does not show whether it was modified again. After that it does.
func TestFetchOfAFileJustModified(t *testing.T) {
	modified := time.Date(2026, 5, 12, 9, 0, 0, 0, time.UTC)
	text, now := "one", modified
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", now.Format(http.TimeFormat))
		http.ServeContent(w, r, "", modified, strings.NewReader(text))
	}))
	defer server.Close()
	to := filepath.Join(t.TempDir(), "f")
	var prior *runner.Record
	run := func() (changed bool) {
		t.Helper()
		step := &fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(to), out: testbed.WithHosts(t)}
		in, err := step.Inputs(t.Context(), &runner.Disk{})
		steptest.Must(t, err)
		found, err := step.Diff(t.Context(), &runner.Disk{}, prior)
		steptest.Must(t, err)
		if found.Change != nil {
			_, err = found.Change.Apply(t.Context(), &steptest.Progress{})
			steptest.Must(t, err)
		}
		out, err := step.Verify(t.Context(), (&runner.Disk{}).Hard())
		steptest.Must(t, err)
		prior = &runner.Record{Inputs: in, Outputs: out}
		return found.Change != nil
	}
	run()
	text = "two"
	now = modified.Add(time.Second)
	if !run() || steptest.ReadFile(t, to) != "two" {
		t.Errorf("the second version is not seen: there is %q", steptest.ReadFile(t, to))
	}
	if run() {
		t.Error("what is unchanged is fetched again")
	}
}

// notes keeps the note of the last item done.
func TestFetchFromMirrors(t *testing.T) {
	good, other := testbed.FileServer(t, map[string]string{"/f": "body"}), testbed.FileServer(t, map[string]string{"/f": "evil"})
	to := filepath.Join(t.TempDir(), "f")
	f := &fetchFile{
		URL: addresses{Other: []string{good.URL + "/gone", other.URL + "/f", good.URL + "/f"}},
		To:  plan.Path(to), SHA256: new(steptest.SHA256("body")), out: testbed.WithHosts(t),
	}
	found, err := looked(t, f, &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	if note := found.Change.Items[0].Note; !strings.Contains(note, "/gone: the server answers 404") {
		t.Errorf("diff notes %q", note)
	}
	told := &steptest.Progress{}
	if _, err := found.Change.Apply(t.Context(), told); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"from " + hostOf(good.URL), "/gone: the server answers 404", other.URL + "/f: its sha256 is " + steptest.SHA256("evil")} {
		if !strings.Contains(told.Items[len(told.Items)-1].Note, want) {
			t.Errorf("told %q, want %q in it", told.Items[len(told.Items)-1].Note, want)
		}
	}
	if b, err := os.ReadFile(to); string(b) != "body" {
		t.Errorf("got %q, %v", b, err)
	}
	f.URL.Other = f.URL.Other[:2]
	steptest.Remove(t, to)
	f.expected = nil
	if found, err = looked(t, f, &runner.Disk{}); err != nil {
		t.Fatal(err)
	}
	_, err = found.Change.Apply(t.Context(), told)
	if err == nil || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), steptest.SHA256("evil")) {
		t.Errorf("all of them wrong: %v", err)
	}
}

// A later step can be diffed as far as the fetched file is known. A digest in the
// plan is enough to place the file, but not to unpack it.
func TestDiffAfterFetch(t *testing.T) {
	server := testbed.FileServer(t, map[string]string{"/f.tar": "body"})
	dir := t.TempDir()
	to := filepath.Join(dir, "f.tar")
	f := &fetchFile{URL: addresses{Text: server.URL + "/f.tar"}, To: plan.Path(to), SHA256: new(steptest.SHA256("body")), out: testbed.WithHosts(t)}
	found, err := looked(t, f, &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	w := runner.Planned(&runner.Disk{}, found.Change.Files...)
	sums, err := w.Sum(t.Context(), to, runner.SHA256)
	if err != nil || sums[runner.SHA256] != steptest.SHA256("body") {
		t.Errorf("got %v, %v", sums, err)
	}
	if fi, err := w.Stat(to); err != nil || fi.Size() != 4 {
		t.Errorf("size %v, %v", fi, err)
	}
	if _, err := w.Open(to); err == nil || !strings.Contains(err.Error(), "its content is not known before it is written") {
		t.Errorf("open: %v", err)
	}
}

// A time that no file can have, or that means nothing, is not compared with the file's. The
// file is fetched once, and stays as it is until the server has another version.
func TestFetchOfAFileWithoutAUsableTime(t *testing.T) {
	for _, modified := range []string{
		"Mon, 01 Jan 0001 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
		"Sun, 07 Feb 2106 06:28:16 GMT", "yesterday",
	} {
		t.Run(modified, func(t *testing.T) {
			version, bodies := modified, 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Last-Modified", version)
				w.Header().Set("Content-Length", "3")
				if r.Method == http.MethodGet {
					bodies++
					_, _ = w.Write([]byte("one"))
				}
			}))
			defer server.Close()
			to := filepath.Join(t.TempDir(), "f")
			var prior *runner.Record
			run := func() {
				t.Helper()
				step := &fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(to), out: testbed.WithHosts(t)}
				in, err := step.Inputs(t.Context(), &runner.Disk{})
				steptest.Must(t, err)
				found, err := step.Diff(t.Context(), &runner.Disk{}, prior)
				steptest.Must(t, err)
				if found.Change != nil {
					_, err = found.Change.Apply(t.Context(), &steptest.Progress{})
					steptest.Must(t, err)
				}
				out, err := step.Verify(t.Context(), (&runner.Disk{}).Hard())
				steptest.Must(t, err)
				prior = &runner.Record{Inputs: in, Outputs: out}
			}
			run()
			run()
			if bodies != 1 {
				t.Errorf("it was fetched %d times", bodies)
			}
			version = "Tue, 12 May 2026 09:00:00 GMT"
			prior.Outputs["sha256"] = plan.Text(steptest.SHA256("one"))
			if step := (&fetchFile{URL: addresses{Text: server.URL + "/f"}, To: plan.Path(to), out: testbed.WithHosts(t)}); modified != "yesterday" {
				found, err := step.Diff(t.Context(), &runner.Disk{}, prior)
				if err != nil || found.Change == nil {
					t.Errorf("another version is not seen: %v", err)
				}
			}
		})
	}
}
