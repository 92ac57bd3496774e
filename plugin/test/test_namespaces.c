/* The table of namespaces that were met: bounded, and what made a frame unreadable has room in it. */
#include "plugin/namespaces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct namespaces namespaces;
static struct buffer json;

static int set_up(void **state)
{
	(void)state;
	memset(&namespaces, 0, sizeof namespaces);
	buffer_init(&json, 65536);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buffer_free(&json);
	return 0;
}

static void note(const char *uri, bool unread)
{
	struct eppparse_met met = {.unread = unread};
	snprintf(met.uri, sizeof met.uri, "%s", uri);
	namespaces_note(&namespaces, &met);
}

static const char *written(void)
{
	buffer_reset(&json);
	namespaces_write(&namespaces, &json);
	buffer_append_byte(&json, '\0');
	return json.data;
}

static void each_is_counted_by_what_it_came_to(void **state)
{
	(void)state;
	assert_string_equal(written(), "{}");
	note("urn:a", true);
	note("urn:b", false);
	note("urn:a", false);
	note("urn:a", true);
	assert_string_equal(written(), "{\"urn:a\":{\"unread\":2,\"passed_over\":1},"
				       "\"urn:b\":{\"unread\":0,\"passed_over\":1}}");
}

static void what_cannot_be_shown_is_counted_with_the_others(void **state)
{
	(void)state;
	note("", true);
	note("", false);
	assert_string_equal(written(), "{\"(others)\":{\"unread\":1,\"passed_over\":1}}");
}

static void note_many(const char *name, bool unread, int count)
{
	char uri[EPPPARSE_URI_SIZE];
	for (int i = 0; i < count; i++) {
		snprintf(uri, sizeof uri, "urn:%s-%d", name, i);
		note(uri, unread);
	}
}

static void extensions_leave_room_for_what_made_frames_unreadable(void **state)
{
	(void)state;
	note_many("ext", false, 100);
	note_many("own", true, 100);
	const char *text = written();
	assert_non_null(strstr(text, "\"urn:ext-23\":"));
	assert_null(strstr(text, "\"urn:ext-24\":"));
	assert_non_null(strstr(text, "\"urn:own-7\":{\"unread\":1,\"passed_over\":0}"));
	assert_null(strstr(text, "\"urn:own-8\":"));
	assert_non_null(strstr(text, "\"(others)\":{\"unread\":92,\"passed_over\":76}}"));
	/* One that has a place keeps it. */
	note("urn:ext-0", true);
	assert_non_null(strstr(written(), "\"urn:ext-0\":{\"unread\":1,\"passed_over\":1}"));
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TABLE(each_is_counted_by_what_it_came_to),
		WITH_TABLE(what_cannot_be_shown_is_counted_with_the_others),
		WITH_TABLE(extensions_leave_room_for_what_made_frames_unreadable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
