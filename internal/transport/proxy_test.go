package transport

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// proxied is set in the child process that uses the proxy, since net/http reads
// the environment only once.
const proxied = "BAYPLAN_TEST_PROXIED"

// The proxies of the environment are used, except for hosts with an address and
// for those that NO_PROXY names.
func TestProxyOfTheEnvironment(t *testing.T) {
	if os.Getenv(proxied) != "" {
		useProxy(t)
		return
	}
	_, proxy := quietServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			tunnel(t, w)
			return
		}
		_, _ = io.WriteString(w, "proxy for "+r.URL.String()+" as "+r.Header.Get("Proxy-Authorization"))
	}), false)
	_, direct := quietServer(t, http.HandlerFunc(hello), false)
	secure, _ := quietServer(t, http.HandlerFunc(hello), true)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxyOfTheEnvironment$", "-test.v")
	cmd.Env = append(os.Environ(), proxied+"=1", "DIRECT="+direct, "CA="+caFile(t, secure),
		"HTTP_PROXY=http://u:p@"+proxy, "HTTPS_PROXY=http://"+proxy, "NO_PROXY=.direct.test")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestProxyOfTheEnvironment") {
		t.Errorf("%v\n%s", err, out)
	}
}

// tunnel refuses a tunnel, as a proxy does that needs a login.
func tunnel(t *testing.T, w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
	_ = c.Close()
}

func useProxy(t *testing.T) {
	tr := newTransport(t,
		Endpoint{Host: "registry.test:5000", TLS: Disabled},
		Endpoint{Host: "addressed.test:5000", TLS: Disabled, Address: os.Getenv("DIRECT")},
		Endpoint{Host: "registry.test", CA: os.Getenv("CA")})
	got, err := get(t, tr, "http://registry.test:5000/v2/")
	if want := "proxy for http://registry.test:5000/v2/ as Basic dTpw"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if got, err := get(t, tr, "http://addressed.test:5000/"); err != nil || got != "hello from addressed.test:5000" {
		t.Errorf("with an address: %q, %v", got, err)
	}
	_, err = get(t, tr, "https://registry.test/")
	if err == nil || !strings.Contains(err.Error(), "registry.test: Proxy Authentication Required") {
		t.Errorf("a proxy that refuses: %v", err)
	}
	_, port, _ := net.SplitHostPort(os.Getenv("DIRECT"))
	if got, err := get(t, tr, "http://x.direct.test:"+port+"/"); err == nil {
		t.Errorf("asked the proxy for a host that NO_PROXY names: %q", got)
	}
}
