/* Names and widths as in the specification's own examples, and bundles. */
#include "publisher/tiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* C2SP tlog-tiles, Partial Tiles: a tree of 70,000, and one of 256. */
static void widths_are_as_in_the_specification(void **state)
{
	(void)state;
	assert_int_equal(tiles_count(70000, 0), 274);
	assert_int_equal(tiles_width(70000, 0, 272), TILES_WIDTH);
	assert_int_equal(tiles_width(70000, 0, 273), 112);
	assert_int_equal(tiles_width(70000, 0, 274), 0);
	assert_int_equal(tiles_count(70000, 1), 2);
	assert_int_equal(tiles_width(70000, 1, 0), TILES_WIDTH);
	assert_int_equal(tiles_width(70000, 1, 1), 17);
	assert_int_equal(tiles_count(70000, 2), 1);
	assert_int_equal(tiles_width(70000, 2, 0), 1);
	assert_int_equal(tiles_count(70000, 3), 0);
	assert_int_equal(tiles_width(70000, 3, 0), 0);
	assert_int_equal(tiles_width(256, 0, 0), TILES_WIDTH);
	assert_int_equal(tiles_width(256, 0, 1), 0);
	assert_int_equal(tiles_count(256, 0), 1);
	assert_int_equal(tiles_width(256, 1, 0), 1);
	assert_int_equal(tiles_count(0, 0), 0);
	assert_int_equal(tiles_width(MERKLE_SIZE_MAX, 7, 0), 127);
	assert_int_equal(tiles_width(MERKLE_SIZE_MAX, 8, 0), 0);
}

static void assert_named(bool is_bundle, unsigned level, uint64_t tile, unsigned width,
			 const char *expected)
{
	char path[TILES_PATH_SIZE];
	struct tiles_name name;
	if (is_bundle)
		tiles_bundle_path(tile, width, path);
	else
		tiles_tile_path(level, tile, width, path);
	assert_string_equal(path, expected);
	assert_int_equal(tiles_parse_path(expected, &name), RESULT_OK);
	assert_int_equal(name.is_bundle, is_bundle);
	assert_int_equal(name.level, level);
	assert_int_equal(name.tile, tile);
	assert_int_equal(name.width, width);
}

static void names_are_as_in_the_specification_and_come_back(void **state)
{
	(void)state;
	assert_named(false, 0, 1234067, 256, "tile/0/x001/x234/067");
	assert_named(false, 1, 1234067, 17, "tile/1/x001/x234/067.p/17");
	assert_named(false, 0, 0, 1, "tile/0/000.p/1");
	assert_named(false, 2, 999, 256, "tile/2/999");
	assert_named(false, 7, 1000, 255, "tile/7/x001/000.p/255");
	assert_named(true, 0, 273, 112, "tile/entries/273.p/112");
	assert_named(true, 0, 1234067, 256, "tile/entries/x001/x234/067");
	assert_named(true, 0, UINT64_MAX, 255,
		     "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255");
}

static void what_is_not_to_the_letter_is_no_name(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"tile",
		"tile/",
		"tile/0",
		"tile/0/",
		"tile/0/1",
		"tile/0/0001",
		"tile/00/001",
		"tile/8/001",
		"tile/0/001/",
		"tile/0/x000/001",
		"tile/0/001.p/0",
		"tile/0/001.p/256",
		"tile/0/001.p/01",
		"tile/0/001.p/",
		"tile/0/001.p",
		"tile/0/x001",
		"tile/0/x001/x002",
		"tile/0/001/002",
		"tile/0/-01",
		"tile/entries",
		"tile/entries/1",
		"tile/entries/001.p/1.new",
		"tile/0/001.new",
		"/tile/0/001",
		"tile//001",
		"tile/entries/x999/x999/x999/x999/x999/x999/999",
		"tile/0/x001/x001/x001/x001/x001/x001/x001/x001/x001/001",
	};
	struct tiles_name name;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(tiles_parse_path(wrong[i], &name), RESULT_INVALID);
}

static void a_bundle_is_split_as_it_was_put_together(void **state)
{
	(void)state;
	static char large[TILES_ENTRY_MAX + 1];
	struct buffer bundle;
	const char *entry;
	size_t at = 0, size;
	memset(large, 'a', sizeof large);
	buffer_init(&bundle, 4 + 3 + TILES_ENTRY_MAX + 1);
	assert_int_equal(tiles_bundle_append(&bundle, "", 0), RESULT_OK);
	assert_int_equal(tiles_bundle_append(&bundle, "b", 1), RESULT_OK);
	assert_int_equal(tiles_bundle_append(&bundle, large, sizeof large), RESULT_FULL);
	assert_int_equal(tiles_bundle_append(&bundle, large, TILES_ENTRY_MAX), RESULT_OK);
	/* The buffer's maximum: not even a part of it is appended. */
	assert_int_equal(tiles_bundle_append(&bundle, large, 2), RESULT_FULL);
	assert_int_equal(bundle.size, 2 + 3 + 2 + TILES_ENTRY_MAX);
	assert_memory_equal(bundle.data,
			    "\0\0\0\1b\xff\xff"
			    "a",
			    8);
	static const size_t sizes[] = {0, 1, TILES_ENTRY_MAX};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(tiles_bundle_next(bundle.data, bundle.size, &at, &entry, &size),
				 RESULT_OK);
		assert_int_equal(size, sizes[i]);
	}
	assert_int_equal(at, bundle.size);
	assert_int_equal(tiles_bundle_next(bundle.data, bundle.size, &at, &entry, &size),
			 RESULT_INVALID);
	buffer_free(&bundle);
}

static void a_bundle_that_is_cut_off_is_refused(void **state)
{
	(void)state;
	const char *entry;
	for (size_t cut = 0; cut < 6; cut++) {
		size_t at = 0, size;
		assert_int_equal(tiles_bundle_next("\0\4abcd", cut, &at, &entry, &size),
				 RESULT_INVALID);
		assert_int_equal(at, 0);
	}
	size_t at = 7, size;
	assert_int_equal(tiles_bundle_next("\0\4abcd", 6, &at, &entry, &size), RESULT_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths_are_as_in_the_specification),
		cmocka_unit_test(names_are_as_in_the_specification_and_come_back),
		cmocka_unit_test(what_is_not_to_the_letter_is_no_name),
		cmocka_unit_test(a_bundle_is_split_as_it_was_put_together),
		cmocka_unit_test(a_bundle_that_is_cut_off_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
