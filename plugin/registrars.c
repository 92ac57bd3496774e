#include "plugin/registrars.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	NAMELESS = 0,
	PLACES = 4096,
	PROBES = 32,
	TELL_PAUSE_US = 1000000,
};

/* Losses of one registrar for one reason. */
struct tally {
	_Atomic uint64_t count;
	_Atomic int64_t first_us; /* 0: none since they were told */
	_Atomic int64_t last_us;
	/* the capture thread's alone */
	uint64_t told;
	int64_t told_to_us, told_at_us;
};

struct registrar {
	_Atomic uint64_t key; /* of the login; 0: the place is free */
	_Atomic uint64_t held[SHARED_COUNT];
	char login[REGISTRARS_LOGIN_SIZE];
	_Atomic bool named; /* the login is written */
	struct tally tallies[LOSSES];
};

_Static_assert(REGISTRARS_REGISTRY == PLACES + 1, "the registry's place is the last");

struct registrars {
	uint64_t seed;
	_Atomic uint64_t lost; /* of all, for all reasons */
	uint64_t told;         /* the same, as far as it was told; the capture thread's */
	_Atomic unsigned seen; /* how many have a place of their own */
	_Atomic uint16_t
		order[PLACES]; /* those, by their first call; 0: its name is being written */
	struct registrar places[PLACES + 2]; /* the first is shared; the last is the registry's */
};

int registrars_new(struct registrars **registrars)
{
	/* A megabyte or two, which the system gives as it is touched. */
	*registrars = calloc(1, sizeof **registrars);
	if (!*registrars)
		return RESULT_NOMEM;
	/* Without a seed, two logins might be chosen to have one place: no more than a misplaced name. */
	if (getrandom(&(*registrars)->seed, sizeof(*registrars)->seed, GRND_NONBLOCK) < 0)
		(*registrars)->seed = (uint64_t)(uintptr_t)*registrars;
	return RESULT_OK;
}

void registrars_free(struct registrars **registrars)
{
	free(*registrars);
	*registrars = NULL;
}

/* A login is known by these 64 bits alone, so that a place can be used before its name is written. */
static uint64_t key_of(const struct registrars *registrars, const char *login, size_t size)
{
	uint64_t key = registrars->seed;
	for (size_t i = 0; i < size; i++) {
		key = (key ^ (uint8_t)login[i]) * UINT64_C(0x9e3779b97f4a7c15);
		key ^= key >> 32;
	}
	return key ? key : 1;
}

/* Writes the name of a place that was just taken; from then on the capture thread sees it. */
static void enter(struct registrars *registrars, unsigned who, const char *login, size_t size)
{
	unsigned order = atomic_fetch_add_explicit(&registrars->seen, 1, memory_order_relaxed);
	memcpy(registrars->places[who].login, login, size); /* the rest is zero */
	atomic_store_explicit(&registrars->places[who].named, true, memory_order_release);
	atomic_store_explicit(&registrars->order[order], (uint16_t)who, memory_order_release);
}

unsigned registrars_find(struct registrars *registrars, const char *login)
{
	if (!login)
		login = "";
	size_t size = strnlen(login, REGISTRARS_LOGIN_SIZE - 1);
	uint64_t key = key_of(registrars, login, size);
	for (unsigned i = 0; i < PROBES; i++) {
		unsigned who = 1 + (unsigned)((key + i) % PLACES);
		_Atomic uint64_t *place = &registrars->places[who].key;
		uint64_t there = atomic_load_explicit(place, memory_order_relaxed);
		if (there == 0 && atomic_compare_exchange_strong_explicit(place, &there, key,
									  memory_order_relaxed,
									  memory_order_relaxed)) {
			enter(registrars, who, login, size);
			return who;
		}
		if (there == key)
			return who;
	}
	return NAMELESS;
}

const char *registrars_login(const struct registrars *registrars, unsigned who)
{
	const struct registrar *place = &registrars->places[who];
	return atomic_load_explicit(&place->named, memory_order_acquire) ? place->login : "";
}

