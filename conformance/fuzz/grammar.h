/* grammar.h - frames as registries of the field have them, made from a fuzzer's bytes, with canaries where persons and
 * secrets stand
 *
 * Each byte is a choice: which verb, which object, which pieces in which order, what stands between them. Any piece may
 * come out in any place, so most frames are right and some are odd. What is a name, host, handle, id, date or the login of
 * a transfer's side never holds a canary: nobody could tell it from one. Pure, but for the buffers.
 */
#ifndef CONFORMANCE_FUZZ_GRAMMAR_H
#define CONFORMANCE_FUZZ_GRAMMAR_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that are not used up; when none is left each choice is the first, and the plainest. */
struct choices {
	const uint8_t *bytes;
	size_t size;
};

/* One of `count`. */
unsigned choose(struct choices *choices, unsigned count);

/* What stands in secret places. GUARDED: no name, id, login, hex or base64 can hold it whole, so that it must not come out
 * even of a frame whose bytes were changed afterwards. PLAIN: it could be a name, a handle, a key or a login. */
enum canaries { CANARIES_GUARDED, CANARIES_PLAIN };

/* Appends a command; a response. */
void grammar_command(struct choices *choices, enum canaries canaries, struct buffer *into);
void grammar_response(struct choices *choices, enum canaries canaries, struct buffer *into);

/* Is a canary of this kind, or what hex or base64 would make of it, in these bytes? In letters of any case. */
bool grammar_canary_in(const void *bytes, size_t size, enum canaries canaries);

#endif
