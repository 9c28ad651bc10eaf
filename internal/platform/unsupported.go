//go:build !linux && !darwin

package platform

// The compiler shows the sentence.
var _ int = "bayplan runs on Linux and macOS, and builds for no other system"
