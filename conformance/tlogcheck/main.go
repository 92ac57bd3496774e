// tlogcheck reads a channel's log with the code of Go's checksum database, which shares nothing with epptap's.
//
//	tlogcheck [-every N] LOG_DIR [OLDER_CHECKPOINT]...
//
// It takes the keys from feed.json, and verifies the checkpoint's note with each of them; every hash of every tile
// against the checkpoint's root; every entry that is not pruned against the tiles, and by a proof of inclusion (with
// -every, of each N-th one); every file below tile/, partial ones too; and that each of the older checkpoints, files in
// their order, is the beginning of the next and of the log. Prints what it found and ends with 0; or the first fault,
// and ends with 1.
//
// golang.org/x/mod/sumdb knows notes, tiles of another layout (their height is in the path, and entries lie elsewhere) and
// Ed25519 signatures; names, bundles and cosignatures are read here, by the C2SP specifications.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

// The part of feed.json that is needed here.
type feed struct {
	Origin       string   `json:"origin"`
	VerifierKeys []string `json:"verifier_keys"`
	MinimumIndex int64    `json:"minimum_index"`
}

// A cosigner's key, cosignature/v1: what it signs is a text of its own with the time.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }
func (c *cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(c.key, []byte(signed), sig[8:])
}

func newVerifier(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("verifier key %q is none", vkey)
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize {
		return nil, fmt.Errorf("verifier key %q is no Ed25519 key", vkey)
	}
	if raw[0] != 4 {
		return note.NewVerifier(vkey)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
	hash := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return nil, fmt.Errorf("verifier key %q has another key's id", vkey)
	}
	return &cosigner{parts[0], hash, ed25519.PublicKey(raw[1:])}, nil
}

// A checkpoint's three lines, to the letter: what is written again from what was read must be the same.
func parseCheckpoint(text, origin string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != origin {
		return tlog.Tree{}, fmt.Errorf("checkpoint %q is not of %s", text, origin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	if text != fmt.Sprintf("%s\n%d\n%s\n", origin, size, hash) {
		return tlog.Tree{}, fmt.Errorf("checkpoint %q is not to the letter", text)
	}
	return tlog.Tree{N: size, Hash: hash}, nil
}

// Opens a checkpoint. With `all`, each of the keys must have signed it; else one.
func openCheckpoint(name string, f *feed, all bool) (tlog.Tree, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return tlog.Tree{}, err
	}
	var verifiers []note.Verifier
	for _, vkey := range f.VerifierKeys {
		verifier, err := newVerifier(vkey)
		if err != nil {
			return tlog.Tree{}, err
		}
		verifiers = append(verifiers, verifier)
	}
	n, err := note.Open(data, note.VerifierList(verifiers...))
	if err != nil {
		return tlog.Tree{}, err
	}
	if all && (len(n.Sigs) != len(verifiers) || len(n.UnverifiedSigs) > 0) {
		return tlog.Tree{}, fmt.Errorf("%d of %d keys signed, and %d unknown ones", len(n.Sigs), len(verifiers), len(n.UnverifiedSigs))
	}
	return parseCheckpoint(n.Text, f.Origin)
}

// C2SP's name of a tile: Go's has the height in it, and entries at level "data".
func pathOf(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", height))
	if t.L == -1 {
		return "tile/entries/" + strings.TrimPrefix(path, "data/")
	}
	return "tile/" + path
}

func parsePath(path string) (tlog.Tile, error) {
	rest := strings.TrimPrefix(path, "tile/")
	if strings.HasPrefix(rest, "entries/") {
		rest = "data/" + strings.TrimPrefix(rest, "entries/")
	}
	t, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", height, rest))
	if err == nil && pathOf(t) != path {
		err = fmt.Errorf("%s is no name of a tile", path)
	}
	return t, err
}

// The folder's tiles. A partial one may be replaced by the full one.
type folder struct {
	dir   string
	cache map[tlog.Tile][]byte
}

func (f *folder) Height() int                     { return height }
func (f *folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f *folder) file(t tlog.Tile) ([]byte, error) {
	return os.ReadFile(filepath.Join(f.dir, pathOf(t)))
}

func (f *folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, known := f.cache[t]
		if !known {
			var err error
			data, err = f.file(t)
			if errors.Is(err, fs.ErrNotExist) && t.W < width {
				full := t
				full.W = width
				data, err = f.file(full)
			}
			if err != nil {
				return nil, err
			}
			if len(data) != t.W*tlog.HashSize && len(data) != width*tlog.HashSize {
				return nil, fmt.Errorf("%s has %d bytes", pathOf(t), len(data))
			}
			data = data[:t.W*tlog.HashSize]
			if len(f.cache) > 4096 {
				f.cache = map[tlog.Tile][]byte{}
			}
			f.cache[t] = data
		}
		all = append(all, data)
	}
	return all, nil
}

