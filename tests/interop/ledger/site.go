// Reads a node's ledger over HTTP as a client of golang.org/x/mod/sumdb would: the checkpoint under
// the log's key, every tile through tlog's authenticating reader, every record's proof.
//
// Usage: site ADDRESS VERIFIER-KEY
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
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

func fetch(address, path string) []byte {
	response, err := http.Get(address + "/" + path)
	must(err, path)
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		fail("%s: %s", path, response.Status)
	}
	body, err := io.ReadAll(response.Body)
	must(err, path)
	return body
}

// The site, whose paths leave out the height that package tlog writes: it is always 8.
type site struct{ address string }

func (s site) Height() int { return 8 }
func (s site) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		all = append(all, fetch(s.address, "tile/"+strings.TrimPrefix(tile.Path(), "tile/8/")))
	}
	return all, nil
}
func (s site) SaveTiles([]tlog.Tile, [][]byte) {}

func main() {
	key, err := note.NewVerifier(os.Args[2])
	must(err, "key")
	address := os.Args[1] + "/" + key.Name()
	opened, err := note.Open(fetch(address, "checkpoint"), note.VerifierList(key))
	must(err, "checkpoint")
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != key.Name() {
		fail("another log: %s", lines[0])
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, "size")
	root, err := tlog.ParseHash(lines[2])
	must(err, "root")
	tree := tlog.Tree{N: size, Hash: root}
	reader := tlog.TileHashReader(tree, site{address})
	for index := int64(0); index < size; index++ {
		leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		must(err, "leaf")
		proof, err := tlog.ProveRecord(size, index, reader)
		must(err, "proof")
		must(tlog.CheckRecord(proof, size, root, index, leaf[0]), "record")
	}
	fmt.Printf("%d records of %s verify\n", size, key.Name())
}
