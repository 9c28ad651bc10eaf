// Package platform makes a build for an unsupported operating system fail with a
// sentence. Code that calls the operating system imports it through
// internal/durable. It holds no code for a particular system: such code lies
// beside its caller, in files such as x_linux.go.
package platform
