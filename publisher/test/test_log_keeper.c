/* The thread that keeps the logs, while another one writes to the same store. */
#include "publisher/log_keeper.h"

#include "publisher/test/log_fixture.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { PATIENCE_US = 20000000 };

static struct log_fixture fixture;
static struct log_keeper *keeper;
static uint64_t taken_size; /* of the last checkpoint that was taken */
static unsigned taken;

static void take_one(void *context, size_t channel, uint64_t size, const void *note,
		     size_t note_size)
{
	struct signed_note read;
	struct checkpoint checkpoint = {0};
	assert_ptr_equal(context, &fixture);
	assert_int_equal(channel, 0);
	assert_int_equal(signed_note_parse(note, note_size, &read), RESULT_OK);
	assert_int_equal(checkpoint_parse(read.text, read.text_size, &checkpoint), RESULT_OK);
	assert_int_equal(checkpoint.size, size);
	assert_true(size >= taken_size);
	taken_size = size;
	taken++;
}

static void take_until(uint64_t size)
{
	int64_t until_us = clock_monotonic_us() + PATIENCE_US;
	do {
		assert_true(clock_monotonic_us() < until_us);
		log_keeper_take(keeper, take_one, &fixture);
		clock_sleep_us(1000);
	} while (taken_size < size || taken == 0);
}

static int set_up(void **state)
{
	(void)state;
	taken_size = taken = 0;
	log_fixture_set_up(&fixture);
	fixture.config->checkpoint_ms = 100;
	log_fixture_add(&fixture, 1);
	return log_keeper_new(fixture.config, fixture.store, &fixture.identity, fixture.keys,
			      &keeper);
}

static int tear_down(void **state)
{
	(void)state;
	log_keeper_free(&keeper);
	fixture.keys = NULL; /* they were the keeper's */
	log_fixture_tear_down(&fixture);
	return 0;
}

/* The store's reserve is opened meanwhile: no transaction of the keeper's may be under way then. */
static void it_follows_what_is_committed(void **state)
{
	(void)state;
	unsigned added = 1;
	for (int i = 0; i < 60; i++) {
		log_fixture_add(&fixture, 50);
		added += 50;
		log_keeper_take(keeper, take_one, &fixture);
		assert_int_equal(feed_store_open_reserve(fixture.store, i % 2), RESULT_OK);
	}
	take_until(added);
	assert_int_equal(log_fixture_verify(&fixture, 0), added);
}

static void it_signs_all_there_is_before_it_stops(void **state)
{
	(void)state;
	take_until(1);
	log_fixture_add(&fixture, 300);
	log_keeper_stop(keeper);
	log_keeper_take(keeper, take_one, &fixture);
	assert_int_equal(taken_size, 301);
	assert_int_equal(log_fixture_verify(&fixture, 0), 301);
	log_keeper_stop(keeper);
}

static json_int_t failures(void)
{
	struct buffer text;
	buffer_init(&text, 4096);
	buffer_append_text(&text, "{\"first\":0");
	log_keeper_write_stats(keeper, &text);
	buffer_append_byte(&text, '}');
	json_t *stats = json_loadb(text.data, text.size, 0, NULL);
	json_int_t count = json_integer_value(
		json_object_get(json_object_get(stats, "log_failures"), "public"));
	json_decref(stats);
	buffer_free(&text);
	return count;
}

static void what_fails_is_counted_and_tried_again(void **state)
{
	(void)state;
	char folder[PATH_MAX], aside[PATH_MAX];
	take_until(1);
	assert_int_equal(failures(), 0);
	snprintf(folder, sizeof folder, "%s/tile", fixture.config->channels->log_dir);
	snprintf(aside, sizeof aside, "%s/aside", fixture.scratch.path);
	assert_int_equal(rename(folder, aside), 0);
	fclose(fopen(folder, "we")); /* a file where the folder was */
	log_fixture_add(&fixture, 10);
	int64_t until_us = clock_monotonic_us() + PATIENCE_US;
	while (failures() < 2) {
		assert_true(clock_monotonic_us() < until_us);
		clock_sleep_us(1000);
	}
	assert_int_equal(unlink(folder), 0);
	assert_int_equal(rename(aside, folder), 0);
	take_until(11);
	assert_int_equal(log_fixture_verify(&fixture, 0), 11);
}

#define WITH_KEEPER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KEEPER(it_follows_what_is_committed),
		WITH_KEEPER(it_signs_all_there_is_before_it_stops),
		WITH_KEEPER(what_fails_is_counted_and_tried_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
