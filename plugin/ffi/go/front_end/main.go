// A front end of a few lines, under load: a goroutine for each connection, on whatever thread is free.
//
//	front_end CONFIG REGISTRARS COMMANDS
//
// Each registrar n, Client<n>, sends so many updates; the k-th is of c<n>-<k>.example and answered with the svTRID
// S-<n>-<k>.
package main

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"epptap"
)

const (
	epp    = "urn:ietf:params:xml:ns:epp-1.0"
	domain = "urn:ietf:params:xml:ns:domain-1.0"
)

// update is what a registrar sends.
func update(name string) []byte {
	return []byte(`<epp xmlns="` + epp + `"><command><update><d:update xmlns:d="` + domain + `"><d:name>` + name +
		`</d:name><d:add><d:ns><d:hostObj>ns1.hoster.example</d:hostObj></d:ns></d:add></d:update></update>` +
		`</command></epp>`)
}

// carryOut is the registry: every update is a success, after a while.
func carryOut(command []byte, svtrid string) []byte {
	runtime.Gosched()
	return []byte(`<epp xmlns="` + epp + `"><response><result code="1000"><msg>Done</msg></result><trID><svTRID>` +
		svtrid + `</svTRID></trID></response></epp>`)
}

// told logs what goes wrong with the tap: it is no matter of the registrar's.
func told(err error) {
	if err != nil {
		log.Print("epptap: ", err)
	}
}

// serve is one command, from its arrival to its response.
func serve(tap *epptap.Tap, registrar string, command []byte, svtrid string) []byte {
	ticket, err := tap.Begin(registrar, command)
	told(err)
	response := carryOut(command, svtrid)
	told(tap.End(ticket, response))
	return response
}

func session(tap *epptap.Tap, number, commands int) {
	for count := 0; count < commands; count++ {
		serve(tap, fmt.Sprintf("Client%d", number), update(fmt.Sprintf("c%d-%d.example", number, count)),
			fmt.Sprintf("S-%d-%d", number, count))
	}
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: front_end CONFIG REGISTRARS COMMANDS")
	}
	registrars, _ := strconv.Atoi(os.Args[2])
	commands, _ := strconv.Atoi(os.Args[3])
	tap, err := epptap.Open(os.Args[1])
	if err != nil {
		log.Fatal("front_end: ", err)
	}
	defer tap.Close(2 * time.Second)
	var sessions sync.WaitGroup
	for number := 0; number < registrars; number++ {
		sessions.Add(1)
		go func(number int) {
			defer sessions.Done()
			session(tap, number, commands)
		}(number)
	}
	sessions.Wait()
}
