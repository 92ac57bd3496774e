/* What changes have to do with earlier ones: news told once, ends of what was pending, states before and after, in each
 * way of each_way.h. Real feed store; nothing is signed. */
#include "publisher/batch_maker.h"

#include "publisher/feed.h"
#include "publisher/test/each_way.h"
#include "publisher/test/fixture.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <zmq.h>

#include <cmocka.h>

enum { STORE_LIMIT = 64 << 20, BATCHES = 16 };

static struct scratch scratch;
static struct config *config;
static struct signing_key *key;
static struct feed_store *store;
static struct batch_maker *maker;
static struct tallies tallies;
static struct outlet *outlet;
static struct feed *feed;
static struct batch *batches;
static size_t batch_count;
static struct clock_reading now;
static struct change change;
static void *zmq;

static int set_up(void **state)
{
	(void)state;
	char path[128], why[512];
	scratch = scratch_make();
	snprintf(path, sizeof path, "%s/event.pem", scratch.path);
	fixture_key(path, "ED25519", NULL);
	config = fixture_config(&scratch, "retention: 30d\n"
					  "channels:\n"
					  "  - {name: all, bind: 'tcp://127.0.0.1:7700'}\n");
	mkdir(config->state_dir, 0700);
	memset(&tallies, 0, sizeof tallies);
	now = (struct clock_reading){.wall_us = FIXTURE_WALL_US, .boottime_us = 1000000};
	zmq = zmq_ctx_new();
	change_init(&change);
	batches = calloc(BATCHES, sizeof *batches);
	for (int i = 0; i < BATCHES; i++)
		batch_init(&batches[i]);
	batch_count = 0;
	if (signing_key_load(config->key_event, &key, why, sizeof why) != RESULT_OK ||
	    outlet_open(zmq, &config->channels[0], &outlet, why, sizeof why) != RESULT_OK ||
	    feed_store_open(config->state_dir, STORE_LIMIT, false, &store, why, sizeof why) !=
		    RESULT_OK)
		fail_msg("%s", why);
	assert_int_equal(batch_maker_new(config, key, store, &tallies, &maker), RESULT_OK);
	assert_int_equal(feed_new(config, store, &outlet, &tallies, &feed), RESULT_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	feed_free(&feed);
	batch_maker_free(&maker);
	feed_store_close(&store);
	outlet_close(&outlet, 0);
	zmq_ctx_term(zmq);
	signing_key_free(&key);
	for (int i = 0; i < BATCHES; i++)
		batch_free(&batches[i]);
	free(batches);
	change_free(&change);
	config_free(&config);
	scratch_remove(scratch.path);
	return 0;
}

static void commit(struct batch *batch)
{
	assert_int_equal(feed_commit(feed, batch, &now), RESULT_OK);
}

/* Commits what is made; then the maker knows of it by the store alone. */
static void commit_all(void)
{
	for (size_t i = 0; i < batch_count; i++)
		commit(&batches[i]);
	batch_count = 0;
	note_ring_clear(maker->ring);
	note_ring_clear(maker->chains);
}

/* Adds the event of `change`, as a spool record. */
static void tell(void)
{
	static const struct spool_order none;
	struct buffer encoded;
	buffer_init(&encoded, 1 << 20);
	change_encode(&change, &encoded);
	const struct batch_source source = {
		.header = {.wall_us = change.wall_us, .kind = SPOOL_CHANGE},
		.payload = encoded.data,
		.size = encoded.size};
	if (mode != ONE_BATCH || batch_count == 0) {
		assert_true(batch_count < BATCHES);
		batch_clear(&batches[batch_count++], &none);
	}
	assert_int_equal(change_decode(&maker->change, encoded.data, encoded.size), RESULT_OK);
	maker->change.wall_us = change.wall_us;
	assert_int_equal(batch_add_change(maker, &source, &now, &batches[batch_count - 1]),
			 RESULT_OK);
	assert_null(maker->reading);
	buffer_free(&encoded);
	if (mode == ONE_BY_ONE)
		commit_all();
}

/* A command's change, begun anew; `svtrid` is its own. */
static struct change *command(enum change_verb verb, const char *name, const char *svtrid)
{
	fixture_change(&change, CHANGE_DOMAIN, verb, name);
	assert_int_equal(change_token_read(&change.svtrid, svtrid, strlen(svtrid)), RESULT_OK);
	assert_int_equal(change_registrar_read(&change.registrar, "ClientX", 7), RESULT_OK);
	return &change;
}

static void pending(enum change_verb verb, const char *name, const char *svtrid)
{
	command(verb, name, svtrid)->outcome = CHANGE_PENDING;
	tell();
}

static void got_by(const char *registrar)
{
	change.registrar.text[0] = '\0';
	if (!*registrar)
		return; /* it is hidden */
	assert_int_equal(change_registrar_read(&change.registrar, registrar, strlen(registrar)),
			 RESULT_OK);
}

/* The message that a pending command has ended, with its svTRID. */
static void ended(const char *name, const char *svtrid, enum change_outcome outcome,
		  const char *registrar)
{
	command(CHANGE_UPDATE, name, svtrid);
	change.is_message = true;
	change.outcome = outcome;
	change.ends = change.svtrid;
	got_by(registrar);
	tell();
}

static void transfer_of(const char *name, enum change_transfer_op op,
			enum change_transfer_status status, int64_t requested)
{
	command(CHANGE_TRANSFER, name, "SV-T");
	change.transfer = (struct change_transfer){.op = op,
						   .status = status,
						   .gaining = {"ClientX"},
						   .losing = {"ClientY"},
						   .has_requested = requested != 0,
						   .requested = requested,
						   .has_acted = requested != 0,
						   .acted = requested + status};
	if (op == TRANSFER_REQUEST && (status == TRANSFER_PENDING || status == TRANSFER_NO_STATUS))
		change.outcome = CHANGE_PENDING;
}

/* The message of a transfer, got by that registrar. */
static void heard(const char *name, enum change_transfer_status status, int64_t requested,
		  const char *registrar)
{
	transfer_of(name, TRANSFER_NO_OP, status, requested);
	change.is_message = true;
	got_by(registrar);
	tell();
}

/* Which of the events before place `end` has this jti; -1: none. */
static int place_of(const char *jti, uint64_t end)
{
	int place = -1;
	for (uint64_t i = 0; i < end && place < 0; i++) {
		json_t *claims = fixture_claims(store, i);
		if (strcmp(json_string_value(json_object_get(claims, "jti")), jti) == 0)
			place = (int)i;
		json_decref(claims);
	}
	return place;
}

/* One event in short: its verb, its outcome but for `completed`, and which event it completes. */
static size_t write_event(char *text, json_t *claims, uint64_t index)
{
	json_t *events = json_object_get(claims, "events");
	const char *kind = json_object_iter_key(json_object_iter(events));
	json_t *value = json_object_get(events, kind);
	const char *outcome = json_string_value(json_object_get(value, "outcome"));
	const char *completes = json_string_value(json_object_get(value, "completes"));
	const char *restore = json_string_value(json_object_get(value, "restore"));
	size_t size = (size_t)sprintf(text, "%s%s", index ? ", " : "", strchr(kind, '#') + 1);
	if (restore)
		size += (size_t)sprintf(text + size, " (%s)", restore);
	if (strcmp(outcome, "completed") != 0)
		size += (size_t)sprintf(text + size, " %s", outcome);
	if (completes)
		size += (size_t)sprintf(text + size, " ends %d", place_of(completes, index));
	return size;
}

/* Commits what is left to be, and looks what the feed tells. */
static void assert_story(const char *expected, uint64_t repeats)
{
	char text[4096] = "";
	size_t size = 0;
	json_t *claims;
	commit_all();
	for (uint64_t i = 0; (claims = fixture_claims(store, i)); i++) {
		size += write_event(text + size, claims, i);
		json_decref(claims);
	}
	assert_string_equal(text, expected);
	assert_int_equal(tallies.repeats, repeats);
	assert_int_equal(fixture_count(store, TABLE_NOTES), fixture_count(store, TABLE_AGES));
}

static uint64_t notes(enum note_kind kind)
{
	struct feed_txn txn;
	MDB_cursor *cursor;
	MDB_val name, value;
	uint64_t count = 0;
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	assert_int_equal(mdb_cursor_open(txn.mdb, txn.tables[TABLE_NOTES], &cursor), 0);
	while (mdb_cursor_get(cursor, &name, &value, MDB_NEXT) == 0)
		count += *(uint8_t *)name.mv_data == kind;
	mdb_cursor_close(cursor);
	feed_txn_abort(&txn);
	return count;
}

static void a_message_is_told_once_whoever_gets_it(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		ended("a.example", "SV-1", CHANGE_COMPLETED, i == 1 ? "ClientY" : "ClientX");
	ended("b.example", "SV-1", CHANGE_COMPLETED, "ClientX");
	ended("a.example", "SV-2", CHANGE_COMPLETED, "ClientX");
	ended("a.example", "SV-1", CHANGE_REJECTED, "ClientX");
	ended("a.example", "SV-1", CHANGE_COMPLETED, "");
	assert_story("update, update, update, update rejected", 3);
	assert_int_equal(notes(NOTE_TOLD), 4);
}

static void a_command_is_told_as_often_as_it_is_given(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		command(CHANGE_UPDATE, "a.example", "SV-1");
		tell();
	}
	assert_story("update, update, update", 0);
	assert_int_equal(fixture_count(store, TABLE_NOTES), 0);
}

