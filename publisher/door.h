/* door.h - who may connect: CURVE keys against a folder, by ZAP (ZeroMQ RFC 27)
 *
 * A channel with CURVE asks the door about each client's key; a client whose key is not in the channel's folder gets
 * nothing. The door is a socket that libzmq asks within the process; it has no port.
 * Keys are read when the door is opened. A client that does not speak CURVE, or has another server's key, is turned
 * away by libzmq before it asks here: what libzmq tells of that, callers.h adds to the counts.
 * Owner: the publisher's thread, which polls door_socket() and calls door_answer().
 */
#ifndef PUBLISHER_DOOR_H
#define PUBLISHER_DOOR_H

#include "base/buffer.h"
#include "base/config.h"
#include "base/result.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { DOOR_KEY_TEXT = 40, DOOR_KEY_SIZE = 32 }; /* a CURVE key as z85, and raw */

struct door;

/* What became of a client. All but the first are refusals: it got no byte of an event. */
enum door_verdict {
	DOOR_ADMITTED,
	DOOR_UNKNOWN_KEY, /* its key is not in the channel's folder */
	DOOR_WRONG_KEY, /* it has another server's key, or not the secret of the key that it names */
	DOOR_MECHANISM, /* it speaks NULL or PLAIN where CURVE is spoken, or the other way round */
	DOOR_MALFORMED, /* it does not speak ZMTP, or speaks it wrongly; its message was too large */
	DOOR_TIMEOUT,   /* it did not end its handshake in time */
	DOOR_LEFT, /* it went away before that; as libzmq's clients do that hear of another mechanism */
	DOOR_VERDICTS
};

/* Clients by what became of them; how many are connected now; how often all of a channel were cut off since there were
 * as many as it may have. */
struct door_counts {
	_Atomic uint64_t by[DOOR_VERDICTS];
	_Atomic uint64_t connected, cut_off;
};

/* Opens the door in the libzmq context `zmq`, before any channel's socket is bound, and reads the clients' keys.
 * RESULT_OK, RESULT_CONFIG (a folder or key that can't be read: `why` says which), RESULT_NOMEM. */
MUST_USE int door_open(void *zmq, const struct config *config, struct door **door, char *why,
		       size_t why_size);

/* Closes the socket; before the context ends. */
void door_close(struct door **door);

void *door_socket(const struct door *door);

/* How many clients' keys channel number `channel` of the config lists; 0 too if it has no folder. */
size_t door_guest_count(const struct door *door, size_t channel);

/* Answers what libzmq asks now; never waits. */
void door_answer(struct door *door);

/* From now on it counts in `counts`, which is lent. */
void door_count_in(struct door *door, struct door_counts *counts);

/* Where it counts: others may add what they see. */
struct door_counts *door_counts(const struct door *door);

/* Appends the member "door": its counts. Any thread. */
void door_write_counts(struct door_counts *counts, struct buffer *json);

/* Reads a CURVE key file: one line of z85. A secret one must be its owner's alone. RESULT_CONFIG: `why` says what is
 * wrong with it; RESULT_NOMEM. The caller wipes a secret. */
MUST_USE int door_read_key(const char *path, bool secret, char text[DOOR_KEY_TEXT + 1], char *why,
			   size_t why_size);

#endif
