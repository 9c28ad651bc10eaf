package registry

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
)

// chaos lets a part of all requests come to grief, each in one of the ways in
// which requests do.
func chaos(seed uint64, share float64) func(http.ResponseWriter, *http.Request) bool {
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(seed, 1))
	roll := func() (float64, int) {
		mu.Lock()
		defer mu.Unlock()
		return dice.Float64(), dice.IntN(6)
	}
	return func(w http.ResponseWriter, r *http.Request) bool {
		chance, how := roll()
		if chance > share {
			return false
		}
		switch how {
		case 0:
			panic(http.ErrAbortHandler)
		case 1: // in the middle of the request
			_, _ = io.CopyN(io.Discard, r.Body, 1000)
			panic(http.ErrAbortHandler)
		case 2: // after the whole request, which may have been carried out or not
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		case 3:
			w.WriteHeader(http.StatusInternalServerError)
		case 4:
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return true
	}
}

// However many runs it takes, every tag that is there at the end of a run is
// whole, and in the end all are there.
func TestChaos(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			src, dst, _ := pair(t)
			again := func() *Client {
				return newClient(t, Host{Name: srcHost, Handler: src}, Host{Name: dstHost, Handler: dst})
			}
			images, unique := src.set(t)
			src.reset()
			for run := 1; ; run++ {
				src.act(chaos(seed*100+uint64(run), 0.1))
				dst.act(chaos(seed*100+50+uint64(run), 0.1))
				c := again()
				table, err := c.Plan(t.Context(), images, Selection{})
				if err != nil {
					t.Fatal(err)
				}
				err = c.Execute(t.Context(), table, Options{Parallel: 4})
				src.act(nil)
				dst.act(nil)
				whole(t, again(), images)
				if err == nil {
					break
				}
				if run == 30 {
					t.Fatalf("not done after %d runs: %v", run, err)
				}
			}
			mirrored(t, again(), images)
			if src.out > 2*unique {
				t.Errorf("%d bytes were pulled for %d", src.out, unique)
			}
		})
	}
}

// whole says that every tag at the destination stands for a whole image.
func whole(t *testing.T, c *Client, images []Image) {
	t.Helper()
	checked, err := c.Check(t.Context(), images, Selection{}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range checked {
		if k.Err != nil || k.Have != "" && !k.OK() {
			t.Errorf("%s: want %s, have %s, lost %v, %v", k.Target, k.Want, k.Have, k.Lost, k.Err)
		}
	}
}
