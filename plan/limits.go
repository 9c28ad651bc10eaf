package plan

// What a plan may be at most. The YAML library has loops that take the square
// of their input's length, and it recurses as deep as the input nests; each of
// these bounds stands before one of them. No plan that a person writes, or
// that a program has reason to, comes near.
const (
	maxBytes  = 1 << 20
	maxDepth  = 64       // of nesting; the parser's stack
	maxTokens = 100_000  // the lexer's and the parser's memory
	maxNodes  = 100_000  // with what aliases repeat
	maxKey    = 200      // characters; the parser joins keys into paths
	maxPaths  = 16 << 20 // bytes of all those paths together
	maxTags   = 1000     // tags, anchors and aliases; the parser recurses over them
	maxSame   = 500      // of one character in a row; the lexer counts < anew at each
	maxBlank  = 200      // empty lines in a row; the lexer takes them off a text one by one
	maxHeader = 10       // characters of | or > with what belongs to them
	maxTabs   = 20 << 20 // characters that follow tabs on their lines; the lexer looks at all of them at each
	maxMarks  = 300_000  // characters that mean something in YAML
	maxPairs  = 12 << 20 // pairs of keys in one mapping; the parser copies the later ones at each
	maxShifts = 64 << 20 // empty values times tokens; the parser moves all tokens at each
)
