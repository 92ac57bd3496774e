#include "plugin/tickets.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { NONE = TICKETS }; /* the end of a list of places */

/* A poll's ticket: a bit that no intent's ticket gets to, the tap's random number, and the owner. */
#define POLL_BIT (UINT64_C(1) << 63)
enum { POLL_OWNER_BITS = 16 };

/* A place is free, or open, or ended but not closed; the number of its use grows when it is closed. */
enum state { STATE_FREE, STATE_OPEN, STATE_ENDED, WORD_STATES = 4 };

struct place {
	_Atomic uint64_t
		word; /* WORD_STATES times the number of its use, and its state; 0: never used */
	unsigned owner;
	enum fate handed; /* the capture thread looks at it once the place is in its list */
	int64_t handed_us;
	enum fate fate; /* the capture thread's, as all below */
	struct intent intent;
};

struct tickets {
	uint64_t first; /* number of a place's first use: another in each tap */
	/* Lists of places, by `next`: a place is in one of them at most. The head of the free ones also holds, in its
	 * upper half, how often it was changed: who takes the first must not be fooled by one that was taken and given
	 * back. */
	_Atomic uint64_t free;
	_Atomic uint64_t used; /* never below the number of places that are not free */
	_Atomic uint32_t handed;
	_Atomic uint64_t handed_count; /* never below the number of those that came into the list */
	uint64_t shown;                /* the capture thread's */
	uint32_t taken_over; /* what the capture thread took of `handed`, and has not looked at */
	_Atomic uint32_t next[TICKETS];
	struct place places[TICKETS];
};

static uint64_t ticket_of(uint64_t use, uint32_t place)
{
	return use * TICKETS + place;
}

static struct place *place_of(struct tickets *tickets, uint64_t ticket)
{
	return &tickets->places[ticket % TICKETS];
}

static uint64_t word_of(uint64_t ticket, enum state state)
{
	return ticket / TICKETS * WORD_STATES + state;
}

int tickets_new(struct tickets **out)
{
	/* Two megabytes, most of which the system gives as it is touched. */
	struct tickets *tickets = calloc(1, sizeof *tickets);
	uint32_t random = 0;
	*out = tickets;
	if (!tickets)
		return RESULT_NOMEM;
	/* Without a random number, only a ticket of another tap might be taken for ours. */
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
		random = 0;
	tickets->first = UINT64_C(1) + random;
	for (uint32_t i = 0; i < TICKETS; i++)
		atomic_init(&tickets->next[i], i + 1);
	atomic_init(&tickets->handed, NONE);
	tickets->taken_over = NONE;
	return RESULT_OK;
}

static void free_kept(struct intent *intent)
{
	free(intent->change);
	free(intent->met);
}

void tickets_free(struct tickets **tickets)
{
	if (!*tickets)
		return;
	for (size_t i = 0; i < TICKETS; i++)
		free_kept(&(*tickets)->places[i].intent);
	free(*tickets);
	*tickets = NULL;
}

/* The head of the free list after another change. */
static uint64_t head_of(uint64_t before, uint32_t place)
{
	return ((before >> 32) + 1) << 32 | place;
}

static uint32_t pop_free(struct tickets *tickets)
{
	uint64_t head = atomic_load(&tickets->free);
	uint32_t place, next;
	do {
		place = (uint32_t)head;
		if (place == NONE)
			return NONE;
		next = atomic_load_explicit(&tickets->next[place], memory_order_relaxed);
	} while (!atomic_compare_exchange_weak(&tickets->free, &head, head_of(head, next)));
	return place;
}

static void push_free(struct tickets *tickets, uint32_t place)
{
	uint64_t head = atomic_load(&tickets->free);
	do
		atomic_store_explicit(&tickets->next[place], (uint32_t)head, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&tickets->free, &head, head_of(head, place)));
}

int tickets_take(struct tickets *tickets, unsigned owner, uint64_t *ticket)
{
	atomic_fetch_add(&tickets->used, 1);
	uint32_t place = pop_free(tickets);
	if (place == NONE) {
		atomic_fetch_sub(&tickets->used, 1);
		return RESULT_FULL;
	}
	tickets->places[place].owner = owner;
	uint64_t use = atomic_load(&tickets->places[place].word) / WORD_STATES;
	*ticket = ticket_of(use ? use : tickets->first, place);
	atomic_store(&tickets->places[place].word, word_of(*ticket, STATE_OPEN));
	return RESULT_OK;
}

