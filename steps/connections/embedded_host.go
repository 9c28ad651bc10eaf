package connections

import (
	"fmt"
	"net/http"
)

// serveDir serves the files of a directory, each with an ETag. The time that is sent
// beside it has whole seconds, so it cannot distinguish two versions of one second.
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

// tagOf gives the ETag of a file, or "" for anything that is not a regular file.
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
