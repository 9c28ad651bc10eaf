package schemagen

// frameJSON is the schema of a plan file without the parts that are generated
// from the types of steps and connections.
const frameJSON = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "bayplan plan file, version 1",
  "type": "object",
  "required": ["apiVersion", "name", "steps"],
  "additionalProperties": false,
  "properties": {
    "apiVersion": {"const": "bayplan/v1", "description": "The version of the plan language."},
    "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$", "description": "The plan's name. Its state is kept under .bayplan/NAME beside the plan."},
    "vars": {
      "type": "object",
      "description": "Texts to use as ${vars.NAME}; --var, --var-file and BAYPLAN_VAR_NAME replace them.",
      "propertyNames": {"$ref": "#/$defs/id"},
      "additionalProperties": {"type": "string"}
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
    "duration": {"type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$", "description": "Time that one attempt of a step may take, such as 30m. Without it there is no limit."},
    "retry": {"type": "integer", "minimum": 0, "maximum": 10, "description": "How often a step is tried again after its connection failed."},
    "step": {
      "type": "object",
      "required": ["type"],
      "additionalProperties": false,
      "properties": {
        "type": {"description": "The kind of step.", "enum": []},
        "with": {"type": "object", "description": "The step's configuration."},
        "needs": {"type": "array", "description": "Ids of steps that must have succeeded before this one starts.", "items": {"$ref": "#/$defs/id"}, "uniqueItems": true},
        "timeout": {"$ref": "#/$defs/duration"},
        "retry": {"$ref": "#/$defs/retry"}
      }
    }
  }
}`