// The hashes of a tile, read through the reader that holds them against the root.
func hashesOf(r tlog.HashReader, level int, first int64, count int) ([]byte, error) {
	var indexes []int64
	for i := int64(0); i < int64(count); i++ {
		indexes = append(indexes, tlog.StoredHashIndex(level*height, first+i))
	}
	hashes, err := r.ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, hash := range hashes {
		all = append(all, hash[:]...)
	}
	return all, nil
}

func splitBundle(data []byte) ([][]byte, error) {
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("an entry is cut off")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:end])
		data = data[end:]
	}
	return entries, nil
}

type checker struct {
	folder  *folder
	feed    *feed
	tree    tlog.Tree
	reader  tlog.HashReader
	every   int64
	tiles   map[string][]byte // of hashes, by the full one's path, as far as the tree has them
	bundles map[string]string // by the full one's path, the file that was found good
	entries int64
	proofs  int64
}

// Each tile of each level.
func (c *checker) checkTiles() error {
	for level, size := 0, c.tree.N; size > 0; level, size = level+1, size/width {
		for tile := int64(0); tile*width < size; tile++ {
			count := width
			if size-tile*width < width {
				count = int(size - tile*width)
			}
			hashes, err := hashesOf(c.reader, level, tile*width, count)
			if err != nil {
				return fmt.Errorf("tile %d of level %d: %v", tile, level, err)
			}
			c.tiles[pathOf(tlog.Tile{H: height, L: level, N: tile, W: width})] = hashes
		}
	}
	return nil
}

func (c *checker) checkEntry(index int64, entry, leaf []byte) error {
	hash := tlog.RecordHash(entry)
	if !bytes.Equal(hash[:], leaf) {
		return fmt.Errorf("entry %d is not the one that was hashed", index)
	}
	c.entries++
	if index%c.every != 0 {
		return nil
	}
	proof, err := tlog.ProveRecord(c.tree.N, index, c.reader)
	if err == nil {
		err = tlog.CheckRecord(proof, c.tree.N, c.tree.Hash, index, hash)
	}
	c.proofs++
	return err
}

// Each bundle that is not pruned, or is there all the same.
func (c *checker) checkBundles() error {
	for first := int64(0); first < c.tree.N; first += width {
		t := tlog.Tile{H: height, L: -1, N: first / width, W: width}
		if c.tree.N-first < width {
			t.W = int(c.tree.N - first)
		}
		leaves := c.tiles[pathOf(tlog.Tile{H: height, L: 0, N: t.N, W: width})]
		data, err := c.folder.file(t)
		if errors.Is(err, fs.ErrNotExist) && t.W < width {
			t.W = width
			data, err = c.folder.file(t)
		}
		if errors.Is(err, fs.ErrNotExist) && first+width <= c.feed.MinimumIndex {
			continue
		}
		if err != nil {
			return err
		}
		entries, err := splitBundle(data)
		if err != nil || len(entries) != t.W {
			return fmt.Errorf("%s: %d entries: %v", pathOf(t), len(entries), err)
		}
		for i := 0; i < len(leaves)/tlog.HashSize; i++ {
			if err := c.checkEntry(first+int64(i), entries[i], leaves[i*tlog.HashSize:(i+1)*tlog.HashSize]); err != nil {
				return fmt.Errorf("%s: %v", pathOf(t), err)
			}
		}
		full := t
		full.W = width
		c.bundles[pathOf(full)] = pathOf(t)
	}
	return nil
}

