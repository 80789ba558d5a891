// kstatus tells what Flux, Helm and others that use kstatus make of objects: it reads JSON documents
// from standard input and prints one line for each, its status and message with a tab between.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	for {
		var document json.RawMessage
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var object unstructured.Unstructured
		// Its own decoder: kstatus reads whole numbers, not those of encoding/json.
		if err := object.UnmarshalJSON(document); err != nil {
			return err
		}
		result, err := status.Compute(&object)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\t%s\n", result.Status, result.Message)
	}
}
