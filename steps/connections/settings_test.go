package connections

import "testing"

func TestBytesPerSecond(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "1KiB": 1 << 10, "10MiB": 10 << 20, "2 GiB": 2 << 30, "5kB": 5000, "5MB": 5_000_000, "1GB": 1_000_000_000, "2000000000GiB": 2_000_000_000 << 30,
	} {
		if got, err := bytesPerSecond(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	if got, err := bytesPerSecond("99999999999GiB"); err == nil {
		t.Errorf("got %d", got)
	}
}