// Each file there is: a partial one is the beginning of a wider one. What is ahead of the checkpoint is not signed yet.
func (c *checker) checkFiles() (int, error) {
	count := 0
	err := filepath.WalkDir(filepath.Join(c.folder.dir, "tile"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".new") {
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			return err
		}
		name, err := filepath.Rel(c.folder.dir, path)
		if err != nil {
			return err
		}
		t, err := parsePath(name)
		if err != nil {
			return err
		}
		level := t.L
		if level < 0 {
			level = 0
		}
		if t.N*width+int64(t.W) > c.tree.N>>(height*level) {
			return nil
		}
		data, err := c.folder.file(t)
		if err != nil {
			return err
		}
		full := t
		full.W = width
		count++
		wanted := c.tiles[pathOf(full)]
		if t.L < 0 && name != c.bundles[pathOf(full)] {
			if wanted, err = os.ReadFile(filepath.Join(c.folder.dir, c.bundles[pathOf(full)])); err != nil {
				return err
			}
		}
		if !bytes.HasPrefix(wanted, data) && !(t.L < 0 && name == c.bundles[pathOf(full)]) {
			return fmt.Errorf("%s is not what the log has there", name)
		}
		if t.L >= 0 && len(data) != t.W*tlog.HashSize {
			return fmt.Errorf("%s has %d bytes", name, len(data))
		}
		if entries, err := splitBundle(data); t.L < 0 && (err != nil || len(entries) != t.W) {
			return fmt.Errorf("%s has %d entries", name, len(entries))
		}
		return nil
	})
	return count, err
}

func (c *checker) checkGrowth(names []string) error {
	before := tlog.Tree{}
	for i, name := range append(names, "") {
		tree, err := c.tree, error(nil)
		if i < len(names) {
			tree, err = openCheckpoint(name, c.feed, false)
		}
		if err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
		if tree.N < before.N || tree.N == before.N && tree.N > 0 && tree.Hash != before.Hash {
			return fmt.Errorf("%s goes back, or tells another history", name)
		}
		if before.N > 0 && before.N < tree.N {
			proof, err := tlog.ProveTree(tree.N, before.N, c.reader)
			if err == nil {
				err = tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash)
			}
			if err != nil {
				return fmt.Errorf("%s is no beginning of %d entries: %v", name, tree.N, err)
			}
		}
		before = tree
	}
	return nil
}

func run(dir string, every int64, older []string) error {
	var f feed
	data, err := os.ReadFile(filepath.Join(dir, "feed.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return err
	}
	tree, err := openCheckpoint(filepath.Join(dir, "checkpoint"), &f, true)
	if err != nil {
		return fmt.Errorf("checkpoint: %v", err)
	}
	tiles := &folder{dir, map[tlog.Tile][]byte{}}
	c := &checker{folder: tiles, feed: &f, tree: tree, reader: tlog.TileHashReader(tree, tiles), every: every,
		tiles: map[string][]byte{}, bundles: map[string]string{}}
	if tree.N == 0 && tree.Hash != sha256.Sum256(nil) {
		return errors.New("the root of an empty log is another")
	}
	if f.MinimumIndex > tree.N {
		return fmt.Errorf("minimum_index %d is beyond %d entries", f.MinimumIndex, tree.N)
	}
	if err := c.checkTiles(); err != nil {
		return err
	}
	if err := c.checkBundles(); err != nil {
		return err
	}
	files, err := c.checkFiles()
	if err != nil {
		return err
	}
	if err := c.checkGrowth(older); err != nil {
		return err
	}
	fmt.Printf("good: %d in the log, %d entries, %d proofs of inclusion, %d files, %d older checkpoints\n",
		tree.N, c.entries, c.proofs, files, len(older))
	return nil
}

func main() {
	every := flag.Int64("every", 1, "prove the inclusion of each N-th entry")
	flag.Parse()
	if flag.NArg() < 1 || *every < 1 {
		fmt.Fprintln(os.Stderr, "usage: tlogcheck [-every N] LOG_DIR [OLDER_CHECKPOINT]...")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *every, flag.Args()[1:]); err != nil {
		fmt.Println("FAULT:", err)
		os.Exit(1)
	}
}
