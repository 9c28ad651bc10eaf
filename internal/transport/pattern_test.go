package transport

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Each host that matches a pattern has its own handler, which is made once. A host of its
// own comes first, and what cannot be made is the error of every request.
func TestPatterns(t *testing.T) {
	var mu sync.Mutex
	made := map[string]int{}
	tr := newTransport(t,
		Endpoint{Host: "*.example.com", HandlerFor: func(host string) (http.Handler, error) {
			mu.Lock()
			defer mu.Unlock()
			if made[host]++; host == "bad.example.com" {
				return nil, errors.New("it is broken")
			}
			return http.HandlerFunc(hello), nil
		}},
		Endpoint{Host: "own.example.com", Handler: http.NotFoundHandler()},
	)
	var wait sync.WaitGroup
	for range 8 {
		for _, host := range []string{"a.example.com", "B.example.com:443", "b.example.com"} {
			wait.Go(func() {
				if got, err := get(t, tr, "https://"+host+"/"); err != nil || got != "hello from "+host {
					t.Errorf("%s: %q, %v", host, got, err)
				}
			})
		}
	}
	wait.Wait()
	for range 2 {
		if _, err := get(t, tr, "https://bad.example.com/"); err == nil || !strings.HasSuffix(err.Error(), "it is broken") {
			t.Errorf("got %v", err)
		}
	}
	if got, _ := get(t, tr, "https://own.example.com/"); got != "404 page not found\n" {
		t.Errorf("got %q", got)
	}
	if made["a.example.com"] != 1 || made["bad.example.com"] != 1 || made["own.example.com"] != 0 {
		t.Errorf("made %v", made)
	}
}
