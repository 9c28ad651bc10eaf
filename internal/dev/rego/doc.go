// Package rego tries the rules of docs/guides/ci.md, which are written in Rego, on what bayplan
// prints. It is a module of its own, so that bayplan does not depend on their interpreter.
package rego
