package main

import (
	"debug/elf"
	"testing"
)

// The program does not need the C library of its host: it names no interpreter
// and no shared library.
func TestStatic(t *testing.T) {
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("there is a segment %v", p.Type)
		}
	}
	if needed, err := f.ImportedLibraries(); err != nil || len(needed) > 0 {
		t.Errorf("it needs %v, %v", needed, err)
	}
}
