package spool

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/ref"
)

var (
	origin = ref.Ref{Registry: "origin.example.com", Repository: "a"}
	here   = ref.Ref{Registry: "here.example.com", Repository: "a"}
	there  = ref.Ref{Registry: "there.example.com", Repository: "a"}
)

func newPool(t *testing.T) *Pool {
	t.Helper()
	p := New()
	p.SetRoom(1 << 20)
	p.Keep(filepath.Join(t.TempDir(), "spool"))
	return p
}

// want plans for a step and begins it.
func want(p *Pool, step string, blobs ...Blob) (*Plan, []Want) {
	pl := p.Plan(step)
	wants := pl.Want(blobs)
	pl.Planned()
	return pl, wants
}

// A feed is a source that gives its chunks one by one, and then an error.
type feed struct {
	chunks chan string
	end    error
	opened int
	closed bool
}

// source gives the feed as where the text 12345678 is read from.
func (f *feed) source() Source {
	return Source{From: origin, Digest: digest.FromString("12345678").String(), Open: f.open}
}

func (f *feed) open(ctx context.Context) (io.ReadCloser, error) {
	f.opened++
	return &feedReader{f, ctx}, nil
}

type feedReader struct {
	*feed
	ctx context.Context
}

func (r *feedReader) Read(p []byte) (int, error) {
	select {
	case c, more := <-r.chunks:
		if !more {
			return 0, r.end
		}
		return copy(p, c), nil
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	}
}

func (r *feedReader) Close() error { r.closed = true; return nil }

// Each reader gets the bytes at its own speed, and the file goes with the last of them.
func TestReadersAtTheirOwnSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		blob := Blob{"sha256:1", 8}
		fast, a := want(p, "a", blob)
		slow, b := want(p, "b", blob)
		if a[0].IsShared() || !b[0].IsShared() {
			t.Error("the later one shares the blob")
		}
		fast.Begin()
		slow.Begin()
		f := &feed{chunks: make(chan string), end: io.EOF}
		quick := a[0].Way(t.Context(), f.source(), here).Spooled
		idle := b[0].Way(t.Context(), f.source(), there).Spooled
		var got []byte
		var err error
		var wg sync.WaitGroup
		wg.Go(func() {
			if err = quick.Open(); err == nil {
				got, err = io.ReadAll(quick)
			}
		})
		f.chunks <- "1234"
		synctest.Wait()
		if quick.n != 4 {
			t.Errorf("%d bytes were read, want the 4 that are there", quick.n)
		}
		f.chunks <- "5678"
		close(f.chunks)
		wg.Wait()
		if string(got) != "12345678" || err != nil || f.opened != 1 {
			t.Errorf("got %q, %v, from %d fetches", got, err, f.opened)
		}
		part, err := quick.Again(t.Context(), 2, 5)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := io.ReadAll(part); string(again) != "345" || err != nil {
			t.Errorf("again: %q, %v", again, err)
		}
		_ = quick.Close()
		a[0].Put(here)
		fast.End()
		if err := idle.Open(); err != nil {
			t.Fatal(err)
		}
		if late, err := io.ReadAll(idle); string(late) != "12345678" || err != nil {
			t.Errorf("the slow one got %q, %v", late, err)
		}
		_ = idle.Close()
		b[0].Put(there)
		if left, err := os.ReadDir(p.dir); len(left) > 0 || err != nil || p.used != 0 || p.coming != 0 {
			t.Errorf("%v is left, %v; %d bytes are used, %d are coming", left, err, p.used, p.coming)
		}
	})
}

