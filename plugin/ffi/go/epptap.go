// Package epptap shows a registry's EPP commands to epptap, a change tap, by cgo: one file to copy. It is linked with
// epptap.so as `pkg-config epptap` says (make install puts that there; PKG_CONFIG_PATH where it is not looked for).
//
//	tap, err := epptap.Open("/etc/epptap/epptap.yaml")
//	...
//	ticket, err := tap.Begin("ClientX", command) // before the command is carried out
//	err = tap.End(ticket, response)              // after it; or, in one: tap.Transaction("ClientX", command, response)
//	tap.Close(2 * time.Second)
//
// A registrar is "" where none is known. epptap.h is the manual of the calls.
//
// Ownership: frames are copied before a call returns. A Tap is closed by Close, a Stream likewise.
//
// Goroutines: all methods may be called from any goroutine, on whatever thread that runs by then. Close waits for calls
// that are under way; later ones return EINVAL. The tap keeps no thread-local state, and its threads are none of Go's.
//
// Fork: a Go program does not; each process has a tap of its own.
//
// Errors are of type *Error. One of Begin, End, Transaction and ServerChange is no reason to fail a command: what was lost
// is counted, and told in the feed. Log it and go on.
package epptap

/*
#cgo pkg-config: epptap
#include <epptap.h>
#include <stdlib.h>
*/
import "C"

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
	"unsafe"
)

// ABI is the version of the library's interface that this file is for.
const ABI = 1

// What a call can answer but for 0.
const (
	EINVAL   = C.EPPTAP_EINVAL
	ECONFIG  = C.EPPTAP_ECONFIG
	EFULL    = C.EPPTAP_EFULL
	EFORK    = C.EPPTAP_EFORK
	EBUSY    = C.EPPTAP_EBUSY
	ESTORE   = C.EPPTAP_ESTORE
	ENOMEM   = C.EPPTAP_ENOMEM
	ETIMEOUT = C.EPPTAP_ETIMEOUT
)

const (
	whySize   = 2048
	statsSize = 16384
)

// Error is what a call returns if it was not answered with 0.
type Error struct {
	Result int
	Words  string
}

func (e *Error) Error() string {
	return e.Words
}

// check makes an error of a result: with what stands in why, if anything does.
func check(result C.int, why []byte) error {
	if result == C.EPPTAP_OK {
		return nil
	}
	if len(why) > 0 && why[0] != 0 {
		return &Error{int(result), C.GoString((*C.char)(unsafe.Pointer(&why[0])))}
	}
	return &Error{int(result), C.GoString(C.epptap_strerror(result))}
}

// pointer is where C finds the bytes, as long as the call lasts.
func pointer(bytes []byte) unsafe.Pointer {
	if len(bytes) == 0 {
		return nil
	}
	return unsafe.Pointer(&bytes[0])
}

// login is a registrar as C wants it: closed by a NUL, or nil for "".
func login(registrar string) *C.char {
	if registrar == "" {
		return nil
	}
	return (*C.char)(pointer(append([]byte(registrar), 0)))
}

// Version is the library's version.
func Version() string {
	return C.GoString(C.epptap_version())
}

// Tap is epptap.so, opened with a configuration: one for a process and state_dir.
type Tap struct {
	closing sync.RWMutex // calls read, Close writes
	handle  *C.struct_epptap
}

// Open opens the tap that the configuration describes.
func Open(config string) (*Tap, error) {
	if abi := C.epptap_abi(); abi != ABI {
		return nil, &Error{EINVAL, fmt.Sprintf("epptap.so: its ABI is version %d; this file needs %d", abi, ABI)}
	}
	path := C.CString(config)
	defer C.free(unsafe.Pointer(path))
	why := make([]byte, whySize)
	var handle *C.struct_epptap
	result := C.epptap_open(path, &handle, (*C.char)(pointer(why)), whySize)
	if err := check(result, why); err != nil {
		return nil, err
	}
	return &Tap{handle: handle}, nil
}

