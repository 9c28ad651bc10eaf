package tagserver

import (
	"bufio"
	"context"
	"io"
	"testing"

	"github.com/bayplan/bayplan/internal/registry"
)

func TestServe(t *testing.T) {
	in, stop := io.Pipe()
	read, out := io.Pipe()
	ended := make(chan error)
	go func() { ended <- Serve(context.WithoutCancel(t.Context()), in, out) }()
	host, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	host = host[:len(host)-1]
	client, err := registry.New([]registry.Host{{Name: host, TLS: "disabled"}})
	if err != nil {
		t.Fatal(err)
	}
	tags, err := client.AllTags(t.Context(), host+"/many/app199")
	if err != nil || len(tags) != Tags || tags[Tags-1] != "v1.499" {
		t.Errorf("%d tags, %v", len(tags), err)
	}
	if there, err := client.HasTag(t.Context(), host+"/many/app000:v1.499"); !there || err != nil {
		t.Errorf("a tag: %v, %v", there, err)
	}
	_ = stop.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