void tickets_give_back(struct tickets *tickets, uint64_t ticket)
{
	atomic_store(&place_of(tickets, ticket)->word, word_of(ticket + TICKETS, STATE_FREE));
	push_free(tickets, (uint32_t)(ticket % TICKETS));
	atomic_fetch_sub(&tickets->used, 1);
}

uint64_t tickets_used(const struct tickets *tickets)
{
	return atomic_load_explicit(&tickets->used, memory_order_relaxed);
}

int tickets_end(struct tickets *tickets, uint64_t ticket, unsigned *owner)
{
	struct place *place = place_of(tickets, ticket);
	uint64_t open = word_of(ticket, STATE_OPEN);
	if (ticket / TICKETS > UINT64_MAX / TICKETS / WORD_STATES ||
	    !atomic_compare_exchange_strong(&place->word, &open, word_of(ticket, STATE_ENDED)))
		return RESULT_INVALID;
	*owner = place->owner;
	return RESULT_OK;
}

uint64_t tickets_of_poll(const struct tickets *tickets, unsigned owner)
{
	return POLL_BIT | (tickets->first & UINT32_MAX) << POLL_OWNER_BITS | owner;
}

bool tickets_is_poll(const struct tickets *tickets, uint64_t ticket, unsigned *owner)
{
	*owner = (unsigned)(ticket & ((UINT64_C(1) << POLL_OWNER_BITS) - 1));
	return ticket == tickets_of_poll(tickets, *owner);
}

void tickets_hand_over(struct tickets *tickets, uint64_t ticket, enum fate fate, int64_t wall_us)
{
	uint32_t place = (uint32_t)(ticket % TICKETS);
	uint32_t head = atomic_load(&tickets->handed);
	tickets->places[place].handed = fate;
	tickets->places[place].handed_us = wall_us;
	atomic_fetch_add(&tickets->handed_count, 1);
	do
		atomic_store_explicit(&tickets->next[place], head, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&tickets->handed, &head, place));
}

/* The ticket that a place has now; the place must not be free. */
static uint64_t ticket_at(struct tickets *tickets, uint32_t place)
{
	return ticket_of(atomic_load(&tickets->places[place].word) / WORD_STATES, place);
}

bool tickets_next_handed(struct tickets *tickets, uint64_t *ticket)
{
	/* All at once: who takes everything can't be fooled by what comes after. */
	if (tickets->taken_over == NONE && atomic_load(&tickets->handed) != NONE)
		tickets->taken_over = atomic_exchange(&tickets->handed, NONE);
	uint32_t place = tickets->taken_over;
	if (place == NONE)
		return false;
	tickets->taken_over = atomic_load_explicit(&tickets->next[place], memory_order_relaxed);
	tickets->shown++;
	tickets->places[place].fate = tickets->places[place].handed;
	*ticket = ticket_at(tickets, place);
	return true;
}

uint64_t tickets_handed(const struct tickets *tickets)
{
	return atomic_load(&tickets->handed_count);
}

uint64_t tickets_shown(const struct tickets *tickets)
{
	return tickets->shown;
}

enum fate tickets_fate(const struct tickets *tickets, uint64_t ticket, int64_t *wall_us)
{
	const struct place *place = &tickets->places[ticket % TICKETS];
	if (place->fate != FATE_OPEN)
		*wall_us = place->handed_us;
	return place->fate;
}

struct intent *tickets_intent(struct tickets *tickets, uint64_t ticket)
{
	return &place_of(tickets, ticket)->intent;
}

bool tickets_next_taken(struct tickets *tickets, size_t *place, uint64_t *ticket)
{
	while (*place < TICKETS) {
		uint32_t now = (uint32_t)(*place)++;
		if (tickets->places[now].intent.taken) {
			*ticket = ticket_at(tickets, now);
			return true;
		}
	}
	return false;
}

void tickets_close(struct tickets *tickets, uint64_t ticket)
{
	struct place *place = place_of(tickets, ticket);
	free_kept(&place->intent);
	place->intent = (struct intent){0};
	place->fate = FATE_OPEN;
	tickets_give_back(tickets, ticket);
}