static void the_end_of_a_pending_command_names_it_and_has_its_verb(void **state)
{
	(void)state;
	pending(CHANGE_CREATE, "a.example", "SV-1");
	pending(CHANGE_DELETE, "b.example", "SV-2");
	pending(CHANGE_RENEW, "c.example", "SV-3");
	ended("b.example", "SV-2", CHANGE_REJECTED, "ClientX");
	ended("a.example", "SV-1", CHANGE_COMPLETED, "ClientX");
	ended("a.example", "SV-1", CHANGE_COMPLETED, "ClientX");
	/* Of another object, of none that is known, and once more, as other news. */
	ended("d.example", "SV-3", CHANGE_COMPLETED, "ClientX");
	ended("c.example", "SV-9", CHANGE_COMPLETED, "ClientX");
	ended("a.example", "SV-1", CHANGE_REJECTED, "ClientX");
	assert_story("create pending, delete pending, renew pending, delete rejected ends 1, "
		     "create ends 0, update, update, update rejected",
		     1);
	assert_int_equal(notes(NOTE_PENDING), 1);
}

static void the_end_is_of_the_same_kind_of_object(void **state)
{
	(void)state;
	command(CHANGE_CREATE, "a.example", "SV-1")->outcome = CHANGE_PENDING;
	change.object = CHANGE_HOST;
	tell();
	ended("a.example", "SV-1", CHANGE_COMPLETED, "ClientX");
	assert_story("create pending, update", 0);
}

