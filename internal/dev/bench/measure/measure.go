// Package measure runs programs and measures their time and memory.
package measure

import (
	"cmp"
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

// A Sample is the time and the memory of one run.
type Sample struct {
	Wall, CPU time.Duration
	Memory    int64 // peak of the largest process, in bytes
}

// Run runs a command in dir, which is also its home directory. The output
// goes to a file there.
func Run(ctx context.Context, dir string, argv []string) (Sample, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return Sample{}, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = environment(dir)
	// A process group of its own: a tool may have many processes.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	begin := time.Now()
	err = cmd.Run()
	s := Sample{Wall: time.Since(begin)}
	if err != nil {
		return s, fmt.Errorf("%s: %w\n%s", argv[0], err, tail(log.Name()))
	}
	// Includes all child processes that it has waited for.
	s.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return s, errors.New("this system does not report the resource usage of a process")
	}
	s.Memory = usage.Maxrss
	if runtime.GOOS == "linux" {
		s.Memory <<= 10 // Linux counts in KiB, macOS in bytes
	}
	return s, nil
}

// environment returns variables that confine the files of a tool to dir.
func environment(dir string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8", "NO_COLOR=1",
		"XDG_CONFIG_HOME=" + dir + "/config", "XDG_DATA_HOME=" + dir + "/data", "XDG_CACHE_HOME=" + dir + "/cache",
		// As root, skopeo would keep its cache of blob locations in /var.
		"_CONTAINERS_ROOTLESS_UID=65534",
	}
}

// tail returns the end of a file, to show with an error.
func tail(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return data[max(0, len(data)-2000):]
}

// Quiet runs a command and discards its standard output.
func Quiet(ctx context.Context, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// TouchMemory allocates memory, writes to it and frees it. The host of a virtual
// machine may have reclaimed free memory. To get it back takes up to a second a
// GiB, which would count for the next tool.
func TouchMemory() error {
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

// Samples are the runs of one tool in one situation.
type Samples []Sample

// WallTime gives the median of the times by the clock.
func (s Samples) WallTime() time.Duration {
	return Median(s, func(s Sample) time.Duration { return s.Wall })
}

// CPUTime gives the median of the times of the processors.
func (s Samples) CPUTime() time.Duration {
	return Median(s, func(s Sample) time.Duration { return s.CPU })
}

// WallRange gives the times of the fastest and the slowest run as text. A wide range
// means that other work disturbed the machine.
func (s Samples) WallRange() string {
	if len(s) == 0 {
		return "-"
	}
	slower := func(a, b Sample) int { return cmp.Compare(a.Wall, b.Wall) }
	return fmt.Sprintf("%.2f .. %.2f", slices.MinFunc(s, slower).Wall.Seconds(), slices.MaxFunc(s, slower).Wall.Seconds())
}

// PeakMemory gives the highest peak.
func (s Samples) PeakMemory() int64 {
	var most int64
	for _, one := range s {
		most = max(most, one.Memory)
	}
	return most
}

// Median returns the middle value, the mean of the two middle values for an even
// number, and 0 without Samples.
func Median(s Samples, of func(Sample) time.Duration) time.Duration {
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
