//go:build integration

package integration

import (
	"bytes"
	"testing"
)

// TestKillPush kills one of the two ends with SIGKILL in the middle of a push to bayplan's
// registry: the apply, which a second one goes on with where the registry has got to; or the
// registry, which is started again on the same directory. The image arrives.
func TestKillPush(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	m := newSetMaker(t, source, sizes{base: 64 << 20, service: 1 << 10, own: 1 << 10})
	m.image(1)
	images := m.set
	site := func(t *testing.T, dest string) (*site, *tcpProxy) {
		to := newTCPProxy(t, dest)
		return newMirror(t, images, connectionTo(upstreamHost, source.url, ", bandwidth: 24MiB"), connectionTo(localHost, to.url, ""), ""), to
	}

	for _, percent := range []int{25, 50, 75} {
		t.Run("the apply", func(t *testing.T) {
			dest := rawRegistry{url: serveRegistry(t, "--dir", t.TempDir())}
			s, to := site(t, dest.url)
			var passed recorder
			s.killWhen(t, &passed, func(kill func()) { to.afterBytes(int64(images.bytes*percent/100), kill) })
			before := to.sent.Load()
			s.mustRun(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
			images.checkAt(t, dest)
			first, second := ratio(before, images), ratio(to.sent.Load()-before, images)
			t.Logf("sent %.3f times what there is, then %.3f", first, second)
			// What lay in buffers at the kill is sent again.
			if first+second > 1.1 {
				t.Errorf("sent %.3f times what there is, and %.3f after the kill", first, second)
			}
			s.mustRun(t, 0, []string{"verify"})
		})
	}
	for _, percent := range []int{25, 75} {
		t.Run("the registry", func(t *testing.T) {
			dir, address := t.TempDir(), "127.0.0.1:"+freePort(t)
			_, server := serveAt(t, address, "registry", "--dir", dir)
			dest := rawRegistry{url: "http://" + address}
			s, to := site(t, dest.url)
			killed := make(chan struct{})
			to.afterBytes(int64(images.bytes*percent/100), func() {
				_ = server.Kill()
				close(killed)
			})
			var said bytes.Buffer
			apply := s.command(t, "apply")
			apply.Stdout, apply.Stderr = &said, &said
			if err := apply.Start(); err != nil {
				t.Fatal(err)
			}
			<-killed
			_, _ = server.Wait()
			serveAt(t, address, "registry", "--dir", dir)
			if err := apply.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, said.Bytes())
			}
			images.checkAt(t, dest)
			t.Logf("sent %.3f times what there is", ratio(to.sent.Load(), images))
			if n := ratio(to.sent.Load(), images); n > 2.1 {
				t.Errorf("sent %.3f times what there is", n)
			}
			s.mustRun(t, 0, []string{"verify"})
			s.mustRun(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
		})
	}
}
