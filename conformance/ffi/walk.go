// What the Go binding does; test_ffi.py says what it prints, as all walks do.
//
//	walk EPPTAP.SO GUEST.SO FOLDER           each call once
//	walk EPPTAP.SO GUEST.SO FOLDER leave     opens, and ends without a close
package main

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

static const char *changes(void *guest)
{
	const char *(*call)(void) = dlsym(guest, "guest_changes");

	return call();
}

static int forked(void *guest, const char *library, void *tap)
{
	int (*call)(const char *library, void *tap) = dlsym(guest, "guest_forked");

	return call(library, tap);
}
*/
import "C"

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"time"
	"unsafe"

	"epptap"
)

var folder string

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func read(name string) []byte {
	content, err := os.ReadFile(filepath.Join(folder, name))
	must(err)
	return content
}

func refused(word string, err error) {
	var said *epptap.Error
	if errors.As(err, &said) {
		fmt.Println(word, said.Result, said)
	} else {
		fmt.Println(word, "not refused")
	}
}

func openRefused(word, name string) {
	_, err := epptap.Open(filepath.Join(folder, name))
	refused(word, err)
}

func open() *epptap.Tap {
	tap, err := epptap.Open(filepath.Join(folder, "epptap.yaml"))
	must(err)
	return tap
}

func main() {
	runtime.LockOSThread() // what guest.c looks at is partly a thread's own
	library := C.CString(os.Args[1])
	name := C.CString(os.Args[2])
	guest := C.dlopen(name, C.RTLD_NOW)
	folder = os.Args[3]
	changes := func() string { return C.GoString(C.changes(guest)) }

	if len(os.Args) > 4 {
		open()
		return
	}

	changes()
	openRefused("open", "bad.yaml")
	tap := open()
	fmt.Println("version", epptap.Version())
	openRefused("again", "epptap.yaml")

	must(tap.Transaction("ClientX", read("1.command"), read("1.response")))
	must(tap.Transaction("", read("2.command"), read("2.response")))
	ticket, err := tap.Begin("ClientY", read("3.command"))
	must(err)
	must(tap.End(ticket, read("3.response")))
	refused("ended", tap.End(ticket, read("3.response")))
	ticket, err = tap.Begin("ClientY", read("4.command"))
	must(err)
	must(tap.Flush(2 * time.Second))
	must(tap.End(ticket, nil))
	must(tap.ServerChange(read("server")))
	refused("empty", tap.Transaction("ClientX", nil, nil))
	stream, err := tap.NewStream("")
	must(err)
	must(stream.Server(read("server-greeting")))
	for client := read("client"); len(client) > 0; {
		size := 100
		if size > len(client) {
			size = len(client)
		}
		must(stream.Client(client[:size]))
		client = client[size:]
	}
	must(stream.Server(read("server-responses")))
	stream.Close()
	refused("stream", stream.Client([]byte("x")))

	must(tap.Flush(2 * time.Second))
	text, err := tap.Stats()
	must(err)
	var stats struct {
		Changes int
		Intents struct {
			GivenUp int `json:"given_up"`
		}
		Streams struct{ Open int }
	}
	must(json.Unmarshal(text, &stats))
	fmt.Println("changes", stats.Changes, "given up", stats.Intents.GivenUp, "streams", stats.Streams.Open)
	must(tap.Reload())
	must(os.WriteFile(filepath.Join(folder, "epptap.yaml"), read("bad.yaml"), 0o600))
	refused("reload", tap.Reload())
	must(os.WriteFile(filepath.Join(folder, "epptap.yaml"), read("good.yaml"), 0o600))
	fmt.Println("guest", changes())

	// the handle is no business of users'
	handle := unsafe.Pointer(reflect.ValueOf(tap).Elem().FieldByName("handle").Pointer())
	forked := C.forked(guest, library, handle)
	fmt.Println("forked", forked)
	fmt.Println("child 0")

	tap.Close(2 * time.Second)
	refused("closed", tap.Transaction("ClientX", read("1.command"), read("1.response")))
	fmt.Println("guest", changes())
}
