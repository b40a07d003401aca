// Checks, with golang.org/x/mod/sumdb/note and tlog, what ledger_program wrote: notes, every tile,
// every entry's inclusion, consistency of every two checkpoints, proof files. The signature types
// that package does not know (ECDSA, witnesses' cosignatures) are verified with Go's own
// cryptography, from docs/ledger.md.
package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func read(parts ...string) []byte {
	data, err := os.ReadFile(filepath.Join(parts...))
	must(err, "reading")
	return data
}

// A key of a type that package note does not know.
type otherKey struct {
	name   string
	hash   uint32
	verify func(text, signature []byte) bool
}

func (k *otherKey) Name() string                 { return k.name }
func (k *otherKey) KeyHash() uint32              { return k.hash }
func (k *otherKey) Verify(text, sig []byte) bool { return k.verify(text, sig) }

func parseKey(text string) (string, byte, []byte) {
	parts := strings.SplitN(strings.TrimSpace(text), "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	must(err, "verifier key")
	return parts[0], key[0], key[1:]
}

func ecdsaKey(text string) note.Verifier {
	name, kind, der := parseKey(text)
	public, err := x509.ParsePKIXPublicKey(der)
	must(err, "ECDSA key")
	if kind != 2 {
		fail("the ECDSA key has type %d", kind)
	}
	hash := sha256.Sum256(der)
	return &otherKey{name, binary.BigEndian.Uint32(hash[:4]), func(text, sig []byte) bool {
		digest := sha256.Sum256(text)
		return ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), digest[:], sig)
	}}
}

func witnessKey(text string) note.Verifier {
	name, kind, key := parseKey(text)
	if kind != 4 || len(key) != ed25519.PublicKeySize {
		fail("the witness's key has type %d and %d bytes", kind, len(key))
	}
	hash := sha256.Sum256(append([]byte(name+"\n\x04"), key...))
	return &otherKey{name, binary.BigEndian.Uint32(hash[:4]), func(text, sig []byte) bool {
		if len(sig) != 8+ed25519.SignatureSize {
			return false
		}
		seconds := binary.BigEndian.Uint64(sig)
		signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", seconds, text)
		return ed25519.Verify(key, []byte(signed), sig[8:])
	}}
}

// The tree's hashes as Go computes them from the entries.
type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(h)) {
			return nil, fmt.Errorf("hash %d is not there", index)
		}
		found[i] = h[index]
	}
	return found, nil
}

// Our files for Go's tile client. Its paths are tile/8/<L>/<N>, ours leave the height out.
type tiles struct{ folder string }

func ourPath(t tlog.Tile) string { return "tile/" + strings.TrimPrefix(t.Path(), "tile/8/") }

func (t tiles) Height() int { return 8 }
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(filepath.Join(t.folder, ourPath(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func readEntries(folder string, size int64) [][]byte {
	var entries [][]byte
	for bundle := int64(0); int64(len(entries)) < size; bundle++ {
		width := size - bundle*256
		if width > 256 {
			width = 256
		}
		tile := tlog.Tile{H: 8, L: 0, N: bundle, W: int(width)}
		path := "tile/entries/" + strings.TrimPrefix(tile.Path(), "tile/8/0/")
		data := read(folder, path)
		for i := int64(0); i < width; i++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				fail("%s is cut short", path)
			}
			length := int(binary.BigEndian.Uint16(data))
			entries = append(entries, data[2:2+length])
			data = data[2+length:]
		}
		if len(data) != 0 {
			fail("%s has more than its entries", path)
		}
	}
	return entries
}

type proof struct {
	first, second int64
	hashes        []tlog.Hash
}

func readProofs(path string) []proof {
	file, err := os.Open(path)
	must(err, "proofs")
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<20)
	var all []proof
	for {
		var head struct {
			First, Second uint64
			Count         uint16
		}
		err := binary.Read(in, binary.BigEndian, &head)
		if err == io.EOF {
			return all
		}
		must(err, path)
		p := proof{int64(head.First), int64(head.Second), make([]tlog.Hash, head.Count)}
		for i := range p.hashes {
			_, err := io.ReadFull(in, p.hashes[i][:])
			must(err, path)
		}
		all = append(all, p)
	}
}

// A range's root, by the walk of docs/ledger.md, "Range proof".
func rangeRoot(a, b, first, end int64, leaves []tlog.Hash, proof *[]tlog.Hash) tlog.Hash {
	if b-a == 1 && a >= first && b <= end {
		return leaves[a-first]
	}
	half := int64(1)
	for half*2 < b-a {
		half *= 2
	}
	s := a + half
	var left, right tlog.Hash
	next := func() tlog.Hash {
		if len(*proof) == 0 {
			fail("a range proof is too short")
		}
		hash := (*proof)[0]
		*proof = (*proof)[1:]
		return hash
	}
	if first < s {
		left = rangeRoot(a, s, first, end, leaves, proof)
	}
	if end > s {
		right = rangeRoot(s, b, first, end, leaves, proof)
	}
	if first >= s {
		left = next()
	}
	if end <= s {
		right = next()
	}
	return tlog.NodeHash(left, right)
}

