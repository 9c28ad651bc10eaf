package standin

import "encoding/binary"

// The layout of the disk image: each part has one cluster.
const (
	clusterBits = 12
	cluster     = 1 << clusterBits

	refTableAt = 1 * cluster
	refBlockAt = 2 * cluster
	l1At       = 3 * cluster
	l2At       = 4 * cluster
	dataAt     = 5 * cluster
	clusters   = 6

	// VirtualSize is the size of the disk of QCOW2, in bytes.
	VirtualSize = 16 << 20
)

// QCOW2 returns a disk image of version 3 with a header, tables and one cluster
// of data, as qemu documents the format.
func QCOW2() []byte { return namedQCOW2("overcloud-full") }

func namedQCOW2(name string) []byte {
	b := make([]byte, clusters*cluster)
	be := binary.BigEndian
	copy(b, "QFI\xfb")
	be.PutUint32(b[4:], 3)                   // version
	be.PutUint32(b[20:], clusterBits)        // of 4 KiB clusters
	be.PutUint64(b[24:], VirtualSize)        // size of the disk
	be.PutUint32(b[36:], VirtualSize/l1Span) // entries in the L1 table
	be.PutUint64(b[40:], l1At)               // its offset
	be.PutUint64(b[48:], refTableAt)         // offset of the refcount table
	be.PutUint32(b[56:], 1)                  // its number of clusters
	be.PutUint32(b[96:], refcountOrder)      // refcounts of 16 bits
	be.PutUint32(b[100:], headerLength)      // no extensions follow
	be.PutUint64(b[refTableAt:], refBlockAt) // one refcount block
	be.PutUint64(b[l1At:], l2At|onlyOnce)    // one L2 table, for the first 2 MiB
	be.PutUint64(b[l2At:], dataAt|onlyOnce)  // one cluster of data, the first
	for i := range clusters {
		be.PutUint16(b[refBlockAt+2*i:], 1) // each cluster is used once
	}
	copy(b[dataAt:], filler(name+".qcow2", cluster))
	copy(b[dataAt:], "stand-in for "+name+"\n")
	return b
}

const (
	l1Span        = cluster / 8 * cluster // bytes of disk for each L1 entry
	refcountOrder = 4
	headerLength  = 104
	onlyOnce      = 1 << 63 // the cluster's refcount is exactly one
)