// All readers get the error of a fetch, and one new fetch serves those who try again.
func TestFetchThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		pl, w := want(p, "a", Blob{"sha256:1", 8}, Blob{"sha256:1", 8})
		pl.Begin()
		broken := errors.New("broken")
		f := &feed{chunks: make(chan string), end: broken}
		one, two := w[0].Way(t.Context(), f.source(), here).Spooled, w[1].Way(t.Context(), f.source(), there).Spooled
		f.chunks <- "1234"
		close(f.chunks)
		for _, r := range []*Reader{one, two} {
			_ = r.Open()
			if got, err := io.ReadAll(r); err != broken || r.Failed() != broken {
				t.Errorf("got %q, %v, failed: %v", got, err, r.Failed())
			}
			_ = r.Close()
		}
		f = &feed{chunks: make(chan string, 1), end: io.EOF}
		f.chunks <- "12345678"
		for i, to := range []ref.Ref{here, there} {
			r := w[i].Way(t.Context(), f.source(), to).Spooled
			if err := r.Open(); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); !bytes.Equal(got, []byte("12345678")) || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
			_ = r.Close()
			w[i].Put(to)
		}
		if f.opened != 1 || !f.closed || pl.Again() != (Again{}) {
			t.Errorf("%d fetches, closed: %v, %+v", f.opened, f.closed, pl.Again())
		}
		pl.End()
	})
}

// A reader of a file that was damaged does not give its last bytes.
func TestFileThatIsDamaged(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"flipped": func(path string) error { return os.WriteFile(path, []byte("12E45678"), 0o600) },
		"cut":     func(path string) error { return os.Truncate(path, 5) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t)
			pl, w := want(p, "a", Blob{"sha256:1", 8}, Blob{"sha256:1", 8})
			defer pl.End()
			pl.Begin()
			f := &feed{chunks: make(chan string, 1), end: io.EOF}
			f.chunks <- "12345678"
			r := w[0].Way(t.Context(), f.source(), here).Spooled
			if err := r.Open(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			<-r.file.done
			if err := damage(r.file.path); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if len(got) == 8 || !errors.As(err, new(*DiskError)) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// A digest that cannot be computed is an error.
func TestDigestThatIsNone(t *testing.T) {
	for _, text := range []string{"", "garbage", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:1"} {
		p := newPool(t)
		pl, w := want(p, "a", Blob{text, 8}, Blob{text, 8})
		pl.Begin()
		f := &feed{chunks: make(chan string, 1), end: io.EOF}
		f.chunks <- "12345678"
		from := f.source()
		from.Digest = text
		r := w[0].Way(t.Context(), from, here).Spooled
		if err := r.Open(); err == nil {
			t.Errorf("%q is opened", text)
		}
		_ = r.Close()
		pl.End()
	}
}

// A fetch ends when the last one that wants the blob gives up.
func TestFetchThatNobodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		first, a := want(p, "a", Blob{"sha256:1", 8})
		second, b := want(p, "b", Blob{"sha256:1", 8})
		first.Begin()
		second.Begin()
		f := &feed{chunks: make(chan string)}
		r := a[0].Way(t.Context(), f.source(), here).Spooled
		_ = b[0].Way(t.Context(), f.source(), there).Spooled
		synctest.Wait()
		first.End()
		synctest.Wait()
		if f.closed {
			t.Error("the fetch has ended while it was wanted")
		}
		second.End()
		if !f.closed || p.used != 0 {
			t.Errorf("the fetch goes on, %d bytes are used", p.used)
		}
		if err := r.Open(); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// Closing a reader ends its waiting.
func TestReaderThatIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		pl, w := want(p, "a", Blob{"sha256:1", 8}, Blob{"sha256:1", 8})
		pl.Begin()
		f := &feed{chunks: make(chan string, 1)}
		f.chunks <- "1"
		r := w[0].Way(t.Context(), f.source(), here).Spooled
		if err := r.Open(); err != nil {
			t.Fatal(err)
		}
		var err error
		var wg sync.WaitGroup
		wg.Go(func() { _, err = io.ReadAll(r) })
		synctest.Wait()
		_ = r.Close()
		wg.Wait()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if _, err := r.Read(make([]byte, 1)); err == nil {
			t.Error("a closed reader reads")
		}
		pl.End()
		p.Close()
	})
}

