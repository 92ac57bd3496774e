#include "subscriber/test/log_maker.h"

#include "subscriber/fetch.h"

#include <sys/stat.h>

static void assert_refused(const char *address, const char *said)
{
	struct fetch *fetch;
	const struct fetch_settings settings = {.stop = NULL};
	char why[512] = "";
	assert_int_equal(fetch_open(address, &settings, &fetch, why, sizeof why), RESULT_CONFIG);
	assert_null(fetch);
	if (!strstr(why, said))
		print_error("%s\n", why);
	assert_non_null(strstr(why, said));
}

static void assert_address(const char *given, const char *used)
{
	struct fetch *fetch;
	const struct fetch_settings settings = {.stop = NULL};
	char why[512] = "";
	assert_int_equal(fetch_open(given, &settings, &fetch, why, sizeof why), RESULT_OK);
	assert_string_equal(fetch_address(fetch), used);
	fetch_close(&fetch);
	assert_null(fetch);
}

static void addresses_end_in_a_slash_and_name_no_file(void **state)
{
	(void)state;
	assert_address("/srv/feed", "/srv/feed/");
	assert_address("/srv/feed/", "/srv/feed/");
	assert_address("feed", "feed/");
	assert_address("feed.json", "./");
	assert_address("/srv/feed.json", "/srv/");
	assert_address("file:///srv/feed", "/srv/feed/");
	assert_address("https://feed.example", "https://feed.example/");
	assert_address("https://feed.example/public/feed.json", "https://feed.example/public/");
	assert_address("http://127.0.0.1:80/", "http://127.0.0.1:80/");
	assert_address("http://[::1]:8080/", "http://[::1]:8080/");
	assert_address("http://localhost/", "http://localhost/");
}

static void addresses_that_cannot_be_right_are_refused(void **state)
{
	(void)state;
	assert_refused("ftp://feed.example/", "of a scheme that is not known");
	assert_refused("gopher:x", "of a scheme that is not known");
	assert_refused("file://host/a", "of a scheme that is not known");
	assert_refused("https:///a", "no address");
	assert_refused("https://", "no address");
	assert_refused("https://feed.example/?a=b", "no address");
	assert_refused("https://feed.example/ b", "no address");
	assert_refused("https://user:secret@feed.example/", "a password has no place in it");
	assert_refused("http://feed.example/", "https:// would be right");
	assert_refused("http://127.0.0.1.evil.example/", "https:// would be right");
	assert_refused("http://localhost.evil.example:80/", "https:// would be right");
	assert_refused("http://[::1].evil.example/", "https:// would be right");
}

static void files_are_read_within_bounds(void **state)
{
	struct log_maker *maker = log_maker_new();
	const struct fetch_settings settings = {.stop = NULL};
	struct fetch *fetch;
	struct buffer file;
	char why[512] = "", path[256];
	(void)state;
	put_text(maker, "a/b", "content");
	assert_int_equal(fetch_open(maker->folder, &settings, &fetch, why, sizeof why), RESULT_OK);
	buffer_init(&file, 7);
	assert_int_equal(fetch_get(fetch, "a/b", &file, why, sizeof why), RESULT_OK);
	assert_int_equal(file.size, 7);
	assert_memory_equal(file.data, "content", 7);
	assert_int_equal(fetch_get(fetch, "a/c", &file, why, sizeof why), FETCH_ABSENT);
	assert_int_equal(file.size, 0);
	assert_non_null(strstr(why, "a/c: there is no such file"));
	assert_int_equal(fetch_get(fetch, "a/b/c", &file, why, sizeof why), FETCH_ABSENT);
	buffer_free(&file);
	buffer_init(&file, 6);
	assert_int_equal(fetch_get(fetch, "a/b", &file, why, sizeof why), RESULT_FULL);
	assert_int_equal(file.size, 0);
	assert_non_null(strstr(why, "over 6 bytes"));
	assert_int_equal(fetch_get(fetch, "a", &file, why, sizeof why), RESULT_STORE);
	/* What never ends is not waited for. */
	snprintf(path, sizeof path, "%sfifo", maker->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(fetch_get(fetch, "fifo", &file, why, sizeof why), RESULT_STORE);
	buffer_free(&file);
	fetch_close(&fetch);
	log_maker_free(maker);
}

static void names_that_lead_out_of_the_folder_are_refused(void **state)
{
	static const char *const names[] = {"",     "/etc/passwd", "../a", "a/../b",
					    "a b",  "a?b",         "a#b",  "https://evil.example/",
					    "a\nb", "%2e%2e/a"};
	const struct fetch_settings settings = {.stop = NULL};
	struct fetch *fetch;
	struct buffer file;
	char why[512];
	(void)state;
	buffer_init(&file, 100);
	assert_int_equal(fetch_open("/tmp", &settings, &fetch, why, sizeof why), RESULT_OK);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_int_equal(fetch_get(fetch, names[i], &file, why, sizeof why), RESULT_CONFIG);
	fetch_close(&fetch);
	buffer_free(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_end_in_a_slash_and_name_no_file),
		cmocka_unit_test(addresses_that_cannot_be_right_are_refused),
		cmocka_unit_test(files_are_read_within_bounds),
		cmocka_unit_test(names_that_lead_out_of_the_folder_are_refused),
	};
	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
