package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// JSON says what is wrong with the text of a file that has to be JSON, and where: err is the
// error of encoding/json for it. Other errors keep their words.
func JSON(path string, text []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return fmt.Errorf("%s: it is not JSON: %w", position(path, text, syntax.Offset), syntax)
	case errors.As(err, &kind):
		where := ""
		if kind.Field != "" {
			where = fmt.Sprintf(" for %q", kind.Field[strings.LastIndexByte(kind.Field, '.')+1:])
		}
		return fmt.Errorf("%s: a value of the wrong type (%s)%s", position(path, text, kind.Offset), kind.Value, where)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// position gives FILE:LINE:COLUMN of the last of so many bytes.
func position(path string, text []byte, bytesRead int64) string {
	before := text[:max(0, min(bytesRead, int64(len(text)))-1)]
	line := bytes.Count(before, []byte("\n")) + 1
	return fmt.Sprintf("%s:%d:%d", path, line, len(before)-bytes.LastIndexByte(before, '\n'))
}
