package connections

import "path/filepath"

// labelsFile is where the labels of images are kept, by digest. It may be
// deleted at any time.
const labelsFile = "labels.json"

// uploadsDir is where the uploads under way are kept. It may be deleted at any time.
const uploadsDir = "uploads"

// spoolDir is where blobs lie that several destinations or steps want.
const spoolDir = "spool"

// KeepSpool lets a run that copies keep such blobs in dir, and removes those that a
// killed run has left there. It is called after Open.
func (s *Set) KeepSpool(dir string) { s.client.KeepSpool(filepath.Join(dir, spoolDir)) }

// LoadCache loads the labels that an earlier run has kept in dir, and lets pushes go on
// with uploads that a killed run has left. It is called after Open.
func (s *Set) LoadCache(dir string) error {
	s.client.KeepUploads(filepath.Join(dir, uploadsDir))
	return s.client.LoadLabels(filepath.Join(dir, labelsFile))
}

// SaveCache keeps the labels in dir. The labels of a digest cannot change.
func (s *Set) SaveCache(dir string) error {
	return s.client.SaveLabels(filepath.Join(dir, labelsFile))
}
