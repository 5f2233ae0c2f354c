// Says where restic's own chunker cuts: a line of JSON on the standard input is a case, a line on the standard output its answer.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/restic/chunker"
)

// question asks for the cuts of length bytes of a file under a polynomial (hexadecimal).
type question struct {
	Polynomial string
	Path       string
	Offset     int64
	Length     int64
}

type answer struct {
	Irreducible bool   `json:"irreducible"`
	Ends        []uint `json:"ends"`
}

func main() {
	questions := json.NewDecoder(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	buffer := make([]byte, chunker.MaxSize)
	for {
		var asked question
		err := questions.Decode(&asked)
		if err == io.EOF {
			return
		}
		if err == nil {
			err = answers.Encode(judge(asked, buffer))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func judge(asked question, buffer []byte) answer {
	bits, err := strconv.ParseUint(asked.Polynomial, 16, 64)
	check(err)
	polynomial := chunker.Pol(bits)
	judged := answer{Irreducible: polynomial.Irreducible(), Ends: []uint{}}
	if asked.Path == "" {
		return judged
	}
	file, err := os.Open(asked.Path)
	check(err)
	defer file.Close()
	chunks := chunker.New(io.NewSectionReader(file, asked.Offset, asked.Length), polynomial)
	for {
		chunk, err := chunks.Next(buffer)
		if err == io.EOF {
			return judged
		}
		check(err)
		judged.Ends = append(judged.Ends, chunk.Start+chunk.Length)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
