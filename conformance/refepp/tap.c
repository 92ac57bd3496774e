#include "conformance/refepp/tap.h"

#include "conformance/refepp/dates.h"
#include "conformance/refepp/need.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ABI_WANTED = 1, STATS_SIZE = 256 * 1024 };

struct epptap;

typedef unsigned abi_function(void);
typedef const char *strerror_function(int result);
typedef int open_function(const char *config, struct epptap **tap, char *why, size_t why_size);
typedef int transaction_function(struct epptap *tap, const char *registrar, const void *command,
				 size_t command_size, const void *response, size_t response_size);
typedef int begin_function(struct epptap *tap, const char *registrar, const void *command,
			   size_t command_size, uint64_t *ticket);
typedef int end_function(struct epptap *tap, uint64_t ticket, const void *response,
			 size_t response_size);
typedef int reload_function(struct epptap *tap, char *why, size_t why_size);
typedef int stats_function(struct epptap *tap, char *json, size_t *size);
typedef void close_function(struct epptap **tap, unsigned drain_ms);

struct tap {
	struct epptap *epptap;
	strerror_function *strerror;
	transaction_function *transaction;
	begin_function *begin;
	end_function *end;
	reload_function *reload;
	stats_function *stats;
	close_function *close;
	atomic_ullong refused_count;
	_Atomic int64_t told_ms; /* when a refusal was last told */
};

/* The address of `name` in `into`; false, and `why`, if the object has none. */
static bool look_up(void *object, const char *name, void *into, char *why, size_t why_size)
{
	void *address = dlsym(object, name);

	if (address == NULL) {
		snprintf(why, why_size, "--plugin: %s; it needs epptap.so", dlerror());
		return false;
	}
	memcpy(into, &address, sizeof(address));
	return true;
}

static bool check_abi(void *object, char *why, size_t why_size)
{
	abi_function *abi;

	if (!look_up(object, "epptap_abi", &abi, why, why_size))
		return false;
	if (abi() == ABI_WANTED)
		return true;
	snprintf(why, why_size, "--plugin: its ABI is version %u; this front end needs %u", abi(),
		 (unsigned)ABI_WANTED);
	return false;
}

static bool open_plugin(struct tap *tap, void *object, const char *config, char *why,
			size_t why_size)
{
	open_function *open_tap;
	int result;

	if (!look_up(object, "epptap_strerror", &tap->strerror, why, why_size) ||
	    !look_up(object, "epptap_open", &open_tap, why, why_size) ||
	    !look_up(object, "epptap_transaction", &tap->transaction, why, why_size) ||
	    !look_up(object, "epptap_begin", &tap->begin, why, why_size) ||
	    !look_up(object, "epptap_end", &tap->end, why, why_size) ||
	    !look_up(object, "epptap_reload", &tap->reload, why, why_size) ||
	    !look_up(object, "epptap_stats", &tap->stats, why, why_size) ||
	    !look_up(object, "epptap_close", &tap->close, why, why_size))
		return false;
	why[0] = '\0';
	result = open_tap(config, &tap->epptap, why, why_size);
	if (result != 0 && why[0] == '\0')
		snprintf(why, why_size, "epptap_open: %s", tap->strerror(result));
	return result == 0;
}

/* dlopen() searches the system's folders for a name without a slash; --plugin names a file. */
static void *load(const char *plugin, char *why, size_t why_size)
{
	char path[PATH_MAX];
	void *object;

	if (realpath(plugin, path) == NULL) {
		snprintf(why, why_size, "--plugin %s: %s; it needs epptap.so", plugin,
			 strerror(errno));
		return NULL;
	}
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (object == NULL)
		snprintf(why, why_size, "--plugin: %s; it needs epptap.so", dlerror());
	return object;
}

struct tap *tap_open(const char *plugin, const char *config, char *why, size_t why_size)
{
	struct tap *tap = need_zeroed(sizeof(*tap));
	void *object = load(plugin, why, why_size);

	if (object != NULL && check_abi(object, why, why_size) &&
	    open_plugin(tap, object, config, why, why_size))
		return tap;
	free(tap);
	return NULL;
}

static void tell_refusal(struct tap *tap, const char *call, int result)
{
	unsigned long long count = atomic_fetch_add(&tap->refused_count, 1) + 1;
	int64_t now_ms = dates_now_ms();
	int64_t told_ms = atomic_load(&tap->told_ms);

	if (now_ms - told_ms < 1000 && now_ms >= told_ms)
		return;
	if (atomic_compare_exchange_strong(&tap->told_ms, &told_ms, now_ms))
		fprintf(stderr, "refepp: %s: %d (%s); %llu so far\n", call, result,
			tap->strerror(result), count);
}

void tap_transaction(struct tap *tap, const char *registrar, const struct text *command,
		     const struct text *response)
{
	int result;

	if (tap == NULL)
		return;
	result = tap->transaction(tap->epptap, registrar, command->data, command->size,
				  response->data, response->size);
	if (result != 0)
		tell_refusal(tap, "epptap_transaction", result);
}

uint64_t tap_begin(struct tap *tap, const char *registrar, const struct text *command)
{
	uint64_t ticket = 0;
	int result;

	if (tap == NULL)
		return 0;
	result = tap->begin(tap->epptap, registrar, command->data, command->size, &ticket);
	if (result != 0)
		tell_refusal(tap, "epptap_begin", result);
	return ticket;
}

void tap_end(struct tap *tap, uint64_t ticket, const struct text *response)
{
	int result;

	if (tap == NULL || ticket == 0)
		return;
	result = tap->end(tap->epptap, ticket, response->data, response->size);
	if (result != 0)
		tell_refusal(tap, "epptap_end", result);
}

void tap_reload(struct tap *tap)
{
	char why[1024] = "";

	if (tap == NULL)
		return;
	if (tap->reload(tap->epptap, why, sizeof(why)) == 0)
		puts("refepp: reloaded");
	else
		printf("refepp: not reloaded: %s\n", why);
	fflush(stdout);
}

void tap_print_stats(struct tap *tap)
{
	char *json = need_zeroed(STATS_SIZE + 1);
	size_t size = STATS_SIZE;
	int result;

	if (tap == NULL) {
		puts("{}");
	} else if ((result = tap->stats(tap->epptap, json, &size)) != 0) {
		fprintf(stderr, "refepp: epptap_stats: %d (%s)\n", result, tap->strerror(result));
	} else {
		json[size < STATS_SIZE ? size : STATS_SIZE] = '\0';
		for (char *at = json; (at = strpbrk(at, "\r\n")) != NULL;)
			*at = ' ';
		puts(json);
	}
	fflush(stdout);
	free(json);
}

void tap_close(struct tap **tap, unsigned drain_ms)
{
	unsigned long long refused_count;

	if (*tap == NULL)
		return;
	(*tap)->close(&(*tap)->epptap, drain_ms);
	refused_count = atomic_load(&(*tap)->refused_count);
	if (refused_count > 0)
		fprintf(stderr, "refepp: epptap refused %llu transactions in all\n", refused_count);
	free(*tap);
	*tap = NULL;
}
