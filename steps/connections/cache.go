package connections

import "path/filepath"

// labelsFile is where the labels of images are kept, by digest. It may be
// deleted at any time.
const labelsFile = "labels.json"

// LoadCache lets what is asked of the outside world begin with what an earlier
// run has kept in dir. It is called after Open.
func (s *Set) LoadCache(dir string) error {
	return s.client.LoadLabels(filepath.Join(dir, labelsFile))
}

// SaveCache keeps in dir what was learned of the outside world and cannot change.
func (s *Set) SaveCache(dir string) error {
	return s.client.SaveLabels(filepath.Join(dir, labelsFile))
}
