#include "plugin/sessions.h"

#include <stdio.h>

static unsigned place_of(const struct sessions *sessions, uint64_t session)
{
	unsigned i = 0;
	while (i < SESSIONS_MOST && sessions->places[i].session != session)
		i++;
	return i;
}

void sessions_note(struct sessions *sessions, uint64_t session, const char *login)
{
	unsigned i = place_of(sessions, session);
	if (i == SESSIONS_MOST) {
		i = sessions->next;
		sessions->next = (i + 1) % SESSIONS_MOST;
	}
	sessions->places[i].session = session;
	snprintf(sessions->places[i].login, sizeof sessions->places[i].login, "%s", login);
}

const char *sessions_login(const struct sessions *sessions, uint64_t session)
{
	unsigned i = session ? place_of(sessions, session) : SESSIONS_MOST;
	return i < SESSIONS_MOST ? sessions->places[i].login : NULL;
}
