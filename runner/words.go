package runner

// FormatVersion is the version of all JSON that bayplan gives to programs: documents,
// lines of a stream, and the events that a state keeps. Names are added without a new
// version; none is changed or removed.
const FormatVersion = 1

// Words returns all modes.
func (Mode) Words() []string {
	return words(ModeDiff, ModeApply, ModeVerify, ModeLookUp)
}

// Words returns all statuses.
func (Status) Words() []string {
	return words(ToCreate, ToChange, Waiting, CheckAfter, Changed, Unchanged, Adopted, Verified, LookedUp, NotAsked, Failed, Skipped, Interrupted, Running)
}

// Words returns all kinds of events.
func (EventKind) Words() []string {
	return words(RunBegin, StepBegin, StepChange, ItemDone, Ticked, Retrying, Debug, StepEnd, RunEnd)
}

// Words returns all kinds of entries.
func (EntryKind) Words() []string {
	return words(EntryStarted, EntryDone, EntryFailed, EntryRefuted)
}

// Words returns all operations.
func (Op) Words() []string { return words(Create, Update, Replace, Remove) }

// Words returns all kinds of things.
func (Thing) Words() []string {
	return words(Directory, RegularFile, Image, Tag, Blobs, Package, Contents, Leftover)
}

// Words returns all reasons to wait.
func (EdgeKind) Words() []string { return words(Need, Reference) }

func words[W ~string](all ...W) []string {
	texts := make([]string, len(all))
	for i, w := range all {
		texts[i] = string(w)
	}
	return texts
}
