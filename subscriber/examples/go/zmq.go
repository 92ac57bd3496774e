// zmq.go - a SUB socket of libzmq (libzmq3-dev), by cgo: Debian 12 has no package of a binding. Who takes Go modules may have
// github.com/pebbe/zmq4 in its place.
package main

// #cgo pkg-config: libzmq
// #include <errno.h>
// #include <string.h>
// #include <zmq.h>
// static int set(void *s, int option, const char *text) { return zmq_setsockopt(s, option, text, strlen(text)); }
// static int receive(zmq_msg_t *m, void *s) { while (zmq_msg_recv(m, s, 0) < 0) if (errno != EINTR) return -1; return 0; }
import "C"

import (
	"log"
	"os"
	"strings"
	"unsafe"
)

type socket struct{ handle unsafe.Pointer }

func newSocket() socket {
	return socket{C.zmq_socket(C.zmq_ctx_new(), C.ZMQ_SUB)}
}

func (s socket) set(option C.int, text string) {
	if failed, why := C.set(s.handle, option, C.CString(text)); failed != 0 {
		log.Fatalf("libzmq does not take what it is given as option %d (a CURVE key is 40 characters): %v", option, why)
	}
}

// curve encrypts for a channel that asks for it: its key, and the files of one's own, the secret one first.
func (s socket) curve(server string, files []string) {
	if len(files) != 2 {
		log.Fatal("this channel is encrypted: give your CLIENT.key and CLIENT.pub behind its address")
	}
	s.set(C.ZMQ_CURVE_SERVERKEY, server)
	for i, option := range []C.int{C.ZMQ_CURVE_SECRETKEY, C.ZMQ_CURVE_PUBLICKEY} {
		text, err := os.ReadFile(files[i])
		if err != nil {
			log.Fatal(err)
		}
		s.set(option, strings.TrimSpace(string(text)))
	}
}

func (s socket) subscribe(address, prefix string) {
	s.set(C.ZMQ_SUBSCRIBE, prefix)
	if failed, why := C.zmq_connect(s.handle, C.CString(address)); failed != 0 {
		log.Fatalf("%s: %v", address, why)
	}
}

// receive waits for a message; its frames.
func (s socket) receive() (frames []string) {
	for more := true; more; {
		var frame C.zmq_msg_t
		C.zmq_msg_init(&frame)
		if failed, why := C.receive(&frame, s.handle); failed != 0 {
			log.Fatal("libzmq: ", why)
		}
		frames = append(frames, C.GoStringN((*C.char)(C.zmq_msg_data(&frame)), C.int(C.zmq_msg_size(&frame))))
		more = C.zmq_msg_more(&frame) != 0
		C.zmq_msg_close(&frame)
	}
	return frames
}
