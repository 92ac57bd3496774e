// subscribe.go - follows a channel of the feed: a line for each event that verifies
//
//	go run subscribe.go zmq.go https://feed.registry.example/public/ [CLIENT.key CLIENT.pub]
//
// With go-jose 2 (Debian's golang-gopkg-square-go-jose.v2-dev; its GOPATH is /usr/share/gocode) and zmq.go. The files are
// one's own CURVE keys, for a channel that asks for them. What is refused, and what was missed, is said on stderr.
// ../README.md tells what this leaves out.
package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"gopkg.in/square/go-jose.v2"
	"gopkg.in/square/go-jose.v2/jwt"
)

type event struct {
	jwt.Claims
	About struct {
		URI string `json:"uri"`
	} `json:"sub_id"`
	Events map[string]json.RawMessage `json:"events"`
}

func get(url string, into interface{}) error {
	answer, err := http.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(url + ": " + answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// verify returns the claims of an event, or an error if anything of it is not as it must be.
func verify(jws, issuer, jwks string, keys *jose.JSONWebKeySet) (told event, err error) {
	token, err := jwt.ParseSigned(jws)
	if err != nil {
		return told, err
	}
	var header map[string]string
	text, _ := base64.RawURLEncoding.DecodeString(strings.SplitN(jws, ".", 2)[0])
	err = json.Unmarshal(text, &header)
	if err != nil || len(header) != 3 || header["alg"] != "EdDSA" || header["typ"] != "secevent+jwt" {
		return told, errors.New("its header is not that of a security event")
	}
	if len(keys.Key(header["kid"])) == 0 { // a new one?
		if err = get(jwks, keys); err != nil {
			return told, err
		}
	}
	if err = token.Claims(keys, &told); err != nil {
		return told, err
	}
	if len(told.Audience) != 0 || len(told.Events) != 1 {
		return told, errors.New("it is for somebody else, or not one event")
	}
	return told, told.Validate(jwt.Expected{Issuer: issuer, Time: time.Now()})
}

func main() {
	var feed struct {
		Registry, Jwks string
		Connect        []string
		ServerKey      string `json:"curve_server_key"`
	}
	if len(os.Args) < 2 {
		log.Fatal("usage: subscribe URL [CLIENT.key CLIENT.pub]")
	}
	url := strings.TrimRight(os.Args[1], "/") + "/"
	if err := get(url+"feed.json", &feed); err != nil {
		log.Fatal(err)
	}
	socket := newSocket()
	if feed.ServerKey != "" {
		socket.curve(feed.ServerKey, os.Args[2:])
	}
	socket.subscribe(feed.Connect[0], "") // all; or the labels reversed: "example.bank." is bank.example with its hosts
	keys, last, jti := new(jose.JSONWebKeySet), -1, ""
	for {
		frames := socket.receive()
		if frames[0] == "~checkpoint" {
			continue
		}
		if len(frames) != 3 || strings.Trim(frames[1], "0123456789") != "" {
			log.Print("refused: it has no index, or no event")
			continue
		}
		told, err := verify(frames[2], feed.Registry, url+feed.Jwks, keys)
		index, bad := strconv.Atoi(frames[1])
		if err != nil || bad != nil {
			log.Print("refused: ", err, bad)
			continue
		}
		if told.ID == jti { // a host that gets a new name is sent under both
			continue
		}
		if last >= 0 && index != last+1 {
			log.Printf("jump from %d to %d: read the log, %stile/entries/", last, index, url)
		}
		last, jti = index, told.ID
		for name, value := range told.Events {
			fmt.Println(index, told.About.URI, name, string(value))
			if name == "urn:epptap:key" { // what was added, retired or revoked
				keys.Keys = nil
			}
		}
	}
}
