package signature

import (
	"errors"
	"fmt"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"

	"github.com/bayplan/bayplan/internal/fault"
)

// explain turns an error of the OpenPGP library into one for people.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return fault.WithHint(errors.New("it is not signed by any of the given keys"),
			"add the signer's key to the file under keyring, if you trust it")
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return errors.New("the key of its signature has expired")
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return errors.New("the key of its signature has been revoked")
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return errors.New("its signature has expired")
	}
	return fault.WithHint(fmt.Errorf("its signature is not valid: %w", err), fault.Hint(err))
}
