// Package runner brings the world to what a plan says. It defines the contract
// that every type of step keeps (Step), checks a plan and orders its steps
// (Check, Graph), runs them (Runner), records what succeeded (Store), and
// reports it while it happens (Event) and afterwards (Report).
//
// The package knows no type of step, and nothing about networks, clouds,
// registries or terminals.
//
// Read the files in the order of a run: step.go, check.go and graph.go, run.go,
// walk.go (which step is ready), runstate.go (what the run knows), job.go (one
// step), then state.go, memory.go and journal.go.
package runner
