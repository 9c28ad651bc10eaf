package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A sample is what one run took.
type sample struct {
	wall, cpu time.Duration
	memory    int64 // bytes that the largest of its processes had in memory at its peak
}

// measure runs a command to its end in dir, which is its home, too. What it
// says goes to a file there.
func measure(ctx context.Context, dir string, argv []string) (sample, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return sample{}, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = environment(dir)
	// A group of its own, as a tool may be many processes.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	begin := time.Now()
	err = cmd.Run()
	s := sample{wall: time.Since(begin)}
	if err != nil {
		return s, fmt.Errorf("%s: %w\n%s", argv[0], err, tail(log.Name()))
	}
	// Of the process and of all those that it has waited for.
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return s, errors.New("this system does not tell what a process has used")
	}
	s.memory = usage.Maxrss
	if runtime.GOOS == "linux" {
		s.memory <<= 10 // Linux counts in KiB, macOS in bytes
	}
	return s, nil
}

// environment keeps what tools remember and read to one directory.
func environment(dir string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8", "NO_COLOR=1",
		"XDG_CONFIG_HOME=" + dir + "/config", "XDG_DATA_HOME=" + dir + "/data", "XDG_CACHE_HOME=" + dir + "/cache",
		// skopeo remembers in /var where blobs are, unless it believes not to be root.
		"_CONTAINERS_ROOTLESS_UID=65534",
	}
}

// tail is the end of a file, to be shown with an error.
func tail(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return data[max(0, len(data)-2000):]
}

// quietly runs a command whose output nobody needs while all goes well.
func quietly(ctx context.Context, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// settle lets what was written before reach the disk, and has memory at hand
// for what comes next, so that the next run is slowed down by neither.
func (b *bench) settle(ctx context.Context) error {
	syscall.Sync()
	// In a process of its own: memory that this one had at its peak would be
	// taken for that of what it measures.
	return quietly(ctx, b.self, "touch")
}

// touch takes memory and gives it back. A virtual machine's host may have taken
// back what was free for a while: to get it again costs up to a second for a
// GiB, which would be told of whoever comes first.
func touch() error {
	const size = 2 << 30 // more than any run writes
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	for i := 0; i < len(memory); i += os.Getpagesize() {
		memory[i] = 1
	}
	return unix.Munmap(memory)
}

// samples are the runs of one tool in one situation.
type samples []sample

func (s samples) wall() time.Duration {
	return median(s, func(s sample) time.Duration { return s.wall })
}

func (s samples) cpu() time.Duration {
	return median(s, func(s sample) time.Duration { return s.cpu })
}

// memory is the highest peak.
func (s samples) memory() int64 {
	var most int64
	for _, one := range s {
		most = max(most, one.memory)
	}
	return most
}

// median gives the middle value, the mean of both for an even number, 0 for none.
func median(s samples, of func(sample) time.Duration) time.Duration {
	if len(s) == 0 {
		return 0
	}
	values := make([]time.Duration, len(s))
	for i, one := range s {
		values[i] = of(one)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
