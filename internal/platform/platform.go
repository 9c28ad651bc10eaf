// Package platform lets a build fail with a sentence where bayplan does not
// run. Whatever calls the operating system imports it by way of
// internal/durable. It holds no code for one system or the other: that lies
// beside its use, in files such as x_linux.go.
package platform