static void a_restores_end_is_a_restore(void **state)
{
	(void)state;
	command(CHANGE_UPDATE, "a.example", "SV-1")->outcome = CHANGE_PENDING;
	change.restore = CHANGE_RESTORE_REQUEST;
	tell();
	ended("a.example", "SV-1", CHANGE_COMPLETED, "ClientX");
	assert_story("update (request) pending, update (request) ends 0", 0);
}

/* As a registry lock that takes two steps: the message says that it goes on. */
static void what_is_pending_still_has_not_ended(void **state)
{
	(void)state;
	pending(CHANGE_UPDATE, "a.example", "SV-1");
	ended("a.example", "SV-1", CHANGE_PENDING, "ClientX");
	ended("a.example", "SV-1", CHANGE_COMPLETED, "ClientX");
	assert_story("update pending, update pending, update ends 1", 0);
	assert_int_equal(notes(NOTE_PENDING), 0);
}

static void what_has_no_svtrid_is_not_waited_for(void **state)
{
	(void)state;
	command(CHANGE_CREATE, "a.example", "SV-1")->outcome = CHANGE_PENDING;
	change.svtrid.text[0] = '\0';
	tell();
	command(CHANGE_UPDATE, "a.example", "SV-1")->svtrid.text[0] = '\0';
	change.is_message = true;
	tell();
	assert_story("create pending, update", 0);
	assert_int_equal(notes(NOTE_PENDING), 0);
}

static void both_sides_of_a_transfer_hear_of_it_and_it_is_told_once(void **state)
{
	(void)state;
	transfer_of("a.example", TRANSFER_REQUEST, TRANSFER_PENDING, 1000);
	tell();
	heard("a.example", TRANSFER_PENDING, 1000, "ClientY");
	transfer_of("a.example", TRANSFER_APPROVE, TRANSFER_CLIENT_APPROVED, 1000);
	got_by("ClientY");
	tell();
	heard("a.example", TRANSFER_CLIENT_APPROVED, 1000, "ClientX");
	heard("a.example", TRANSFER_CLIENT_APPROVED, 1000, "ClientX");
	assert_story("transfer pending, transfer ends 0", 3);
	assert_int_equal(notes(NOTE_TRANSFER), 0);
	assert_int_equal(notes(NOTE_PENDING), 0);
	assert_int_equal(notes(NOTE_TOLD), 2);
}

