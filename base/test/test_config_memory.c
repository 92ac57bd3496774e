/* Each allocation of config_load() fails in turn: nothing crashes, nothing leaks.
 *
 * malloc and its kin are replaced for the whole program, libyaml included. Sanitizers replace them too: then this
 * test has nothing to say.
 */
#include "base/config.h"
#include "base/test/failing_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int load_with_failure(const char *path, long after, char *why, size_t why_size)
{
	struct config *config = NULL;
	failing_begin(after, false);
	int result = config_load(path, &config, why, why_size);
	bool mine = config != NULL;
	config_free(&config);
	failing_end();
	assert_int_equal(mine, result == RESULT_OK);
	return result;
}

static void no_failed_allocation_crashes_or_leaks(void **state)
{
	const char *path = *state;
	char why[256], expected[256];
	snprintf(expected, sizeof expected, "%s: out of memory; nothing was read", path);
	long after = 0;
	for (;; after++) {
		int result = load_with_failure(path, after, why, sizeof why);
		assert_int_equal(failing_leaked(), 0);
		if (!failing_did_fail())
			break;
		assert_int_equal(result, RESULT_NOMEM);
		assert_string_equal(why, expected);
	}
	if (FAILING_MALLOC)
		assert_true(after > 100);
}

static void a_file_that_is_refused_leaks_nothing(void **state)
{
	(void)state;
	char path[] = "/tmp/epptap-test-XXXXXX", why[256];
	FILE *file = fdopen(mkstemp(path), "w");
	assert_non_null(file);
	fputs("registry: https://registry.example\nstate_dir: /a\nzones: [a, b, a]\n", file);
	fclose(file);
	assert_int_equal(load_with_failure(path, -1, why, sizeof why), RESULT_CONFIG);
	assert_int_equal(failing_leaked(), 0);
	remove(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(no_failed_allocation_crashes_or_leaks,
					  (void *)"etc/epptap.yaml"),
		cmocka_unit_test(a_file_that_is_refused_leaks_nothing),
	};
	return cmocka_run_group_tests_name("config: memory", tests, NULL, NULL);
}