func TestReadyAndWay(t *testing.T) {
	wake := make(chan struct{}, 1)
	blob := Blob{"sha256:1", 8}

	t.Run("one that nobody else wants has no file", func(t *testing.T) {
		p := newPool(t)
		pl, w := want(p, "a", blob)
		pl.Begin()
		if way := w[0].Way(t.Context(), Source{From: origin}, here); !w[0].Ready(wake) || way != (Way{}) {
			t.Errorf("got %+v", way)
		}
		later, v := want(p, "b", blob)
		later.Begin()
		if v[0].Ready(wake) {
			t.Error("a blob that streams elsewhere is ready")
		}
		w[0].Put(here)
		w[0].Leave()
		<-wake
		if way := v[0].Way(t.Context(), Source{From: origin}, there); !v[0].Ready(wake) || way.Put == nil || way.Put.Registry != here.Registry {
			t.Errorf("got %+v", way)
		}
	})
	t.Run("one that fails elsewhere is read here", func(t *testing.T) {
		p := newPool(t)
		pl, w := want(p, "a", blob)
		pl.Begin()
		_ = w[0].Ready(wake)
		_ = w[0].Way(t.Context(), Source{From: origin}, here)
		later, v := want(p, "b", blob)
		later.Begin()
		_ = v[0].Ready(wake)
		w[0].Leave()
		w[0].Drop()
		<-wake
		if way := v[0].Way(t.Context(), Source{From: origin}, there); !v[0].Ready(wake) || way != (Way{}) || later.Again() != (Again{}) {
			t.Errorf("got %+v, %+v", way, later.Again())
		}
	})
	t.Run("a destination is asked first for what it has itself", func(t *testing.T) {
		p := newPool(t)
		pl, w := want(p, "a", blob, blob, blob)
		pl.Begin()
		w[0].Put(here)
		w[1].Put(there)
		if way := w[2].Way(t.Context(), Source{From: origin}, there); way.Put == nil || way.Put.Registry != there.Registry {
			t.Errorf("got %+v", way)
		}
	})
	t.Run("an owner's new plan takes the place of its last", func(t *testing.T) {
		p := newPool(t)
		want(p, "a", blob)
		_, w := want(p, "a", blob)
		_, v := want(p, "b", blob)
		if w[0].IsShared() || !v[0].IsShared() || w[0].blob.live != 2 {
			t.Errorf("shared: %v and %v, %d want it", w[0].IsShared(), v[0].IsShared(), w[0].blob.live)
		}
	})
	t.Run("two sizes of one digest are two blobs", func(t *testing.T) {
		p := newPool(t)
		_, w := want(p, "a", blob, Blob{blob.Digest, 9})
		if w[1].IsShared() || w[0].blob == w[1].blob {
			t.Error("they are one")
		}
	})
	t.Run("an empty blob needs no source", func(t *testing.T) {
		p := newPool(t)
		pl, w := want(p, "a", Blob{"sha256:2", 0}, Blob{"sha256:2", 0})
		pl.Begin()
		if way := w[0].Way(t.Context(), Source{From: origin}, here); !w[0].Ready(wake) || !w[1].Ready(wake) || way != (Way{}) {
			t.Errorf("got %+v", way)
		}
	})
}

type fullDisk struct{ left int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, &os.PathError{Op: "write", Path: "/spool/1", Err: syscall.ENOSPC}
	}
	return len(p), nil
}

// A full disk is told apart from what the source says, and no more files are made then.
func TestDiskThatIsFull(t *testing.T) {
	f := &feed{chunks: make(chan string, 2), end: io.EOF}
	f.chunks <- "1234"
	f.chunks <- "5678"
	grows := &file{source: f.source(), size: 8, done: make(chan struct{})}
	err := grows.copy(t.Context(), &fullDisk{6})
	var disk *DiskError
	if !errors.As(err, &disk) || !errors.Is(err, syscall.ENOSPC) || grows.n != 4 || !f.closed {
		t.Errorf("got %v after %d bytes", err, grows.n)
	}
	p := newPool(t)
	pl, w := want(p, "a", Blob{"sha256:1", 8}, Blob{"sha256:1", 8})
	pl.Begin()
	w[0].Lost(disk)
	for i, to := range []ref.Ref{here, there} {
		if way := w[i].Way(t.Context(), f.source(), to); way != (Way{}) {
			t.Errorf("got %+v", way)
		}
	}
	if got, want := pl.Again(), (Again{1, 8, "the spool cannot be used: write /spool/1: no space left on device"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