static void a_transfer_that_messages_alone_tell_is_told_once_each_step(void **state)
{
	(void)state;
	heard("a.example", TRANSFER_PENDING, 1000, "ClientY");
	heard("a.example", TRANSFER_PENDING, 1000, "ClientX");
	heard("a.example", TRANSFER_SERVER_APPROVED, 1000, "ClientX");
	heard("a.example", TRANSFER_SERVER_APPROVED, 1000, "ClientY");
	heard("a.example", TRANSFER_PENDING, 2000, "ClientY");
	heard("a.example", TRANSFER_CLIENT_CANCELLED, 2000, "ClientX");
	assert_story("transfer, transfer ends 0, transfer, transfer ends 2", 2);
}

static void a_transfer_ends_only_the_one_that_was_asked_for_then(void **state)
{
	(void)state;
	transfer_of("a.example", TRANSFER_REQUEST, TRANSFER_PENDING, 1000);
	tell();
	heard("a.example", TRANSFER_CLIENT_REJECTED, 999, "ClientX");
	heard("b.example", TRANSFER_CLIENT_REJECTED, 1000, "ClientX");
	/* Without a date, by the name alone. */
	heard("a.example", TRANSFER_CLIENT_REJECTED, 0, "ClientX");
	heard("a.example", TRANSFER_CLIENT_REJECTED, 1000, "ClientX");
	assert_story("transfer pending, transfer, transfer, transfer ends 0, transfer", 0);
}

static void answers_that_say_no_status_go_by_what_was_asked(void **state)
{
	(void)state;
	transfer_of("a.example", TRANSFER_REQUEST, TRANSFER_NO_STATUS, 0);
	tell();
	transfer_of("a.example", TRANSFER_APPROVE, TRANSFER_NO_STATUS, 0);
	change.outcome = CHANGE_PENDING;
	tell();
	transfer_of("a.example", TRANSFER_APPROVE, TRANSFER_NO_STATUS, 0);
	tell();
	transfer_of("b.example", TRANSFER_REQUEST, TRANSFER_NO_STATUS, 0);
	change.outcome = CHANGE_COMPLETED; /* at once */
	tell();
	assert_story("transfer pending, transfer pending, transfer ends 0, transfer", 0);
	assert_int_equal(notes(NOTE_TRANSFER), 0);
}

static void a_transfer_may_end_by_the_commands_own_message(void **state)
{
	(void)state;
	transfer_of("a.example", TRANSFER_REQUEST, TRANSFER_PENDING, 1000);
	tell();
	ended("a.example", "SV-T", CHANGE_COMPLETED, "ClientX");
	heard("a.example", TRANSFER_SERVER_APPROVED, 1000, "ClientX");
	assert_story("transfer pending, transfer ends 0, transfer", 0);
	assert_int_equal(notes(NOTE_TRANSFER) + notes(NOTE_PENDING), 0);
}

/* A message with the object's state; of a state before, `name` is the one nameserver. */
static void state_of(enum change_state_at at, const char *svtrid, const char *host, uint32_t status)
{
	struct change_name *name;
	command(CHANGE_UPDATE, "a.example", svtrid);
	change.is_message = true;
	change.initiator = CHANGE_BY_REGISTRY;
	change.state_at = at;
	change.state_known = KNOWN_HOSTS | KNOWN_STATUS;
	change.state.status = status;
	assert_int_equal(change_add_host(&change.state, &name), RESULT_OK);
	assert_int_equal(change_name_read(name, host, strlen(host)), RESULT_OK);
	tell();
}

/* A member of the value of the event at this place, as JSON. */
static void assert_member(uint64_t index, const char *name, const char *expected)
{
	json_t *claims = fixture_claims(store, index);
	json_t *events = json_object_get(claims, "events");
	json_t *value = json_object_iter_value(json_object_iter(events));
	json_t *member = json_object_get(value, name);
	char *text = member ? json_dumps(member, JSON_COMPACT) : strdup("");
	assert_string_equal(text, expected);
	free(text);
	json_decref(claims);
}

