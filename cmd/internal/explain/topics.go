package explain

// A topic is what explain describes besides the step types.
type topic struct {
	name  string
	title string // of its section in the reference
	keys  keys
	text  string // what the schema does not say
	parts []part // of the schema, with their settings
}

// keys are the keys of a file, as a terminal lists them. Pages have a table of what the schema
// says of each, and links in place of see. The zero keys are none.
type keys struct {
	intro string
	list  []word
	see   string // where more is said of them
}

// A part is a mapping of the plan whose settings a topic shows.
type part struct {
	title string
	path  []string // where its schema is, as keys of JSON
}

// description returns all that a terminal shows of a topic before its settings.
func (t topic) description() string {
	if t.keys.intro == "" {
		return t.text
	}
	return t.keys.intro + ":\n\n" + listWords(t.keys.list) + "\n" + t.keys.see + "\n\n" + t.text
}

// topics are all topics, in the order of a plan; json is described elsewhere.
var topics = [...]topic{
	{"plan", "The file", keys{"A plan is a YAML file with these keys", []word{
		{"apiVersion:", "bayplan/v1"},
		{"name:", "names the state, .bayplan/NAME beside the plan"},
		{"include:", "other files that belong to the plan"},
		{"vars:", "values to use in many places"},
		{"secrets:", "where secrets are read from"},
		{"connections:", "how servers are reached"},
		{"defaults:", "what holds for every step"},
		{"steps:", "what is to be done"},
	}, `bayplan explain NAME tells more of vars, secrets, connections, steps and
references.`}, `A relative path counts from the file in which it stands.

An included file has an apiVersion, no name, and any of include, vars,
secrets, connections and steps. It may use names that another file of the plan
defines, and a variable without a value is left to another file. A name that
two files define is a mistake. Lock and state are those of the plan.`, []part{
		{"defaults", []string{"properties", "defaults"}},
	}},
	{"vars", "Variables", keys{}, `Variables are under vars, and are used as ${vars.NAME} in the settings of
steps and connections. A variable is a text, a list of texts or a mapping of
texts:

  vars:
    centre: registry.example.com
    names: [one, two]
    sites: { edge1: "02:00", edge2: "03:30" }

A list or a mapping is used as a whole value, by a setting that takes one.
${vars.sites.edge1} is a text of a mapping. Each of these replaces the one
above it:

  vars:                 the value in the plan
  BAYPLAN_VAR_NAME      an environment variable, for a text
  --var-file FILE       a YAML file of names and values
  --var NAME=VALUE      on the command line, for a text

A file gives a value in the form that the plan declares. A variable that is
not defined is a mistake.`, nil},
	{"secrets", "Secrets", keys{}, `Secrets say where values are read from, and are used as ${secrets.NAME} under
connections only. Each is read at its first use, and is never printed or
recorded: [redacted] stands in its place. One of fewer than six characters is
masked as a whole word only. One of fewer than four, and a common word such as
stack, true or bayplan, is masked only with its user, and behind a name of a
secret, as in password=stack: choose a longer one.

A variable whose name says that it is a secret, such as registry_token, is
masked likewise if it comes from the environment, a file or the command line.`, []part{
		{"secrets.NAME", []string{"properties", "secrets", "additionalProperties"}},
	}},
	{"connections", "Connections", keys{}, `Connections say how servers are reached. A registry or host is found by the
host of an image or address, a cloud by its name. A server without a
connection is asked anonymously, over https. --connections FILE replaces the
connections of the plan and of the files that it includes, for example by
embedded ones.

In a host such as registry.*.example.com:5000 the * stands for exactly one
label, the part between two dots. A connection with the very host comes first,
then the pattern with the most literal characters. Where a step names a
registry by its connection, it may name a host instead.`, []part{
		{"connections.registries.NAME", []string{"$defs", "registry"}},
		{"connections.clouds.NAME", []string{"$defs", "cloud"}},
		{"connections.hosts.NAME", []string{"$defs", "host"}},
	}},
	{"steps", "Steps", keys{}, `A step has an id, which is its key under steps, and a type. It runs when the
steps that it needs, and those whose outputs it refers to, have succeeded.

With for_each, a step is repeated, each time for one key of a list or mapping:

  sites:
    type: mirror
    for_each: { edge1: "02:00", edge2: "03:30" }
    with: { images: list.txt, to: "registry.${each.key}.example.com" }
  check:
    type: verify-catalog
    for_each: ${steps.sites}
    needs: [sites]
    with: { expect: list.txt, registry: "registry.${each.key}.example.com" }

These are the steps sites["edge1"], sites["edge2"], check["edge1"] and
check["edge2"]. In check, which repeats the instances of sites, needs: [sites]
is the one with the same key. In other steps it is all of them. --only and
--skip take sites[edge1], and sites for all.

With when, a step runs only where an expression is true:

  when: vars.ceph == 'yes' and each.key != 'edge2'

It names variables without ${ }, and texts in quotes. What needs a step that
does not run waits for what that one would have waited for.`, []part{
		{"steps.ID", []string{"$defs", "step"}},
	}},
	{"references", "References", keys{}, `${vars.NAME}, ${secrets.NAME} and ${steps.ID.OUTPUT} stand for values. A
reference to an output makes its step run first. An output that is a list can
only be a whole value. ${steps.sites["edge1"].OUTPUT} is an output of one
instance of a repeated step. In another repeated step,
${steps.sites[each.key].OUTPUT} is that of the instance with the same key.
${each.key} and ${each.value} stand for the key of the instance and its text.
$${ stands for ${ itself. Inside of [ ] and { }, a reference needs quotes.`, nil},
	{"lock", "The lock file", keys{}, `The lock file is PLAN.lock.yaml beside the plan, or what --lock names. It
records what the tags of images stood for when they were looked up first, so
that all later runs mean the same images. Check it in with the plan.

  images:      HOST/NAME:TAG: DIGEST, a line each
  choices:     the tag that newest of tag-discover chose, a line each
  selections:  the images that from: of a list of images selected, a line each

bayplan apply adds what is missing. bayplan lock does so without changing
anything else, and chooses and selects anew; --update GLOB looks up again what
tags stand for. diff reports what has moved.
With --locked, what is not in the file is an error.`, nil},
}
