#include "conformance/refepp/engine.h"

#include "conformance/refepp/contacts.h"
#include "conformance/refepp/dates.h"
#include "conformance/refepp/domains.h"
#include "conformance/refepp/hosts.h"
#include "conformance/refepp/need.h"
#include "conformance/refepp/response.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SV_TRID_SIZE = 48 };

struct engine {
	pthread_mutex_t mutex; /* guards registry, journal, and the order of changes at the tap */
	struct registry registry;
	struct journal *journal;
	struct tap *tap;
	bool grace;
	bool begins;     /* the tap is told before and after, not once */
	int64_t boot_ms; /* makes svTRIDs differ from those of other runs */
	atomic_ullong sv_trid_count;
};

static int (*const handlers[KIND_COUNT][VERB_OBJECT_COUNT])(struct request *) = {
	[KIND_DOMAIN] = {request_check, domain_info, domain_create, domain_update, domain_delete,
			 domain_renew},
	[KIND_HOST] = {request_check, host_info, host_create, host_update, host_delete, NULL},
	[KIND_CONTACT] = {request_check, contact_info, contact_create, contact_update,
			  contact_delete, NULL},
};

static int handle(struct request *request)
{
	const struct command *command = request->command;
	int (*handler)(struct request *) = handlers[command->kind][command->verb];

	return handler == NULL ? request_refuse(request, 2101, "only domains are renewed")
			       : handler(request);
}

static void request_end(struct request *request)
{
	registry_discard(&request->change);
	text_free(&request->data);
	text_free(&request->extension);
}

static void new_sv_trid(struct engine *engine, char sv_trid[SV_TRID_SIZE])
{
	snprintf(sv_trid, SV_TRID_SIZE, "REF-%llx-%llu", (unsigned long long)engine->boot_ms,
		 atomic_fetch_add(&engine->sv_trid_count, 1) + 1);
}

static void respond(const struct request *request, int code, const char *sv_trid,
		    struct text *response)
{
	bool good = code < 2000;
	struct response parts = {
		.code = code,
		.why = request->why,
		.data = good ? request->data.data : NULL,
		.extension = good ? request->extension.data : NULL,
		.cl_trid = request->command->cl_trid,
		.sv_trid = sv_trid,
	};

	text_reset(response);
	response_write(response, &parts);
}

/* Journal first, then memory: what can't be written is not done. False if it could not be written.
 * */
static bool commit(struct engine *engine, struct request *request, int code, const char *sv_trid,
		   const struct text *frame, const struct text *response)
{
	const struct change *change = &request->change;
	struct journal_entry entry = {
		.sv_trid = sv_trid,
		.registrar = request->registrar,
		.object = command_kind_name(request->command->kind),
		.verb = command_verb_name(request->command->verb),
		.name = change->old != NULL ? change->old->name : change->next->name,
		.time_ms = request->now_ms,
		.code = code,
		.command = frame,
		.response = response,
	};

	if (!journal_append(engine->journal, &entry)) {
		fprintf(stderr, "refepp: journal: %s; commands fail until it can be written\n",
			strerror(errno));
		return false;
	}
	registry_apply(&engine->registry, &request->change);
	return true;
}

void engine_run(struct engine *engine, const struct command *command, const struct text *frame,
		const char *registrar, struct text *response)
{
	struct request request = {
		.registry = &engine->registry,
		.command = command,
		.registrar = registrar,
		.grace = engine->grace,
	};
	char sv_trid[SV_TRID_SIZE];
	uint64_t ticket = 0;
	bool changed;
	int code;

	pthread_mutex_lock(&engine->mutex);
	if (engine->begins)
		ticket = tap_begin(engine->tap, registrar, frame);
	request.now_ms = dates_now_ms();
	new_sv_trid(engine, sv_trid);
	code = handle(&request);
	respond(&request, code, sv_trid, response);
	changed = code < 2000 && command->verb != VERB_CHECK && command->verb != VERB_INFO;
	if (changed && !commit(engine, &request, code, sv_trid, frame, response)) {
		request.why = "the journal can't be written";
		respond(&request, 2400, sv_trid, response);
		changed = false;
	}
	/* The feed must equal the journal, in order: so a change is told before another can be
	 * made. */
	if (engine->begins)
		tap_end(engine->tap, ticket, response);
	else if (changed)
		tap_transaction(engine->tap, registrar, frame, response);
	pthread_mutex_unlock(&engine->mutex);
	if (!changed && !engine->begins)
		tap_transaction(engine->tap, registrar, frame, response);
	request_end(&request);
}

void engine_answer(struct engine *engine, const struct command *command, const struct text *frame,
		   const char *registrar, int code, const char *why, struct text *response)
{
	struct request request = {.command = command, .why = why};
	char sv_trid[SV_TRID_SIZE];

	new_sv_trid(engine, sv_trid);
	respond(&request, code, sv_trid, response);
	tap_transaction(engine->tap, registrar, frame, response);
}

/* Does again what a journal line tells: same command, same time, same registrar. It must come to
 * the same code. */
static bool replay(void *context, const struct journal_entry *entry)
{
	struct engine *engine = context;
	struct command command = {0};
	struct request request = {
		.registry = &engine->registry,
		.command = &command,
		.registrar = entry->registrar,
		.now_ms = entry->time_ms,
		.grace = entry->code == 1001,
	};
	const char *why;
	bool good;

	good = command_read(entry->command, &command, &why) == 0 &&
	       command.verb < VERB_OBJECT_COUNT && command.verb != VERB_CHECK &&
	       command.verb != VERB_INFO && handle(&request) == entry->code && entry->code < 2000;
	if (good)
		registry_apply(&engine->registry, &request.change);
	request_end(&request);
	command_free(&command);
	return good;
}

struct engine *engine_new(struct journal *journal, struct tap *tap, bool grace, bool begins,
			  char *why, size_t why_size)
{
	struct engine *engine = need_zeroed(sizeof(*engine));

	pthread_mutex_init(&engine->mutex, NULL);
	engine->journal = journal;
	engine->tap = tap;
	engine->grace = grace;
	engine->begins = begins;
	engine->boot_ms = dates_now_ms();
	if (!journal_replay(journal, replay, engine, why, why_size))
		engine_free(&engine);
	return engine;
}

void engine_free(struct engine **engine)
{
	if (*engine == NULL)
		return;
	registry_free(&(*engine)->registry);
	pthread_mutex_destroy(&(*engine)->mutex);
	free(*engine);
	*engine = NULL;
}