static void what_a_change_did_shows_by_the_states_before_and_after(void **state)
{
	(void)state;
	state_of(STATE_BEFORE, "SV-1", "ns1.ü.example", 1u << STATUS_SERVER_UPDATE_PROHIBITED);
	state_of(STATE_BEFORE, "SV-2", "ns7.example", 0);
	state_of(STATE_AFTER, "SV-1", "ns1.evil.example", 0);
	state_of(STATE_AFTER, "SV-1", "ns1.evil.example", 0);
	state_of(STATE_AFTER, "SV-3", "ns1.evil.example", 0);
	assert_story("update, update, update, update", 1);
	assert_member(0, "before",
		      "{\"known\":[\"nameservers\",\"status\"],"
		      "\"nameservers\":[{\"ldhName\":\"ns1.xn--tda.example\","
		      "\"unicodeName\":\"ns1.ü.example\"}],"
		      "\"status\":[\"server update prohibited\"]}");
	assert_member(0, "lock", "");
	assert_member(2, "impact", "[\"delegation\",\"unlock\"]");
	assert_member(2, "add", "{\"nameservers\":[{\"ldhName\":\"ns1.evil.example\"}]}");
	assert_member(2, "remove",
		      "{\"nameservers\":[{\"ldhName\":\"ns1.xn--tda.example\","
		      "\"unicodeName\":\"ns1.ü.example\"}],"
		      "\"status\":[\"server update prohibited\"]}");
	assert_member(
		2, "lock",
		"[{\"action\":\"unlock\",\"level\":\"registry\",\"prohibits\":[\"update\"]}]");
	assert_member(2, "state",
		      "{\"known\":[\"nameservers\",\"status\"],"
		      "\"nameservers\":[{\"ldhName\":\"ns1.evil.example\"}]}");
	/* One that nothing was told of before. */
	assert_member(3, "add", "");
	assert_int_equal(notes(NOTE_BEFORE), 1);
}

static void objects_without_a_name_are_told_apart_by_their_handle(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		command(CHANGE_UPDATE, "a.example", "SV-1");
		change.object = i % 2 ? CHANGE_NSSET : CHANGE_KEYSET;
		change.name.text[0] = '\0';
		change.is_message = true;
		assert_int_equal(change_token_read(&change.handle, i / 2 ? "S2" : "S1", 2),
				 RESULT_OK);
		tell();
	}
	commit_all();
	assert_int_equal(notes(NOTE_TOLD), 4);
	assert_int_equal(tallies.repeats, 2);
}

/* An event that can't be signed is not in the feed: nothing may refer to it, and what comes again is news. */
static void what_is_set_aside_leaves_no_notes(void **state)
{
	(void)state;
	pending(CHANGE_CREATE, "a.example", "SV-1");
	heard("b.example", TRANSFER_PENDING, 1000, "ClientX");
	assert_int_equal(batch_set_aside(maker, 0, &now, &batches[0]), RESULT_OK);
	assert_int_equal(batch_set_aside(maker, 0, &now, &batches[1]), RESULT_OK);
	ended("a.example", "SV-1", CHANGE_COMPLETED, "ClientX");
	heard("b.example", TRANSFER_PENDING, 1000, "ClientX");
	commit_all();
	assert_int_equal(fixture_count(store, TABLE_EVENTS), 4);
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 2);
	assert_int_equal(tallies.repeats, 0);
	json_t *claims = fixture_claims(store, 2);
	json_t *value = json_object_iter_value(json_object_iter(json_object_get(claims, "events")));
	assert_null(json_object_get(value, "completes"));
	json_decref(claims);
}

static void notes_are_forgotten_after_the_retention(void **state)
{
	(void)state;
	pending(CHANGE_CREATE, "a.example", "SV-1");
	heard("b.example", TRANSFER_PENDING, 1000, "ClientX");
	commit_all();
	now.boottime_us += INT64_C(31) * 24 * 3600 * 1000000;
	now.wall_us += INT64_C(31) * 24 * 3600 * 1000000;
	assert_int_equal(feed_commit(feed, NULL, &now), RESULT_OK);
	assert_int_equal(fixture_count(store, TABLE_NOTES), 0);
	assert_int_equal(fixture_count(store, TABLE_AGES), 0);
}

