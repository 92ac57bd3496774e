/* Notes that are not committed yet: the newest counts, and a full ring forgets the oldest. */
#include "publisher/note_ring.h"

#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct note_ring *ring;

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(note_ring_new(&ring), RESULT_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	note_ring_free(&ring);
	note_ring_free(&ring);
	return 0;
}

/* Key number `i`; many share a bucket. */
static struct note_key key_of(unsigned i)
{
	struct note_key key = {.kind = NOTE_TOLD, .hash = {(uint8_t)(i % 7)}};
	memcpy(key.hash + 8, &i, sizeof i);
	return key;
}

static void put(unsigned i, const char *value)
{
	struct note_key key = key_of(i);
	assert_int_equal(note_ring_put(ring, &key, value, strlen(value)), RESULT_OK);
}

/* What is noted under key `i`: "-" that nothing is, NULL if the ring doesn't know. */
static const char *found(unsigned i)
{
	static char text[64];
	struct note_key key = key_of(i);
	const void *value;
	size_t size;
	if (!note_ring_find(ring, &key, &value, &size))
		return NULL;
	if (!value)
		return "-";
	memcpy(text, value, size);
	text[size] = '\0';
	return text;
}

static void the_newest_of_a_key_counts(void **state)
{
	(void)state;
	struct note_key key = key_of(1);
	assert_null(found(1));
	put(1, "a");
	put(2, "");
	put(8, "other");
	assert_string_equal(found(1), "a");
	assert_string_equal(found(2), "");
	assert_string_equal(found(8), "other");
	assert_null(found(15));
	put(1, "b");
	assert_string_equal(found(1), "b");
	note_ring_drop(ring, &key);
	assert_string_equal(found(1), "-");
	put(1, "c");
	assert_string_equal(found(1), "c");
	key.kind = NOTE_PENDING;
	const void *value;
	size_t size;
	assert_false(note_ring_find(ring, &key, &value, &size));
}

static void after_a_clear_nothing_is_known_and_it_goes_on(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		put(i, "x");
	note_ring_clear(ring);
	for (unsigned i = 0; i < 100; i++)
		assert_null(found(i));
	put(3, "y");
	assert_string_equal(found(3), "y");
	assert_null(found(10));
}

static void a_full_one_forgets_the_oldest(void **state)
{
	(void)state;
	enum { MORE = 2 * NOTE_RING_NOTES + 5 };
	for (unsigned i = 0; i < MORE; i++)
		put(i, "x");
	for (unsigned i = 0; i < MORE; i++)
		assert_int_equal(found(i) != NULL, i >= MORE - NOTE_RING_NOTES);
}

static void values_have_a_bound_together(void **state)
{
	(void)state;
	static char large[NOTE_RING_BYTES / 4];
	struct note_key key;
	const void *value;
	size_t size;
	for (unsigned i = 0; i < 6; i++) {
		key = key_of(i);
		assert_int_equal(note_ring_put(ring, &key, large, sizeof large), RESULT_OK);
	}
	for (unsigned i = 0; i < 6; i++) {
		key = key_of(i);
		assert_int_equal(note_ring_find(ring, &key, &value, &size), i >= 2);
	}
	assert_int_equal(size, sizeof large);
}

#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RING(the_newest_of_a_key_counts),
		WITH_RING(after_a_clear_nothing_is_known_and_it_goes_on),
		WITH_RING(a_full_one_forgets_the_oldest),
		WITH_RING(values_have_a_bound_together),
	};
	return cmocka_run_group_tests_name("note_ring", tests, NULL, NULL);
}
