/* What submit makes of files: the registry's own changes in the spool, in order, or words. */
#include "plugin/submit.h"

#include "plugin/test/frames.h"
#include "plugin/test/scratch.h"
#include "plugin/test/spooled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CANARY "CANARY-5e1d"

static struct scratch scratch;
static char state_dir[128], why[1024];
static struct config config;
static struct config_pair registrars[] = {{"gainer", "Gainer Ltd"}};
static struct submit *submit;
static const struct change *change;
static struct spooled_list spooled;

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	snprintf(state_dir, sizeof state_dir, "%s/state", scratch.path);
	config = (struct config){.state_dir = state_dir, .spool_limit = 1 << 20};
	config.capture.frame_limit = 4096;
	config.registrars = (struct config_pairs){registrars, 1};
	return submit_new(&config, &submit) == RESULT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	submit_free(&submit);
	spooled_free(&spooled);
	scratch_remove(scratch.path);
	return 0;
}

/* Puts a frame into a file, and adds that. */
static int add_bytes(const char *frame, size_t size)
{
	char path[256];
	snprintf(path, sizeof path, "%s/frame.xml", scratch.path);
	FILE *file = fopen(path, "we");
	fwrite(frame, 1, size, file);
	fclose(file);
	return submit_add(submit, path, &change, why, sizeof why);
}

static int add(const char *frame)
{
	return add_bytes(frame, strlen(frame));
}

static void write_all(void)
{
	if (submit_write(submit, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	spooled_read(&spooled, state_dir);
}

static void a_change_is_durable_and_nobodys(void **state)
{
	(void)state;
	assert_int_equal(add(FRAME_SERVER_CHANGE("a.example", "after", "")), RESULT_OK);
	assert_string_equal(change->name.text, "a.example");
	assert_int_equal(change->verb, CHANGE_UPDATE);
	write_all();
	assert_int_equal(spooled.count, 2);
	assert_int_equal(spooled.items[0].header.kind, SPOOL_CHANGE);
	assert_string_equal(spooled.items[0].name, "a.example");
	assert_string_equal(spooled.items[0].registrar, "");
	assert_string_equal(spooled.items[0].txn, "OWN-1");
	assert_true(spooled.items[0].is_message);
	assert_int_equal(spooled.items[1].header.kind, SPOOL_CLOSED);
}

static void several_keep_their_order(void **state)
{
	(void)state;
	char name[32], frame[4096];
	for (int i = 0; i < 100; i++) {
		snprintf(frame, sizeof frame, FRAME_SERVER_CHANGE("n%02d.example", "%s", ""), i,
			 i % 2 ? "after" : "before");
		assert_int_equal(add(frame), RESULT_OK);
	}
	write_all();
	assert_int_equal(spooled.count, 101);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "n%02d.example", i);
		assert_string_equal(spooled.items[i].name, name);
		assert_int_equal(spooled.items[i].state_at, i % 2 ? STATE_AFTER : STATE_BEFORE);
		assert_true(i == 0 || spooled.items[i].header.monotonic_us >=
					      spooled.items[i - 1].header.monotonic_us);
	}
}

static void refused_with(int result, const char *words)
{
	assert_int_equal(result, RESULT_INVALID);
	assert_null(change);
	if (!strstr(why, "/frame.xml: ") || !strstr(why, words))
		fail_msg("no %s in: %s", words, why);
	assert_null(strstr(why, CANARY));
}

static void what_is_no_change_of_the_registrys_is_refused_in_words(void **state)
{
	(void)state;
	static const char form[] = "is not the registry's own change; write what a poll message of "
				   "it would be (RFC 8590)";
	refused_with(add(FRAME_UPDATE(CANARY ".example")), form);
	refused_with(add(FRAME_PENDING_DONE(CANARY ".example")), form);
	refused_with(add(FRAME_DONE), form);
	refused_with(add(FRAMES_EPP CANARY), "is not well-formed XML");
	refused_with(add("<!DOCTYPE " CANARY ">" FRAME_DONE), "has a DOCTYPE");
	refused_with(add(FRAME_SERVER_CHANGE(CANARY " x", "after", "")),
		     "has a value that is none");
	refused_with(add("<?xml version=\"1.0\" encoding=\"x-" CANARY "\"?>" FRAME_DONE),
		     "is in an encoding that is not known here");
	refused_with(add("<a xmlns=\"urn:" CANARY "\"/>"), "has a namespace that epptap does not");
	refused_with(add(""), "is empty");
	static char large[4097];
	refused_with(add_bytes(large, sizeof large),
		     "is larger than capture.frame_limit, 4096 bytes");
	/* The state_dir was not touched. */
	assert_int_equal(scratch_count(scratch.path), 1);
}

static void a_file_that_is_not_there_is_named(void **state)
{
	(void)state;
	assert_int_equal(submit_add(submit, "/nowhere/a.xml", &change, why, sizeof why),
			 RESULT_INVALID);
	assert_string_equal(why, "/nowhere/a.xml: can't be read: No such file or directory");
}

/* The caller may go on, or not: what was refused adds nothing. */
static void a_refused_frame_leaves_the_others(void **state)
{
	(void)state;
	assert_int_equal(add(FRAME_SERVER_CHANGE("a.example", "after", "")), RESULT_OK);
	assert_int_equal(add("<"), RESULT_INVALID);
	assert_int_equal(add(FRAME_SERVER_CHANGE("b.example", "after", "")), RESULT_OK);
	write_all();
	assert_int_equal(spooled.count, 3);
	assert_string_equal(spooled.items[1].name, "b.example");
}

static void a_full_spool_is_told(void **state)
{
	(void)state;
	config.spool_limit = 16;
	assert_int_equal(add(FRAME_SERVER_CHANGE("a.example", "after", "")), RESULT_OK);
	assert_int_equal(submit_write(submit, why, sizeof why), RESULT_FULL);
	assert_non_null(strstr(why, "can't be written: it is at spool.limit"));
	spooled_read(&spooled, state_dir);
	assert_int_equal(spooled_count(&spooled, SPOOL_CHANGE), 0);
}

#define WITH_SUBMIT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SUBMIT(a_change_is_durable_and_nobodys),
		WITH_SUBMIT(several_keep_their_order),
		WITH_SUBMIT(what_is_no_change_of_the_registrys_is_refused_in_words),
		WITH_SUBMIT(a_file_that_is_not_there_is_named),
		WITH_SUBMIT(a_refused_frame_leaves_the_others),
		WITH_SUBMIT(a_full_spool_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
