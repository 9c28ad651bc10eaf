package trees

import (
	"errors"
	"os"
	"strings"

	"github.com/bayplan/bayplan/internal/pieces"
)

// Carry copies a file, a directory or an archive. An archive in pieces, or with a signature, is
// several files.
func Carry(from, to string) error {
	files := []string{from}
	if table, _, row, err := pieces.Files(from); err == nil && table != nil {
		files = append(row.Paths, pieces.TablePath(from))
		if _, err := os.Stat(pieces.SignaturePath(from)); err == nil {
			files = append(files, pieces.SignaturePath(from))
		}
	}
	for _, file := range files {
		if err := Copy(file, to+strings.TrimPrefix(file, from), "", 0); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes what Carry copies.
func Remove(path string) error {
	if table, _, _, err := pieces.Files(path); err == nil && table != nil {
		return errors.Join(pieces.DropTable(path), pieces.Remove(path))
	}
	return os.RemoveAll(path)
}