// What a log's exported folder holds, verified under its key: the checkpoint, the whole tree from
// the entries, each of them through our tiles.
func checkExported(folder, key string) (string, [][]byte, tlog.Hash) {
	verifier, err := note.NewVerifier(key)
	must(err, "verifier key")
	opened, err := note.Open(read(folder, "checkpoint"), note.VerifierList(verifier))
	must(err, folder)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, folder)
	root, err := tlog.ParseHash(lines[2])
	must(err, folder)
	entries := readEntries(folder, size)
	client := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles{folder})
	for i, entry := range entries {
		proof, err := tlog.ProveRecord(size, int64(i), client)
		must(err, folder)
		must(tlog.CheckRecord(proof, size, root, int64(i), tlog.RecordHash(entry)),
			fmt.Sprintf("%s: inclusion of %d", folder, i))
	}
	return lines[0], entries, root
}

// The fields of an entry "log closed" or "log opened" (docs/protocol.md, "Ledger entry").
type fields struct{ rest []byte }

func (f *fields) take(count int) []byte {
	if len(f.rest) < count {
		fail("an entry is cut short")
	}
	taken := f.rest[:count]
	f.rest = f.rest[count:]
	return taken
}
func (f *fields) short() string { return string(f.take(int(f.take(1)[0]))) }
func (f *fields) number() int64 { return int64(binary.BigEndian.Uint64(f.take(8))) }

func kind(entry []byte, wanted byte) *fields {
	f := &fields{entry}
	if head := f.take(6); head[1] != wanted {
		fail("an entry has kind %d instead of %d", head[1], wanted)
	}
	return f
}

// A log that ended with its year says which follows; that one says what it came to. Both are under
// one key, each under its own name.
func checkYears(folder string) {
	keys := make([]string, 2)
	for i, year := range []string{"2027", "2028"} {
		keys[i] = strings.TrimSpace(string(read(folder, "key-"+year)))
	}
	_, _, one := parseKey(keys[0])
	_, _, other := parseKey(keys[1])
	if !bytes.Equal(one, other) {
		fail("the logs of two years have two keys")
	}
	ended, entries, root := checkExported(filepath.Join(folder, "2027"), keys[0])
	next, nextEntries, _ := checkExported(filepath.Join(folder, "2028"), keys[1])
	closed := kind(entries[len(entries)-1], 8)
	if closed.short() != ended || closed.number() != int64(len(entries)) || closed.short() != next ||
		len(closed.rest) != 0 {
		fail("%s does not end as its last entry says", ended)
	}
	opened := kind(nextEntries[0], 9)
	if opened.short() != next || opened.short() != ended ||
		opened.number() != int64(len(entries)) || !bytes.Equal(opened.take(32), root[:]) ||
		len(opened.rest) != 0 {
		fail("%s does not go on from %s", next, ended)
	}
	fmt.Printf("%s ended with %d entries, %s goes on from it with %d\n", ended, len(entries), next,
		len(nextEntries))
}

