package connections

import (
	"fmt"
	"net/http"
)

// serveDir serves the files of a directory with an ETag each. The age that is
// sent beside it has whole seconds: two versions of one second would pass for one.
func serveDir(dir string) http.Handler {
	root := http.Dir(dir)
	files := http.FileServer(root)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tag := tagOf(root, r.URL.Path); tag != "" {
			w.Header().Set("ETag", tag)
		}
		files.ServeHTTP(w, r)
	})
}

// tagOf gives the ETag of a file, "" for what is none.
func tagOf(root http.FileSystem, name string) string {
	f, err := root.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		return ""
	}
	return fmt.Sprintf(`"%x-%x"`, fi.ModTime().UnixNano(), fi.Size())
}
