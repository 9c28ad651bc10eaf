package storedgzip

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"testing"
)

func TestPack(t *testing.T) {
	for _, size := range []int{0, 1, 1<<16 - 1, 1 << 16, 200_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			want := bytes.Repeat([]byte{0xa5}, size)
			r, err := gzip.NewReader(bytes.NewReader(Pack(want)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("unpacked %d bytes, want the %d packed ones", len(got), len(want))
			}
		})
	}
}
