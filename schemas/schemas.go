// Package schemas holds the JSON Schema of plan files for editors and for
// bayplan itself. The schema is generated from the Go types and checked in.
package schemas

import _ "embed"

//go:generate go run ../internal/dev/schemagen/write plan.v1.schema.json

// PlanV1 is the JSON Schema (draft 2020-12) of a plan of apiVersion bayplan/v1.
//
//go:embed plan.v1.schema.json
var PlanV1 []byte
