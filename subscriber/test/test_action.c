#include "subscriber/test/signer.h"

#include "subscriber/action.h"

static unsigned action_with(const char *verb, const char *value)
{
	char kind[64];
	snprintf(kind, sizeof kind, "urn:ietf:params:xml:ns:domain-1.0#%s", verb);
	struct event event = {.kind = kind, .name = "a.example"};
	event.what = event.claims = json_loads(value, 0, NULL);
	assert_non_null(event.what);
	unsigned actions = action_of(&event);
	event_free(&event);
	return actions;
}

#define LOCKED "\"lock\":[{\"action\":\"lock\",\"level\":\"registrar\",\"prohibits\":[\"update\"]}]"
#define UNLOCKED                                                                                   \
	"\"lock\":[{\"action\":\"unlock\",\"level\":\"registrar\",\"prohibits\":[\"update\"]}]"
#define STATUS "\"add\":{\"status\":[\"client update prohibited\"]}"

static void events_have_words(void **state)
{
	(void)state;
	assert_int_equal(action_with("create", "{}"), ACTION_CREATE);
	assert_int_equal(action_with("delete", "{}"), ACTION_DELETE);
	assert_int_equal(action_with("renew", "{}"), ACTION_RENEW);
	assert_int_equal(action_with("transfer", "{}"), ACTION_TRANSFER);
	assert_int_equal(action_with("update", "{}"), ACTION_UPDATE);
	assert_int_equal(action_with("update", "{\"restore\":\"request\"}"), ACTION_RESTORE);
	assert_int_equal(action_with("update", "{\"impact\":[\"lock\"]," LOCKED "," STATUS "}"),
			 ACTION_LOCK);
	assert_int_equal(action_with("update", "{" UNLOCKED "}"), ACTION_UNLOCK);
	assert_int_equal(
		action_with("update", "{\"impact\":[\"delegation\",\"unlock\"]," UNLOCKED "}"),
		ACTION_UNLOCK | ACTION_UPDATE);
	assert_int_equal(action_with("update", "{" LOCKED ",\"remove\":{\"nameservers\":[{}]}}"),
			 ACTION_LOCK | ACTION_UPDATE);
	assert_int_equal(action_with("update", "{" LOCKED ",\"changed\":[\"authInfo\"]}"),
			 ACTION_LOCK | ACTION_UPDATE);
	assert_int_equal(action_with("unheard-of", "{}"), 0);
}

static void words_are_read_and_written(void **state)
{
	char text[ACTION_WORDS_SIZE];
	(void)state;
	assert_int_equal(action_parse("lock"), ACTION_LOCK);
	assert_int_equal(action_parse("restore"), ACTION_RESTORE);
	assert_int_equal(action_parse("Lock"), 0);
	assert_int_equal(action_parse(""), 0);
	action_write(ACTION_UPDATE | ACTION_UNLOCK, text);
	assert_string_equal(text, "unlock, update");
	action_write(0xff, text);
	assert_string_equal(text, "unlock, lock, create, update, delete, renew, transfer, restore");
	action_write(0, text);
	assert_string_equal(text, "");
}

static void update_stands_for_any_update(void **state)
{
	(void)state;
	assert_true(action_fits(ACTION_LOCK, ACTION_LOCK));
	assert_false(action_fits(ACTION_LOCK, ACTION_UNLOCK));
	assert_false(action_fits(ACTION_LOCK, ACTION_LOCK | ACTION_UPDATE));
	assert_true(action_fits(ACTION_LOCK | ACTION_UPDATE, ACTION_LOCK | ACTION_UPDATE));
	assert_true(action_fits(ACTION_UPDATE, ACTION_UNLOCK));
	assert_true(action_fits(ACTION_UPDATE, ACTION_RESTORE));
	assert_false(action_fits(ACTION_UPDATE, ACTION_DELETE));
	assert_false(action_fits(ACTION_UPDATE, 0));
	assert_false(action_fits(ACTION_CREATE, ACTION_DELETE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_have_words),
		cmocka_unit_test(words_are_read_and_written),
		cmocka_unit_test(update_stands_for_any_update),
	};
	return cmocka_run_group_tests_name("action", tests, NULL, NULL);
}
