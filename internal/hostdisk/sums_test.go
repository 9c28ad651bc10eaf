package hostdisk

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
)

// Callers that ask for one file at once wait for one hashing of it.
func TestSumOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c sumCache
		first, mine := c.startOrJoin("/f", false)
		if !mine {
			t.Fatal("the first is not to fly")
		}
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				f, mine := c.startOrJoin("/f", false)
				if mine {
					t.Error("a second hashing of the same file")
				}
				<-f.done
				if f.sums[MD5] != "d" {
					t.Error("another result")
				}
			})
		}
		synctest.Wait()
		first.sums = map[Algo]string{MD5: "d"}
		c.finish("/f", first)
		waiting.Wait()
		if _, mine := c.startOrJoin("/f", false); !mine {
			t.Error("the finished call is still there")
		}
	})
}

// A caller that waits for another's hashing hashes the file itself if that fails, lacks
// an algorithm, or was not hard enough. It can be cancelled.
func TestSumAfterAnotherCall(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	write(t, file, "hello")
	tests := []struct {
		name  string
		other hashCall
		hard  bool
		want  string
	}{
		{"it failed", hashCall{err: errors.New("stopped")}, false, digest(t, MD5, "hello")},
		{"it has another algorithm", hashCall{sums: map[Algo]string{SHA256: "x"}}, false, digest(t, MD5, "hello")},
		{"it was from memory", hashCall{sums: map[Algo]string{MD5: "x"}}, true, digest(t, MD5, "hello")},
		{"it will do", hashCall{sums: map[Algo]string{MD5: "x"}, hard: true}, true, "x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d Disk
				f, _ := d.sums.startOrJoin(file, tt.other.hard)
				result := make(chan string)
				go func() {
					got, err := d.sums.sum(t.Context(), file, []Algo{MD5}, tt.hard)
					if err != nil {
						t.Error(err)
					}
					result <- got[MD5]
				}()
				synctest.Wait()
				f.sums, f.err = tt.other.sums, tt.other.err
				d.sums.finish(file, f)
				if got := <-result; got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			})
		})
	}
	t.Run("stopped while waiting", func(t *testing.T) {
		var d Disk
		d.sums.startOrJoin(file, false)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.sums.sum(ctx, file, []Algo{MD5}, false); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestSumFromManySides(t *testing.T) {
	dir := t.TempDir()
	var d Disk
	var all sync.WaitGroup
	for i := range 40 {
		file := filepath.Join(dir, string(rune('a'+i%5)))
		if i < 5 {
			write(t, file, "hello")
		}
		all.Go(func() {
			w := []summer{&d, d.Hard()}[i%2]
			got, err := w.Sum(t.Context(), file, MD5, SHA256)
			if err != nil || len(got) != 2 {
				t.Errorf("Sum = %v, %v", got, err)
			}
			got[MD5] = "mine to change"
		})
	}
	all.Wait()
}
