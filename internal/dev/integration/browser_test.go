//go:build integration

package integration

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A browser is a headless Chromium with one tab. It is driven by the DevTools protocol
// over two pipes: --remote-debugging-pipe, messages that end with a zero byte.
type browser struct {
	to      io.Writer
	session string

	mu      sync.Mutex
	last    int
	waiting map[int]chan message
	said    []string // what the page has complained about
	asked   []string // the URLs that it has asked for
	loaded  chan struct{}
}

// A message is one of the protocol: an answer if it has an ID, else an event.
type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// startBrowser starts Chromium, and ends it with the test.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	commandsIn, commands, err := os.Pipe()
	must(t, err)
	answers, answersOut, err := os.Pipe()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), "chromium",
		"--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "--window-size=1280,1000", "about:blank")
	cmd.ExtraFiles = []*os.File{commandsIn, answersOut} // its descriptors 3 and 4
	cmd.WaitDelay = 10 * time.Second
	must(t, cmd.Start())
	_, _ = commandsIn.Close(), answersOut.Close()
	b := &browser{to: commands, waiting: map[int]chan message{}, loaded: make(chan struct{}, 1)}
	done := make(chan struct{})
	go func() { defer close(done); b.listen(answers) }()
	t.Cleanup(func() {
		_ = commands.Close() // Chromium ends when nobody can command it any more
		_ = cmd.Wait()
		_ = answers.Close()
		<-done
	})
	var tab struct{ TargetID string }
	b.call(t, "Target.createTarget", map[string]any{"url": "about:blank"}, &tab)
	var attached struct{ SessionID string }
	b.call(t, "Target.attachToTarget", map[string]any{"targetId": tab.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(t, domain+".enable", nil, nil)
	}
	return b
}

// listen takes what the browser sends.
func (b *browser) listen(from io.Reader) {
	in := bufio.NewReader(from)
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, ch := range b.waiting {
				close(ch)
			}
			b.waiting = nil
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) == nil {
			b.take(m)
		}
	}
}

func (b *browser) take(m message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch m.Method {
	case "":
		if ch := b.waiting[m.ID]; ch != nil {
			delete(b.waiting, m.ID)
			ch <- m
		}
	case "Page.loadEventFired":
		select {
		case b.loaded <- struct{}{}:
		default:
		}
	case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
		b.said = append(b.said, string(m.Params))
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		_ = json.Unmarshal(m.Params, &p)
		b.asked = append(b.asked, p.Request.URL)
	}
}

// call sends a command and waits for its answer.
func (b *browser) call(t *testing.T, method string, params map[string]any, result any) {
	t.Helper()
	ch := make(chan message, 1)
	b.mu.Lock()
	if b.waiting == nil {
		b.mu.Unlock()
		t.Fatalf("%s: the browser has ended", method)
	}
	b.last++
	id := b.last
	b.waiting[id] = ch
	b.mu.Unlock()
	text, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params, "sessionId": b.session})
	must(t, err)
	if b.session == "" {
		text, err = json.Marshal(map[string]any{"id": id, "method": method, "params": params})
		must(t, err)
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	select {
	case m, ok := <-ch:
		if !ok {
			t.Fatalf("%s: the browser has ended", method)
		}
		if m.Error != nil {
			t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			must(t, json.Unmarshal(m.Result, result))
		}
	case <-time.After(time.Minute):
		t.Fatalf("%s: no answer within a minute", method)
	}
}

// open loads a file.
func (b *browser) open(t *testing.T, file string) {
	t.Helper()
	abs, err := filepath.Abs(file)
	must(t, err)
	select {
	case <-b.loaded: // of the empty page
	default:
	}
	b.call(t, "Page.navigate", map[string]any{"url": "file://" + abs}, nil)
	select {
	case <-b.loaded:
	case <-time.After(time.Minute):
		t.Fatalf("%s is not loaded after a minute", file)
	}
}

// eval gives the value of a JavaScript expression as text. DevTools may evaluate although
// the page's policy forbids that to the page.
func (b *browser) eval(t *testing.T, expression string) string {
	t.Helper()
	var got struct {
		Result struct {
			Value any
		}
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	b.call(t, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &got)
	if e := got.ExceptionDetails; e != nil {
		t.Fatalf("%s: %s", expression, e.Exception.Description)
	}
	return fmt.Sprint(got.Result.Value)
}

// click clicks with the mouse on the middle of the first element that a selector finds.
func (b *browser) click(t *testing.T, selector string) {
	t.Helper()
	at := b.eval(t, `(() => { const e = document.querySelector(`+quoted(selector)+`); e.scrollIntoView({block: "center"});
		const r = e.getBoundingClientRect(); return (r.x + r.width / 2) + " " + (r.y + r.height / 2) })()`)
	var x, y float64
	if _, err := fmt.Sscan(at, &x, &y); err != nil {
		t.Fatalf("%s is at %q: %v", selector, at, err)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.call(t, "Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}, nil)
	}
}

// press presses a key. text is what the key types, "" for nothing.
func (b *browser) press(t *testing.T, key, text string) {
	t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27}
	down := map[string]any{"type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": codes[key]}
	b.call(t, "Input.dispatchKeyEvent", down, nil)
	b.call(t, "Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
}

// write types a text.
func (b *browser) write(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		b.press(t, string(r), string(r))
	}
}

// media makes the page believe in a medium and a preferred colour scheme.
func (b *browser) media(t *testing.T, medium, scheme string) {
	t.Helper()
	b.call(t, "Emulation.setEmulatedMedia", map[string]any{
		"media": medium, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	}, nil)
}

// screenshot keeps a picture of the whole page, or of what is in the window.
// `go test -artifacts` leaves it for people.
func (b *browser) screenshot(t *testing.T, name string, whole bool) {
	t.Helper()
	var got struct{ Data string }
	b.call(t, "Page.captureScreenshot", map[string]any{"captureBeyondViewport": whole}, &got)
	keepFile(t, name, got.Data)
}

// print keeps the page as PDF and returns how large it is.
func (b *browser) print(t *testing.T, name string) int {
	t.Helper()
	var got struct{ Data string }
	b.call(t, "Page.printToPDF", map[string]any{"printBackground": true}, &got)
	return keepFile(t, name, got.Data)
}

func keepFile(t *testing.T, name, inBase64 string) int {
	t.Helper()
	content, err := base64.StdEncoding.DecodeString(inBase64)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(t.ArtifactDir(), name), content, 0o644))
	return len(content)
}

// complaints gives what the page has written to its console, and what it has asked for
// besides files of this host.
func (b *browser) complaints() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, text := range b.said {
		errs = append(errs, errors.New(text))
	}
	for _, url := range b.asked {
		if !strings.HasPrefix(url, "file:") && !strings.HasPrefix(url, "data:") && url != "about:blank" {
			errs = append(errs, fmt.Errorf("the page asks for %s", url))
		}
	}
	return errors.Join(errs...)
}

func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
