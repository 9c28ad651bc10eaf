package yamlguard

// MaxBytes is the largest size of a file. Readers stop after it.
const MaxBytes = 1 << 20

// Limits of a file. The library has loops whose time is the square of their
// input's length, and it recurses as deep as the input nests. Each limit
// protects one of these places, and TestLargeHostile measures inputs just within the
// limits. Files that people write stay far below.
const (
	maxOpen   = 2000     // open brackets, counting those in texts and comments; keeps input that nests far too deep from the lexer
	maxMarks  = 300_000  // characters with a meaning in YAML; limits the lexer's memory
	maxRun    = 500      // successive < characters; the lexer counts the run again at each of them
	maxBlank  = 200      // successive empty lines; the lexer removes them from a text one by one
	maxTabs   = 20 << 20 // characters that follow a tab on its line, over all tabs; the lexer reads them again at each tab
	maxTokens = 100_000  // tokens; limits the parser's memory
	maxDepth  = 64       // levels of nesting; limits the parser's stack and the length of paths
	maxKey    = 200      // bytes of a key; the parser joins keys into paths
	maxPaths  = 16 << 20 // bytes of all those paths together
	maxPairs  = 12 << 20 // pairs of keys of the mappings; the parser copies the following keys at each key
	maxShifts = 64 << 20 // empty values times tokens; the parser moves all tokens at each empty value
	maxNodes  = 100_000  // values, counting each alias as a copy
)
