#!/bin/sh
# subscribe.sh - follows a channel of the feed by the files of its log: a line for each event that verifies
#
#     subscribe.sh https://feed.registry.example/public/ [INDEX]
#
# With curl, jq, perl and OpenSSL 3: no ZeroMQ, so it looks once a second, and needs no CURVE keys; where a log asks for a
# certificate, ~/.curlrc can name it. From INDEX on, or from now. What is refused, and what was missed, is said on stderr.
# README.md tells what this leaves out.
set -eu
url=${1:?usage: subscribe.sh URL [INDEX]}
url=${url%/}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

get() { curl -fsS --max-time 60 "$url/$1"; }
size() { get checkpoint | sed -n 2p; }

# Lines of JWS in. Out, of each: the key (- if anything is not as it must be), what is signed, the signature, what to print.
judge() {
	get jwks.json >"$work/jwks"
	# shellcheck disable=SC2016 # the variables are jq's
	jq -Rr --slurpfile jwks "$work/jwks" --arg registry "$(get feed.json | jq -r .registry)" '
		def base64: gsub("-"; "+") | gsub("_"; "/");
		def part: base64 | @base64d | fromjson;
		split(".") as $parts | try ((
			($parts[0] | part) as $header | ($parts[1] | part) as $claims |
			if ($parts | length) == 3 and ($header | keys) == ["alg", "kid", "typ"] and
				($header.alg == "EdDSA" or $header.alg == "Ed25519") and $header.typ == "secevent+jwt" and
				$claims.iss == $registry and ($claims | has("aud") | not)
			then first($jwks[0].keys[] | select(.kid == $header.kid and .crv == "Ed25519")) else error end |
			"\(.x | base64) \($parts[0]).\($parts[1]) \($parts[2] | base64) " + ($claims.events | to_entries[0] |
				"\($claims.sub_id.uri) \(.key) \(.value | tojson)" | gsub("[[:cntrl:]]"; "?"))
		) // "- - - -") catch "- - - -"'
}

verifies() { # KEY SIGNED SIGNATURE
	# The first 16 characters say that a key of Ed25519 follows.
	printf -- '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA%s=\n-----END PUBLIC KEY-----\n' "$1" >"$work/key"
	printf %s "$2" >"$work/signed"
	printf %s== "$3" | base64 -d >"$work/signature" 2>/dev/null &&
		openssl pkeyutl -verify -pubin -inkey "$work/key" -rawin -in "$work/signed" -sigfile "$work/signature" >/dev/null 2>&1
}

# Prints what stands in a bundle of 256 entries, each behind its length, from $next on. Number 1234067 is x001/x234/067.
print_bundle() { # NUMBER WIDTH
	path=tile/entries/$(printf %09d "$1" | sed 's|...|&/|g; s|^\(000/\)*\(...\)|\2|; s|/$||; s|\(...\)/|x\1/|g')
	get "$path" >"$work/bundle" 2>/dev/null || get "$path.p/$2" >"$work/bundle" || return 0
	perl -0777 -ne 'print tr/A-Za-z0-9_.-/?/cr, "\n" for unpack "(n/a)*", $_' "$work/bundle" |
		sed -n "$((next % 256 + 1)),$2p" | judge | while read -r key signed signature text; do
		if verifies "$key" "$signed" "$signature"; then echo "$next $text"; else echo "refused: $next" >&2; fi
		next=$((next + 1))
		echo "$next" >"$work/next"
	done
}

next=${2:-$(size)}
: "${next:?"$url has no checkpoint: is it the address of a channel?"}"
while sleep 1; do
	end=$(size)
	[ "${end:=$next}" -ge "$next" ] || { echo "jump from $next to 0: it is a new log" >&2; next=0; }
	while [ "$next" -lt "$end" ]; do
		number=$((next / 256)) upto=$((number * 256 + 256))
		[ "$upto" -le "$end" ] || upto=$end
		echo "$next" >"$work/next"
		print_bundle "$number" $((upto - number * 256))
		next=$(cat "$work/next")
		[ "$next" = "$upto" ] || echo "jump from $next to $upto: not in the log any more, or not to be had" >&2
		next=$upto
	done
done
