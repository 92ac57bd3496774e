/* tickets.h - open intents: from epptap_begin() to the last record about them
 *
 * A table of fixed size. A ticket says a place in it, and how often that place was used before: so one that is stale,
 * doubled or another tap's is known as such. An intent ends in one of two ways: its response goes through the queue, or
 * the ticket is handed to the capture thread with its fate, for which there is always room.
 *
 * A poll has no intent, as nothing needs to be said of one that is left open: its ticket says whose it is, and no more,
 * and takes no place.
 *
 * Threads: tickets_take(), _give_back(), _end(), _hand_over() and those of polls any, without waiting; the others the
 * capture thread's alone.
 */
#ifndef PLUGIN_TICKETS_H
#define PLUGIN_TICKETS_H

#include "base/result.h"
#include "eppparse/eppparse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TICKETS = 16384 };

/* What became of an intent whose response doesn't come. */
enum fate {
	FATE_OPEN,     /* nothing yet */
	FATE_GIVEN_UP, /* the command failed, or was not carried out */
	FATE_UNKNOWN,  /* there was a response, and it was lost */
};

/* What the capture thread knows of an intent. All zero until its command was taken from the queue. */
struct intent {
	bool taken; /* its command came out of the queue */
	bool noted; /* and there is a record of it */
	enum eppparse_result found;
	unsigned owner; /* by registrars.h */
	struct change_registrar registrar;
	char *change; /* change_encode()'s bytes; NULL: there was no room to keep them */
	size_t size;
	struct eppparse_met *met; /* namespaces met in it; NULL: none, or no room */
	size_t met_count;
};

struct tickets;

/* RESULT_OK or RESULT_NOMEM. */
MUST_USE int tickets_new(struct tickets **tickets);
void tickets_free(struct tickets **tickets);

/* A new ticket, never 0, for the registrar `owner`. RESULT_FULL: all are open. */
MUST_USE int tickets_take(struct tickets *tickets, unsigned owner, uint64_t *ticket);

/* How many places are not free (any thread): a moment's view. */
uint64_t tickets_used(const struct tickets *tickets);

/* Takes back one of which nobody was told. */
void tickets_give_back(struct tickets *tickets, uint64_t ticket);

/* Ends an open ticket; *owner is its registrar. Whoever gets RESULT_OK, and nobody else, must see to it that the
 * capture thread learns of it. RESULT_INVALID: it is not open, or none of ours. */
MUST_USE int tickets_end(struct tickets *tickets, uint64_t ticket, unsigned *owner);

/* The ticket of a poll of the registrar `owner`. */
uint64_t tickets_of_poll(const struct tickets *tickets, unsigned owner);

/* Is it one? A poll's ticket is told from an intent's, and from another tap's. */
bool tickets_is_poll(const struct tickets *tickets, uint64_t ticket, unsigned *owner);

/* Tells the capture thread what became of a ticket that was ended at wall_us, without the queue. */
void tickets_hand_over(struct tickets *tickets, uint64_t ticket, enum fate fate, int64_t wall_us);

/* The next ticket that was handed over. False: there is none. */
bool tickets_next_handed(struct tickets *tickets, uint64_t *ticket);

/* How many were handed over, ever (any thread), and how many of them tickets_next_handed() showed. Whoever's call of
 * tickets_hand_over() is done is among those shown when as many are. */
uint64_t tickets_handed(const struct tickets *tickets);
uint64_t tickets_shown(const struct tickets *tickets);

/* What a ticket was handed over with; FATE_OPEN if it was not yet, or not shown by tickets_next_handed(). */
enum fate tickets_fate(const struct tickets *tickets, uint64_t ticket, int64_t *wall_us);

struct intent *tickets_intent(struct tickets *tickets, uint64_t ticket);

/* Any ticket whose intent is taken, from *place on, which is 0 at first. False: there are no more. */
bool tickets_next_taken(struct tickets *tickets, size_t *place, uint64_t *ticket);

/* All is said about this one: its place is free. */
void tickets_close(struct tickets *tickets, uint64_t ticket);

#endif