bool registrars_hold(struct registrars *registrars, unsigned who, enum shared what, uint64_t amount,
		     uint64_t used, uint64_t capacity)
{
	_Atomic uint64_t *all_held = &registrars->places[who].held[what];
	unsigned others = who == REGISTRARS_REGISTRY ? 1 : 2; /* from so many on, there are any */
	/* Added first, so that many threads of one registrar see each other's. */
	uint64_t held = atomic_fetch_add_explicit(all_held, amount, memory_order_relaxed) + amount;
	if (used + amount <= capacity - capacity / 4 || held <= capacity / 4 ||
	    atomic_load_explicit(&registrars->seen, memory_order_relaxed) < others)
		return true;
	registrars_release(registrars, who, what, amount);
	return false;
}

void registrars_release(struct registrars *registrars, unsigned who, enum shared what,
			uint64_t amount)
{
	atomic_fetch_sub_explicit(&registrars->places[who].held[what], amount,
				  memory_order_relaxed);
}

void registrars_lose(struct registrars *registrars, unsigned who, enum loss reason, int64_t wall_us)
{
	struct tally *tally = &registrars->places[who].tallies[reason];
	int64_t none = 0;
	atomic_compare_exchange_strong(&tally->first_us, &none, wall_us);
	atomic_store(&tally->last_us, wall_us);
	atomic_fetch_add(&tally->count, 1);
	atomic_fetch_add(&registrars->lost, 1);
}

/* What of a tally may be told now. */
static bool read_tally(struct tally *tally, int64_t now_us, struct registrar_losses *losses)
{
	uint64_t count = atomic_load(&tally->count);
	bool due = tally->told == 0 || now_us - TELL_PAUSE_US >= tally->told_at_us;
	if (count == tally->told || !due)
		return false;
	losses->count = count - tally->told;
	losses->to_us = atomic_load(&tally->last_us);
	losses->from_us = atomic_load(&tally->first_us);
	/* Cleared since, by the telling of one that came beside these: they are as old as its last. Or set by one that
	 * came beside the last, and is newer by a moment. */
	int64_t before_us = tally->told_to_us;
	if (losses->from_us == 0 || losses->from_us > losses->to_us)
		losses->from_us =
			before_us && before_us < losses->to_us ? before_us : losses->to_us;
	return true;
}

/* The places that no login has. */
static const unsigned nobodys[] = {NAMELESS, REGISTRARS_REGISTRY};
enum { NOBODYS = sizeof nobodys / sizeof *nobodys };

bool registrars_next_losses(struct registrars *registrars, size_t *place, int64_t now_us,
			    struct registrar_losses *losses)
{
	if (atomic_load(&registrars->lost) == registrars->told)
		return false;
	size_t end = (NOBODYS + (size_t)atomic_load(&registrars->seen)) * LOSSES;
	while (*place < end) {
		size_t order = *place / LOSSES;
		losses->reason = *place % LOSSES;
		losses->who = order < NOBODYS
				      ? nobodys[order]
				      : atomic_load_explicit(&registrars->order[order - NOBODYS],
							     memory_order_acquire);
		++*place;
		if (order >= NOBODYS && losses->who == NAMELESS)
			continue; /* its name is being written: next time */
		struct registrar *registrar = &registrars->places[losses->who];
		losses->login = registrar->login;
		if (read_tally(&registrar->tallies[losses->reason], now_us, losses))
			return true;
	}
	return false;
}

void registrars_told(struct registrars *registrars, const struct registrar_losses *losses,
		     int64_t now_us)
{
	struct tally *tally = &registrars->places[losses->who].tallies[losses->reason];
	atomic_store(&tally->first_us, 0);
	tally->told += losses->count;
	tally->told_to_us = losses->to_us;
	tally->told_at_us = now_us;
	registrars->told += losses->count;
}
