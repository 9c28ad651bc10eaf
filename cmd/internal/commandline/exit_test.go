package commandline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

func TestExit(t *testing.T) {
	wrong := errors.New("it is wrong")
	saved := func(err error) error {
		return Stopped(err, "the state is saved, and the next apply continues from it")
	}
	for _, tt := range []struct {
		name   string
		signal syscall.Signal // 0: none came
		err    error
		code   int
		want   string
	}{
		{"done", 0, nil, 0, ""},
		{"a step failed", 0, saved(ShownByView(wrong)), 1, ""},
		{"something else failed", 0, wrong, 1, "bayplan: it is wrong\n"},
		{"a mistake", 0, plan.Errors{{File: "p.yaml", Msg: "is a directory"}}, 2, "p.yaml: is a directory\nbayplan: 1 mistake; nothing was run\n"},
		{"changes", 0, fmt.Errorf("upload: %w", ErrChanges), 3, ""},
		{"a failed step and a file that cannot be written", 0, errors.Join(saved(ShownByView(wrong)), errors.New("write x.xml: no room")), 1, "bayplan: write x.xml: no room\n"},
		{"changes and a file that cannot be written", 0, errors.Join(ErrChanges, errors.New("write x.xml: no room")), 3, "bayplan: write x.xml: no room\n"},
		{"two errors in one text", 0, fmt.Errorf("%w; %w", wrong, errors.New("so is that")), 1, "bayplan: it is wrong; so is that\n"},
		{"locked", 0, &runner.LockedError{Dir: "/s"}, 4, "bayplan: the state in /s is held by another run\nhint: wait for it or stop it; the lock ends with its process\n"},
		{"interrupted apply", syscall.SIGINT, saved(ShownByView(wrong)), 130, "bayplan: interrupted; the state is saved, and the next apply continues from it\n"},
		{"terminated apply", syscall.SIGTERM, saved(ShownByView(wrong)), 143, "bayplan: terminated; the state is saved, and the next apply continues from it\n"},
		{"an apply whose terminal has gone", syscall.SIGHUP, saved(ShownByView(wrong)), 129, "bayplan: the terminal has gone; the state is saved, and the next apply continues from it\n"},
		{"interrupted diff", syscall.SIGINT, ShownByView(wrong), 130, "bayplan: interrupted\n"},
		{"done before the signal", syscall.SIGINT, nil, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			if tt.signal != 0 {
				cancel(interruption{tt.signal})
			}
			defer cancel(nil)
			var errs bytes.Buffer
			p := New("bayplan", "v1", io.Discard, &errs)
			if code := p.Exit(ctx, tt.err); code != tt.code {
				t.Errorf("code %d, want %d", code, tt.code)
			}
			if got := errs.String(); got != tt.want {
				t.Errorf("prints %q, want %q", got, tt.want)
			}
		})
	}
}
