//go:build integration

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The page of a run, in a real browser: what it shows, its search and sorting, its keys,
// in light, in dark and on paper, and that it asks for nothing.
func TestRunPage(t *testing.T) {
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS("../../../examples/quickstart")))
	apply := exec.CommandContext(t.Context(), "bayplan", "apply", "--report", "report.html")
	apply.Dir = dir
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b := startBrowser(t)
	b.media(t, "screen", "light")
	b.open(t, filepath.Join(dir, "report.html"))
	all := b.eval(t, visibleRows+".length")
	t.Run("the whole table", func(t *testing.T) {
		check(t, "images", all, "50")
		check(t, "the count", b.eval(t, `document.getElementById("shown").value`), "50 images")
	})
	t.Run("search with /", func(t *testing.T) {
		b.press(t, "/", "/")
		check(t, "focus", b.eval(t, "document.activeElement.id"), "search")
		b.write(t, "nova CREATED")
		check(t, "rows without nova", b.eval(t, visibleRows+`.filter(r => !r.textContent.includes("nova")).length`), "0")
		n := b.eval(t, visibleRows+".length")
		check(t, "the count", b.eval(t, `document.getElementById("shown").value`), n+" of 50 images")
		if n == "0" || n == all {
			t.Errorf("%s rows are left of %s", n, all)
		}
		b.screenshot(t, "search.png", true)
		b.press(t, "Escape", "")
		check(t, "rows after Escape", b.eval(t, visibleRows+".length"), all)
	})
	t.Run("sort with a click", func(t *testing.T) {
		const size = "#image-table th:nth-child(5) button"
		b.click(t, size)
		check(t, "order", b.eval(t, `document.querySelector("#image-table th:nth-child(5)").getAttribute("aria-sort")`), "descending")
		check(t, "falling sizes", b.eval(t, imageSizes+".every((v, i, a) => i === 0 || a[i - 1] >= v)"), "true")
		b.click(t, size)
		check(t, "rising sizes", b.eval(t, imageSizes+".every((v, i, a) => i === 0 || a[i - 1] <= v)"), "true")
		b.click(t, "#image-table th:nth-child(1) button")
		check(t, "names", b.eval(t, visibleRows+`.map(r => r.cells[0].textContent).every((v, i, a) => i === 0 || new Intl.Collator("en", {numeric: true}).compare(a[i - 1], v) <= 0)`), "true")
	})
	t.Run("a click on a step", func(t *testing.T) {
		b.click(t, `.drawing a[href="#step-containers"] rect`)
		check(t, "place", b.eval(t, "location.hash"), "#step-containers")
		b.click(t, `a[href="#change-prepare"]`)
		check(t, "the details are open", b.eval(t, `document.getElementById("change-prepare").open`), "true")
		b.screenshot(t, "changes.png", false)
	})
	t.Run("keys alone", func(t *testing.T) {
		b.open(t, filepath.Join(dir, "report.html"))
		b.press(t, "Tab", "")
		check(t, "first stop", b.eval(t, "document.activeElement.className"), "skip")
		b.press(t, "Enter", "\r")
		check(t, "focus", b.eval(t, "document.activeElement.id"), "main")
		stops := ""
		for range 60 {
			b.press(t, "Tab", "")
			stops += b.eval(t, `(document.activeElement.getAttribute("href") || document.activeElement.id || document.activeElement.textContent)`) + " "
		}
		for _, want := range []string{"#step-containers", "search", "result", "Size"} {
			if !strings.Contains(stops, want) {
				t.Errorf("Tab does not lead to %s, but to %s", want, stops)
			}
		}
	})
	t.Run("light, dark and paper", func(t *testing.T) {
		const back = "getComputedStyle(document.body).backgroundColor"
		check(t, "light", b.eval(t, back), "rgb(255, 255, 255)")
		b.screenshot(t, "light.png", true)
		b.media(t, "screen", "dark")
		check(t, "dark", b.eval(t, back), "rgb(13, 17, 23)")
		b.screenshot(t, "dark.png", true)
		b.media(t, "", "dark") // printing chooses its medium itself
		if n := b.print(t, "print.pdf"); n < 10_000 {
			t.Errorf("the PDF has %d bytes", n)
		}
		b.media(t, "print", "dark")
		check(t, "paper", b.eval(t, back), "rgb(255, 255, 255)")
		b.screenshot(t, "print.png", true)
		check(t, "navigation on paper", b.eval(t, `getComputedStyle(document.querySelector("nav")).display`), "none")
		check(t, "wider than paper", b.eval(t, "document.documentElement.scrollWidth > innerWidth"), "false")
	})
	if err := b.complaints(); err != nil {
		t.Error(err)
	}
}

// Names from elsewhere run nothing in a browser, and a browser that runs no scripts shows
// the whole page.
func TestRunPageOfHostileNames(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "bayplan.yaml"), []byte("apiVersion: bayplan/v1\nname: p\nsteps:\n  x: { type: mkdir, with: { paths: [x] } }\n"), 0o644))
	run := filepath.Join(dir, ".bayplan", "p", "runs", "20200102T030405.000Z")
	must(t, os.MkdirAll(run, 0o700))
	name := quoted(`</script><script>hacked=1</script><img src="http://192.0.2.1/x" onerror="hacked=2"><style>@import url(http://192.0.2.1/y)</style>` + "\"'")
	events := `{"time":"2020-01-02T03:04:05Z","kind":"run-begin","mode":"apply"}
{"time":"2020-01-02T03:04:05Z","kind":"step-begin","step":"x","type":"mirror"}
{"time":"2020-01-02T03:04:05Z","kind":"item","step":"x","item":{"op":"create","what":"image","name":` + name + `,"note":` + name + `}}
{"time":"2020-01-02T03:04:06Z","kind":"step-end","step":"x","type":` + name + `,"status":"failed","error":` + name + `,"notes":[` + name + `]}
{"time":"2020-01-02T03:04:06Z","kind":"run-end","mode":"apply","took":1,"message":` + name + `}
`
	must(t, os.WriteFile(filepath.Join(run, "events.jsonl"), []byte(events), 0o600))
	report := exec.CommandContext(t.Context(), "bayplan", "report")
	report.Dir = dir
	if out, err := report.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b := startBrowser(t)
	b.open(t, filepath.Join(dir, "report.html"))
	check(t, "the names have run", b.eval(t, "typeof hacked"), "undefined")
	check(t, "images that are shown", b.eval(t, visibleRows+".length"), "1")
	if err := b.complaints(); err != nil {
		t.Error(err)
	}
	b.call(t, "Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	b.open(t, filepath.Join(dir, "report.html"))
	b.call(t, "Emulation.setScriptExecutionDisabled", map[string]any{"value": false}, nil)
	check(t, "images without scripts", b.eval(t, visibleRows+".length"), "1")
	check(t, "search without scripts", b.eval(t, `getComputedStyle(document.getElementById("controls")).display`), "none")
}

// JavaScript: the rows of the table of images that are shown, and their sizes.
const (
	visibleRows = `Array.from(document.querySelectorAll("#image-table tbody tr")).filter(r => !r.hidden)`
	imageSizes  = visibleRows + `.map(r => Number(r.cells[4].dataset.v))`
)

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}