/* Random stories of a few names come out the same in each way. */
static void random_event(void)
{
	static const char *const names[] = {"a.example", "b.example"};
	static const char *const trids[] = {"SV-1", "SV-2", "SV-3"};
	static const char *const registrars[] = {"ClientX", "ClientY"};
	const char *name = names[fixture_random() % 2], *svtrid = trids[fixture_random() % 3];
	const char *registrar = registrars[fixture_random() % 2];
	int64_t requested = fixture_random() % 3 * 1000;
	switch (fixture_random() % 7) {
	case 0:
		pending((enum change_verb)(fixture_random() % CHANGE_TRANSFER), name, svtrid);
		break;
	case 1:
		ended(name, svtrid, (enum change_outcome)(fixture_random() % CHANGE_OUTCOMES),
		      registrar);
		break;
	case 2:
		transfer_of(name, (enum change_transfer_op)(fixture_random() % TRANSFER_OPS),
			    (enum change_transfer_status)(fixture_random() % TRANSFER_STATUSES),
			    requested);
		tell();
		break;
	case 3:
		heard(name, (enum change_transfer_status)(fixture_random() % TRANSFER_STATUSES),
		      requested, registrar);
		break;
	default:
		state_of(fixture_random() % 2 ? STATE_BEFORE : STATE_AFTER, svtrid,
			 fixture_random() % 2 ? "ns1.example" : "ns2.example",
			 fixture_random() % 2);
	}
}

/* The event that a member names by its jti, which is random, is named by its place. */
static void name_place(json_t *value, const char *member, uint64_t before)
{
	const char *id = json_string_value(json_object_get(value, member));
	if (!id)
		return;
	int place = place_of(id, before);
	assert_true(place >= 0);
	json_object_set_new(value, member, json_integer(place));
}

static void write_story(char *text, size_t room)
{
	size_t size = 0;
	json_t *claims;
	for (uint64_t i = 0; (claims = fixture_claims(store, i)); i++) {
		json_t *value =
			json_object_iter_value(json_object_iter(json_object_get(claims, "events")));
		name_place(value, "completes", i);
		name_place(value, "prev", i);
		json_object_del(claims, "jti");
		char *line = json_dumps(claims, JSON_COMPACT | JSON_SORT_KEYS);
		assert_true(size + strlen(line) + 2 < room);
		size += (size_t)sprintf(text + size, "%s\n", line);
		free(line);
		json_decref(claims);
	}
	text[size] = '\0';
}

static void what_is_found_depends_on_the_order_alone(void **state)
{
	enum { STORIES = 60, EVENTS = 15, ROOM = 1 << 16 };
	static char told[MODES][ROOM];
	uint64_t noted[MODES], repeats[MODES];
	tear_down(state);
	for (int story = 0; story < STORIES; story++) {
		for (mode = 0; mode < MODES; mode++) {
			set_up(state);
			fixture_random_from((uint64_t)story);
			for (int i = 0; i < EVENTS; i++)
				random_event();
			commit_all();
			write_story(told[mode], ROOM);
			noted[mode] = fixture_count(store, TABLE_NOTES);
			repeats[mode] = tallies.repeats;
			tear_down(state);
		}
		for (int other = 1; other < MODES; other++) {
			assert_string_equal(told[other], told[0]);
			assert_int_equal(noted[other], noted[0]);
			assert_int_equal(repeats[other], repeats[0]);
		}
	}
	set_up(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_EACH_WAY(a_message_is_told_once_whoever_gets_it),
		IN_EACH_WAY(a_command_is_told_as_often_as_it_is_given),
		IN_EACH_WAY(the_end_of_a_pending_command_names_it_and_has_its_verb),
		IN_EACH_WAY(the_end_is_of_the_same_kind_of_object),
		IN_EACH_WAY(a_restores_end_is_a_restore),
		IN_EACH_WAY(what_is_pending_still_has_not_ended),
		IN_EACH_WAY(what_has_no_svtrid_is_not_waited_for),
		IN_EACH_WAY(both_sides_of_a_transfer_hear_of_it_and_it_is_told_once),
		IN_EACH_WAY(a_transfer_that_messages_alone_tell_is_told_once_each_step),
		IN_EACH_WAY(a_transfer_ends_only_the_one_that_was_asked_for_then),
		IN_EACH_WAY(answers_that_say_no_status_go_by_what_was_asked),
		IN_EACH_WAY(a_transfer_may_end_by_the_commands_own_message),
		IN_EACH_WAY(what_a_change_did_shows_by_the_states_before_and_after),
		IN_EACH_WAY(objects_without_a_name_are_told_apart_by_their_handle),
		cmocka_unit_test_setup_teardown(what_is_set_aside_leaves_no_notes, in_flight,
						tear_down),
		IN_EACH_WAY(notes_are_forgotten_after_the_retention),
		cmocka_unit_test_setup_teardown(what_is_found_depends_on_the_order_alone,
						in_one_batch, tear_down),
	};
	return cmocka_run_group_tests_name("batch_notes", tests, NULL, NULL);
}
