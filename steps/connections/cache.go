package connections

import "path/filepath"

// labelsFile is where the labels of images are kept, by digest. It may be
// deleted at any time.
const labelsFile = "labels.json"

// LoadCache loads the labels that an earlier run has kept in dir. It is called after
// Open.
func (s *Set) LoadCache(dir string) error {
	return s.client.LoadLabels(filepath.Join(dir, labelsFile))
}

// SaveCache keeps the labels in dir. The labels of a digest cannot change.
func (s *Set) SaveCache(dir string) error {
	return s.client.SaveLabels(filepath.Join(dir, labelsFile))
}
