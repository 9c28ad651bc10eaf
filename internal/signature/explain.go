package signature

import (
	"errors"
	"fmt"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"

	"github.com/bayplan/bayplan/internal/fault"
)

// explain says what is wrong with a signature.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return fault.WithHint(errors.New("it is signed with none of the keys given"),
			"add the signer's key to the file under keyring, if you trust it")
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return errors.New("the key that it is signed with has expired")
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return errors.New("its signature has expired")
	}
	return fmt.Errorf("its signature is not good: %w", err)
}