func main() {
	folder := os.Args[1]
	if len(os.Args) == 3 && os.Args[2] == "years" {
		checkYears(folder)
		return
	}
	log := filepath.Join(folder, "log")
	ed25519Key := strings.TrimSpace(string(read(folder, "key")))
	verifier, err := note.NewVerifier(ed25519Key)
	must(err, "verifier key")
	known := note.VerifierList(verifier)
	allKeys := note.VerifierList(verifier, ecdsaKey(string(read(folder, "key-ecdsa"))),
		witnessKey(string(read(folder, "key-witness"))))

	// Notes: under the key that package note knows alone, and under all three.
	roots := map[int64]tlog.Hash{}
	var last int64
	names, err := filepath.Glob(filepath.Join(folder, "checkpoints", "*"))
	must(err, "checkpoints")
	for _, name := range names {
		signed := read(name)
		opened, err := note.Open(signed, known)
		must(err, name)
		if len(opened.Sigs) != 1 || len(opened.UnverifiedSigs) != 2 {
			fail("%s: %d signatures, %d unknown", name, len(opened.Sigs), len(opened.UnverifiedSigs))
		}
		all, err := note.Open(signed, allKeys)
		must(err, name)
		if len(all.Sigs) != 3 {
			fail("%s: %d of three signatures verify", name, len(all.Sigs))
		}
		lines := strings.Split(opened.Text, "\n")
		if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
			fail("%s is no checkpoint", name)
		}
		size, err := strconv.ParseInt(lines[1], 10, 64)
		must(err, name)
		root, err := tlog.ParseHash(lines[2])
		must(err, name)
		roots[size] = root
		if size > last {
			last = size
		}
		forged := bytes.Replace(signed, []byte("\n"+lines[1]+"\n"), []byte("\n1\n"), 1)
		if _, err := note.Open(forged, known); size != 1 && err == nil {
			fail("%s opens with another size", name)
		}
	}
	if !bytes.Equal(read(log, "checkpoint"), read(folder, "checkpoints", strconv.FormatInt(last, 10))) {
		fail("the published checkpoint is not the last")
	}

	// The whole tree from the entries, and its root at every size.
	entries := readEntries(log, last)
	var stored hashes
	sizes := make([]tlog.Hash, last+1)
	for i, entry := range entries {
		more, err := tlog.StoredHashes(int64(i), entry, stored)
		must(err, "hashing")
		stored = append(stored, more...)
		sizes[i+1], err = tlog.TreeHash(int64(i+1), stored)
		must(err, "tree hash")
	}
	for size, root := range roots {
		if sizes[size] != root {
			fail("the checkpoint of %d entries has another root than its entries", size)
		}
	}

	// Every tile of every published size.
	checkedTiles := 0
	for size := range roots {
		for _, tile := range tlog.NewTiles(8, 0, size) {
			// NewTiles lists every narrower tile as well; we publish those of each checkpoint's size.
			width := size>>(8*uint(tile.L)) - tile.N<<8
			if tile.W < 256 && int64(tile.W) != width || tile.W == 256 && size != last {
				continue
			}
			ours := read(log, ourPath(tile))
			theirs, err := tlog.ReadTileData(tile, stored)
			must(err, tile.Path())
			if !bytes.Equal(ours, theirs) {
				fail("%s is not what its entries give", tile.Path())
			}
			checkedTiles++
		}
	}
	// Go's own client of tiles, which trusts nothing but the root.
	client := tlog.TileHashReader(tlog.Tree{N: last, Hash: roots[last]}, tiles{log})

	inclusion := readProofs(filepath.Join(folder, "inclusion"))
	if int64(len(inclusion)) != last {
		fail("%d inclusion proofs for %d entries", len(inclusion), last)
	}
	for i, p := range inclusion {
		must(tlog.CheckRecord(p.hashes, p.second, roots[last], p.first, tlog.RecordHash(entries[i])),
			fmt.Sprintf("inclusion of %d", i))
		if i%97 == 0 {
			theirs, err := tlog.ProveRecord(last, p.first, client)
			must(err, "proving from our tiles")
			if len(theirs) != len(p.hashes) {
				fail("the proof of entry %d is not Go's", i)
			}
		}
	}
	recent := readProofs(filepath.Join(folder, "recent"))
	for _, p := range recent {
		must(tlog.CheckRecord(p.hashes, p.second, sizes[p.second], p.first,
			tlog.RecordHash(entries[p.first])), fmt.Sprintf("recent %d of %d", p.first, p.second))
	}
	consistency := append(readProofs(filepath.Join(folder, "consistency")),
		readProofs(filepath.Join(folder, "grown"))...)
	for _, p := range consistency {
		must(tlog.CheckTree(p.hashes, p.second, sizes[p.second], p.first, sizes[p.first]),
			fmt.Sprintf("consistency of %d and %d", p.first, p.second))
	}

	ranges := readProofs(filepath.Join(folder, "ranges"))
	for _, p := range ranges {
		var leaves []tlog.Hash
		for _, entry := range entries[p.first : p.first+p.second] {
			leaves = append(leaves, tlog.RecordHash(entry))
		}
		rest := p.hashes
		root := rangeRoot(0, last, p.first, p.first+p.second, leaves, &rest)
		if root != roots[last] || len(rest) != 0 {
			fail("the range of %d entries from %d does not verify", p.second, p.first)
		}
	}

	// Proof files.
	files, err := filepath.Glob(filepath.Join(folder, "proofs", "*"))
	must(err, "proof files")
	for _, name := range files {
		parts := strings.SplitN(string(read(name)), "\n\n", 2)
		lines := strings.Split(parts[0], "\n")
		if lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
			fail("%s is no proof file", name)
		}
		index, err := strconv.ParseInt(lines[1][6:], 10, 64)
		must(err, name)
		var path tlog.RecordProof
		for _, line := range lines[2:] {
			hash, err := tlog.ParseHash(line)
			must(err, name)
			path = append(path, hash)
		}
		opened, err := note.Open([]byte(parts[1]), known)
		must(err, name)
		root, err := tlog.ParseHash(strings.Split(opened.Text, "\n")[2])
		must(err, name)
		must(tlog.CheckRecord(path, last, root, index, tlog.RecordHash(entries[index])), name)
	}

	// A note of Go's for our reader.
	secret, public, err := note.GenerateKey(rand.Reader, "go.example/log")
	must(err, "key")
	signer, err := note.NewSigner(secret)
	must(err, "signer")
	text := fmt.Sprintf("go.example/log\n%d\n%s\n", last, roots[last])
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err, "signing")
	must(os.WriteFile(filepath.Join(folder, "go-note"), signed, 0o644), "writing")
	must(os.WriteFile(filepath.Join(folder, "go-key"), []byte(public), 0o644), "writing")
	root := roots[last]
	fmt.Printf("%d entries, %d checkpoints, %d tiles, %d inclusion, %d consistency, %d range proofs, root %s\n",
		last, len(roots), checkedTiles, len(inclusion)+len(recent), len(consistency), len(ranges),
		hex.EncodeToString(root[:4]))
}
