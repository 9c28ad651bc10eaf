package schemagen

// frameJSON is the schema of a plan file without the parts that are generated
// from the types of steps and connections.
const frameJSON = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "bayplan plan file, version 1",
  "type": "object",
  "required": ["apiVersion"],
  "additionalProperties": false,
  "properties": {
    "apiVersion": {"const": "bayplan/v1", "description": "The version of the plan language."},
    "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$", "description": "The plan's name. Its state is kept under .bayplan/NAME beside the plan. Only a file that other plans include has none."},
    "include": {"type": "array", "description": "Files whose vars, secrets, connections and steps belong to the plan, too. Relative paths in them count from there.", "items": {"type": "string", "minLength": 1}, "uniqueItems": true},
    "vars": {
      "type": "object",
      "description": "Texts, lists of texts and mappings of texts, to use as ${vars.NAME}, of a mapping also ${vars.NAME.KEY}; --var, --var-file and BAYPLAN_VAR_NAME replace them. In a file that is included, one without a value is left to the plan.",
      "propertyNames": {"$ref": "#/$defs/id"},
      "additionalProperties": {"anyOf": [{"$ref": "#/$defs/text"}, {"type": "null"}]}
    },
    "secrets": {
      "type": "object",
      "description": "Where secrets are read from, at first use. They are used as ${secrets.NAME}, under connections only.",
      "propertyNames": {"$ref": "#/$defs/id"},
      "additionalProperties": {
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {
          "env": {"type": "string", "description": "Environment variable that holds the secret."},
          "file": {"type": "string", "description": "File that holds the secret, readable by its owner alone."}
        }
      }
    },
    "connections": {
      "type": "object",
      "description": "The outside world, by name. --connections FILE replaces all of it. If FILE has an embedded connection, no server that it does not name is asked, unless it says others: allow.",
      "additionalProperties": false,
      "properties": {
        "registries": {"type": "object", "description": "Container registries.", "propertyNames": {"$ref": "#/$defs/name"}, "additionalProperties": {"$ref": "#/$defs/registry"}},
        "clouds": {"type": "object", "description": "OpenStack clouds.", "propertyNames": {"$ref": "#/$defs/name"}, "additionalProperties": {"$ref": "#/$defs/cloud"}},
        "hosts": {"type": "object", "description": "Web servers that files are fetched from, where they need more than their address.", "propertyNames": {"$ref": "#/$defs/name"}, "additionalProperties": {"$ref": "#/$defs/host"}}
      }
    },
    "defaults": {
      "type": "object",
      "description": "What holds for every step that does not say otherwise.",
      "additionalProperties": false,
      "properties": {
        "timeout": {"$ref": "#/$defs/duration"},
        "retry": {"$ref": "#/$defs/retry"},
        "spool": {
          "description": "Most room that blobs take in the state directory while several destinations or steps want them: a number with KiB, MiB, GiB, kB, MB or GB, or 0 for none. They are there so that each is read from its source once.",
          "anyOf": [{"type": "string", "pattern": "^(0|[0-9]+ *(KiB|MiB|GiB|kB|MB|GB))$"}, {"type": "integer", "const": 0}],
          "default": "10GiB"
        }
      }
    },
    "steps": {
      "type": "object",
      "description": "The steps, by id. They run beside each other where references and needs leave them free to.",
      "minProperties": 1,
      "propertyNames": {"$ref": "#/$defs/id"},
      "additionalProperties": {"$ref": "#/$defs/step"}
    }
  },
  "$defs": {
    "id": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
    "name": {"type": "string", "pattern": "^[a-z][a-z0-9_-]*$"},
    "text": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "object", "additionalProperties": {"type": "string"}}]},
    "key": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"},
    "duration": {"type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$", "description": "Time that one attempt of a step may take, such as 30m. Without it there is no limit."},
    "retry": {"type": "integer", "minimum": 0, "maximum": 10, "description": "How often a step is tried again after its connection failed."},
    "step": {
      "type": "object",
      "required": ["type"],
      "additionalProperties": false,
      "properties": {
        "type": {"description": "The kind of step.", "enum": []},
        "for_each": {
          "description": "Repeats the step for each text of a list, or each key of a mapping: one that is written here, a variable, or ${steps.ID} for the keys of another repeated step. The instance of edge1 is named ID[\"edge1\"]; ${each.key} and ${each.value} stand in its with, site and when.",
          "anyOf": [
            {"type": "array", "items": {"type": "string", "pattern": "^([A-Za-z0-9][A-Za-z0-9._-]*|.*\\$\\{vars\\..*)$"}, "uniqueItems": true},
            {"type": "object", "propertyNames": {"$ref": "#/$defs/key"}, "additionalProperties": {"type": "string"}},
            {"type": "string", "pattern": "^\\$\\{(vars\\.[a-z][a-z0-9_]*|steps\\.[a-z][a-z0-9_]*)\\}$"}
          ]
        },
        "when": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "boolean"}], "description": "Expression over vars, and each of a repeated step, without ${ }: the step runs only where it is true, as in vars.ceph == 'yes'. It is evaluated when the plan is read. Comparisons, and, or, not, in, matches, contains, startsWith and endsWith."},
        "site": {"type": "string", "description": "A site, at whose host bayplan-temporal runs the step. bayplan itself has no workers: there this has no effect, and each step runs here."},
        "with": {"type": "object", "description": "The step's configuration."},
        "needs": {"type": "array", "description": "Ids of steps that must have succeeded before this one starts.", "items": {"$ref": "#/$defs/id"}, "uniqueItems": true},
        "timeout": {"$ref": "#/$defs/duration"},
        "retry": {"$ref": "#/$defs/retry"}
      }
    }
  }
}`
