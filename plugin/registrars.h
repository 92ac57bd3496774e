/* registrars.h - who holds how much of what all share, and what was lost of whom
 *
 * A table of fixed size, in which each login has a place of its own from its first call on; NULL is a login like any
 * other, the empty one. Those that find no place share one that has no name. The registry itself, which may tell of its
 * own changes, has another: it is no registrar.
 *
 * Threads: registrars_find(), _login(), _hold(), _release() and _lose() any, without waiting; the others the capture
 * thread's alone. What a call changes shows in all others at once; sums are exact, times are those of some call among them.
 */
#ifndef PLUGIN_REGISTRARS_H
#define PLUGIN_REGISTRARS_H

#include "base/result.h"
#include "plugin/counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REGISTRARS_LOGIN_SIZE = 66 }; /* a login is cut to 65 bytes, which no token can be */

enum { REGISTRARS_REGISTRY = 4097 }; /* the registry's place, which registrars_find() never gives */

struct registrars;

/* RESULT_OK or RESULT_NOMEM. */
MUST_USE int registrars_new(struct registrars **registrars);
void registrars_free(struct registrars **registrars);

/* The place of a login, which may be NULL; from now on it is one that this tap has seen. */
unsigned registrars_find(struct registrars *registrars, const char *login);

/* The login of a place, as far as it is kept. Empty: it has none, or it is being written by a first call for it that has
 * not returned. */
const char *registrars_login(const struct registrars *registrars, unsigned who);

/* What all registrars share. */
enum shared {
	SHARED_QUEUE,   /* in bytes */
	SHARED_TICKETS, /* in tickets */
	SHARED_STREAMS, /* the memory of all streams, in bytes */
	SHARED_COUNT,
};

/* May this registrar have `amount` more of something of which `used` of `capacity` are taken? True: it has that, until
 * registrars_release(). False: over three quarters would be taken, more than a quarter by this registrar, and it is not
 * the only one that this tap has seen. For the registry any registrar is another; for a registrar it is none. */
bool registrars_hold(struct registrars *registrars, unsigned who, enum shared what, uint64_t amount,
		     uint64_t used, uint64_t capacity);
void registrars_release(struct registrars *registrars, unsigned who, enum shared what,
			uint64_t amount);

/* A change of this registrar's was lost at wall_us. */
void registrars_lose(struct registrars *registrars, unsigned who, enum loss reason,
		     int64_t wall_us);

/* What was lost of one registrar for one reason, and not told yet. */
struct registrar_losses {
	unsigned who;
	enum loss reason;
	const char *login; /* empty: not known, or of several */
	uint64_t count;
	int64_t from_us, to_us; /* wall clock */
};

/* Finds the next losses that may be told at now_us of CLOCK_MONOTONIC: those of one registrar for one reason are told
 * once a second. INT64_MAX: all. *place is 0 at first. False: there are no more. */
bool registrars_next_losses(struct registrars *registrars, size_t *place, int64_t now_us,
			    struct registrar_losses *losses);

/* These were told: they don't come again. */
void registrars_told(struct registrars *registrars, const struct registrar_losses *losses,
		     int64_t now_us);

#endif
