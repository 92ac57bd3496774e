/* sessions.h - logins of streams that only the parser could read
 *
 * A table of fixed size: the newest are kept, and one that is forgotten is not known any more.
 * Owner: the capture thread alone.
 */
#ifndef PLUGIN_SESSIONS_H
#define PLUGIN_SESSIONS_H

#include "plugin/registrars.h"

#include <stdint.h>

enum { SESSIONS_MOST = 256 };

struct sessions {
	struct {
		uint64_t session; /* never 0 in a place that is taken */
		char login[REGISTRARS_LOGIN_SIZE];
	} places[SESSIONS_MOST];
	unsigned next;
};

/* Whoever uses this session is logged in as `login` from now on; all zero, the table knows of none. */
void sessions_note(struct sessions *sessions, uint64_t session, const char *login);

/* Who that is; NULL: not known. */
const char *sessions_login(const struct sessions *sessions, uint64_t session);

#endif
