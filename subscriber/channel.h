/* channel.h - feed.json: what a channel says of itself
 *
 * It comes with TLS's word, or a disk's, and nobody signs it: it says where things are and whom they are signed by, and
 * trust.h decides how far that is believed.
 * Owner: whoever read it. The texts lie within it.
 */
#ifndef SUBSCRIBER_CHANNEL_H
#define SUBSCRIBER_CHANNEL_H

#include "base/result.h"
#include "publisher/note.h"
#include "subscriber/fetch.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_FILE "feed.json"

enum {
	CHANNEL_FILE_MAX = 1 << 16,
	CHANNEL_KEYS_MAX = 16, /* verifier keys; more are refused */
};

struct channel {
	json_t *document;
	const char *registry; /* the iss of its events */
	const char *name, *origin, *jwks;
	const char *connect; /* the first one that is given; NULL: there is no live socket */
	const char *curve_server_key; /* NULL: a plain socket */
	struct verifier keys[CHANNEL_KEYS_MAX];
	size_t key_count;
	uint64_t minimum_index; /* entries before it may be gone */
	bool is_limited;        /* to zones or kinds: prev may name what is not in it */
	bool delays;            /* creates or deletes come later */
};

/* Reads feed.json. RESULT_OK: for channel_free(). RESULT_INVALID: it isn't to the letter, `why` says which member and
 * what would be right; or what fetch_get() answers, FETCH_ABSENT included. If not RESULT_OK, *channel is empty. */
MUST_USE int channel_read(struct fetch *fetch, struct channel *channel, char *why, size_t why_size);

/* Accepts an empty one. */
void channel_free(struct channel *channel);

#endif
