//go:build !linux && !darwin

package platform

// The compiler prints this sentence as a type error.
var _ int = "bayplan runs on Linux and macOS, and builds for no other system"
