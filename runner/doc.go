// Package runner brings the world to what a plan says. It owns the contract
// that every kind of step meets (Step), finds what is wrong with a plan and
// orders its steps (Check, Graph), walks them (Runner), remembers what
// succeeded (Store) and tells of it while it happens (Event) and afterwards
// (Report).
//
// It knows no kind of step, and nothing of networks, clouds, registries or
// terminals.
//
// Read it in the order in which a run goes: step.go, check.go and graph.go,
// run.go, walk.go (what is ready), books.go (what is known), job.go (one
// step), decide.go, then state.go and journal.go.
package runner