// call calls with the handle, which stays good meanwhile.
func (t *Tap) call(function func(*C.struct_epptap) C.int) error {
	t.closing.RLock()
	defer t.closing.RUnlock()
	return check(function(t.handle), nil)
}

// Transaction shows a finished command with its response, before that goes out.
func (t *Tap) Transaction(registrar string, command, response []byte) error {
	return t.call(func(handle *C.struct_epptap) C.int {
		return C.epptap_transaction(handle, login(registrar), pointer(command), C.size_t(len(command)),
			pointer(response), C.size_t(len(response)))
	})
}

// Begin shows a command that is about to be carried out, and returns the ticket for End.
func (t *Tap) Begin(registrar string, command []byte) (uint64, error) {
	var ticket C.uint64_t
	err := t.call(func(handle *C.struct_epptap) C.int {
		return C.epptap_begin(handle, login(registrar), pointer(command), C.size_t(len(command)), &ticket)
	})
	return uint64(ticket), err
}

// End shows what came of it; no response: it was given up, and changed nothing.
func (t *Tap) End(ticket uint64, response []byte) error {
	return t.call(func(handle *C.struct_epptap) C.int {
		return C.epptap_end(handle, C.uint64_t(ticket), pointer(response), C.size_t(len(response)))
	})
}

// ServerChange shows a change that the registry itself made (RFC 8590).
func (t *Tap) ServerChange(frame []byte) error {
	return t.call(func(handle *C.struct_epptap) C.int {
		return C.epptap_server_change(handle, pointer(frame), C.size_t(len(frame)))
	})
}

// Flush waits until all that was accepted is on disk.
func (t *Tap) Flush(timeout time.Duration) error {
	return t.call(func(handle *C.struct_epptap) C.int {
		return C.epptap_flush(handle, C.uint(timeout.Milliseconds()))
	})
}

// Stats returns the counters, a JSON object.
func (t *Tap) Stats() (json.RawMessage, error) {
	for size := C.size_t(statsSize); ; {
		room := make([]byte, size)
		err := t.call(func(handle *C.struct_epptap) C.int {
			return C.epptap_stats(handle, (*C.char)(pointer(room)), &size)
		})
		if err == nil {
			return json.RawMessage(room[:size]), nil
		}
		if int(size) <= len(room) {
			return nil, err
		}
	}
}

// Reload reads the configuration again; if that is wrong, all stays as it was.
func (t *Tap) Reload() error {
	t.closing.RLock()
	defer t.closing.RUnlock()
	why := make([]byte, whySize)
	return check(C.epptap_reload(t.handle, (*C.char)(pointer(why)), whySize), why)
}

// Close makes durable, and publishes, what it can in that time. To close again is nothing.
func (t *Tap) Close(drain time.Duration) {
	t.closing.Lock()
	defer t.closing.Unlock()
	handle := t.handle
	t.handle = nil
	C.epptap_close(&handle, C.uint(drain.Milliseconds()))
}

// Stream is one EPP connection as raw bytes, from its first one on. Whatever a call returns, go on showing the bytes.
type Stream struct {
	handle *C.struct_epptap_stream
}

// NewStream makes a stream; registrar "": its <login> tells.
func (t *Tap) NewStream(registrar string) (*Stream, error) {
	var stream *C.struct_epptap_stream
	err := t.call(func(handle *C.struct_epptap) C.int {
		return C.epptap_stream_new(handle, login(registrar), &stream)
	})
	if err != nil {
		return nil, err
	}
	return &Stream{stream}, nil
}

// Client shows bytes from the registrar, before they are passed on.
func (s *Stream) Client(bytes []byte) error {
	return check(C.epptap_stream_client(s.handle, pointer(bytes), C.size_t(len(bytes))), nil)
}

// Server shows bytes to the registrar.
func (s *Stream) Server(bytes []byte) error {
	return check(C.epptap_stream_server(s.handle, pointer(bytes), C.size_t(len(bytes))), nil)
}

// Close says that the connection is closed; no other call on it may be under way. To close again is nothing.
func (s *Stream) Close() {
	handle := s.handle
	s.handle = nil
	C.epptap_stream_free(&handle)
}
