package yamlguard

// MaxBytes is the most that a file may hold. Readers stop there.
const MaxBytes = 1 << 20

// What a file may hold at most. The library has loops that take the square of
// their input's length, and it recurses as deep as the input nests; each of
// these bounds stands before one of them, and TestHostile measures what they
// let through. No file that a person writes comes near.
const (
	maxOpen   = 2000     // brackets open at once, with those in texts and comments: so the lexer need not see what is far too deep
	maxMarks  = 300_000  // characters that mean something in YAML; the lexer's memory
	maxRun    = 500      // of < in a row; the lexer counts them anew at each
	maxBlank  = 200      // empty lines in a row; the lexer takes them off a text one by one
	maxTabs   = 20 << 20 // characters that follow tabs on their lines; the lexer looks at all of them at each
	maxTokens = 100_000  // the parser's memory
	maxDepth  = 64       // of nesting; the parser's stack, and the length of paths
	maxKey    = 200      // characters; the parser joins keys into paths
	maxPaths  = 16 << 20 // bytes of all those paths together
	maxPairs  = 12 << 20 // pairs of keys in one mapping; the parser copies the later ones at each
	maxShifts = 64 << 20 // empty values times tokens; the parser moves all tokens at each
	maxNodes  = 100_000  // values, with what aliases repeat
)
