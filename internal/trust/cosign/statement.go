package cosign

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// What a bundle signs when it signs an image.
const (
	typeStatement = "application/vnd.in-toto+json"
	signPredicate = "https://sigstore.dev/cosign/sign/v1"
)

// checkStatement gives an error unless a signed payload is cosign's statement that an
// image with this digest is signed. Statements of other kinds, such as where an image was
// built, are no signatures.
func checkStatement(e *Envelope, digest string) error {
	if e.Type != typeStatement {
		return fmt.Errorf("it signs a payload of the type %q, not %q", e.Type, typeStatement)
	}
	var s struct {
		Type          string `json:"_type"`
		PredicateType string `json:"predicateType"`
		Subject       []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	switch err := json.Unmarshal(e.Payload, &s); {
	case err != nil || !strings.HasPrefix(s.Type, "https://in-toto.io/Statement/"):
		return errors.New("it signs no statement that can be read")
	case s.PredicateType != signPredicate:
		return fmt.Errorf("it is an attestation of the type %q, which is not judged", s.PredicateType)
	case len(s.Subject) == 0:
		return errors.New("its statement is about nothing")
	}
	algorithm, sum, _ := strings.Cut(digest, ":")
	var others []string
	for _, about := range s.Subject {
		if about.Digest[algorithm] == sum {
			return nil
		}
		others = append(others, algorithm+":"+about.Digest[algorithm])
	}
	return fmt.Errorf("it is for another image, %s", strings.Join(others, ", "))
}
