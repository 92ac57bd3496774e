/* identity.h - may this state_dir be published from?
 *
 * A feed that went back in time, or ran twice, would give two events the same place. So the feed store knows the
 * machine and the file that it is, and each channel's log_dir holds its log, with what was signed of it (log_dir.h); or,
 * of a channel without a log, position.json: whose channel it is, and how far it was published. A store that was copied,
 * restored from an older copy or lost shows by these, and then nothing is published until `epptapctl new-log` begins a
 * new log; changes wait in the spool.
 * Owner: the publisher's thread, or epptapctl with the publisher's lock, which identity_look() does without. Waits for
 * the disk.
 */
#ifndef PUBLISHER_IDENTITY_H
#define PUBLISHER_IDENTITY_H

#include "base/config.h"
#include "publisher/feed_store.h"
#include "publisher/note.h"

#define IDENTITY_POSITION "position.json" /* in a log_dir */

/* Holds the store against where it lies and against the log_dirs; a new store gets its identity here.
 * RESULT_OK; RESULT_BUSY: it must not be published from, and `why` says what happened and what to do; RESULT_STORE,
 * _FULL, _NOMEM: the store or a log_dir can't be read or written. */
MUST_USE int identity_check(const struct config *config, struct feed_store *store,
			    struct feed_identity *identity, char *why, size_t why_size);

/* What identity_check() would say, for who only reads; `store` may be NULL: there is none yet. Changes nothing. */
MUST_USE int identity_look(const struct config *config, struct feed_store *store, char *why,
			   size_t why_size);

/* The origin of the channel's log: as configured; of one begun by `epptapctl new-log` with the time of that behind it,
 * "registry.example/public/20261127T210013Z", so that no two logs ever have the same. */
void identity_origin(const struct config_channel *channel, const struct feed_identity *identity,
		     char origin[VERIFIER_NAME_SIZE]);

/* Writes position.json into the channel's log_dir: `events` of it are published. RESULT_OK, RESULT_STORE (errno). */
MUST_USE int identity_tell_position(const struct config_channel *channel,
				    const struct feed_identity *identity, uint64_t events);

/* Begins a new log: from here on the store is this one, each channel counts from 0, and the feed tells of it. What is
 * held stays held. The old logs' files go into a folder of their own in log_dir. */
MUST_USE int identity_renew(const struct config *config, struct feed_store *store, char *why,
			    size_t why_size);

#endif
