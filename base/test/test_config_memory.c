/* Each allocation of config_load() fails in turn: nothing crashes, nothing leaks.
 *
 * malloc and its kin are replaced for the whole program, libyaml included. Sanitizers replace them too: then this
 * test has nothing to say.
 */
#include "base/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPLACED 0
#else
#define REPLACED 1
#endif

static long live;       /* allocations not given back yet, while `counted` */
static long until_fail; /* this many succeed, the next fails; negative: none fails */
static bool counted, failed;

/* NOLINTBEGIN: these are declared in <stdlib.h> already, with other names and without the visibility */
#if REPLACED
#define VISIBLE __attribute__((visibility("default")))

/* glibc's own, under the names that are left when ours take the usual ones. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *old);

VISIBLE void *malloc(size_t size);
VISIBLE void *calloc(size_t count, size_t size);
VISIBLE void *realloc(void *old, size_t size);
VISIBLE void free(void *old);

static bool fails(void)
{
	if (!counted || until_fail < 0)
		return false;
	if (until_fail-- > 0)
		return false;
	failed = true;
	return true;
}

static void *seen(void *fresh)
{
	if (counted && fresh)
		live++;
	return fresh;
}

void *malloc(size_t size)
{
	return fails() ? NULL : seen(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : seen(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
	if (fails())
		return NULL;
	void *fresh = __libc_realloc(old, size);
	return old ? fresh : seen(fresh);
}

void free(void *old)
{
	if (counted && old)
		live--;
	__libc_free(old);
}
#endif
/* NOLINTEND */

static int load_with_failure(const char *path, long after, char *why, size_t why_size)
{
	struct config *config = NULL;
	live = 0;
	failed = false;
	until_fail = after;
	counted = true;
	int result = config_load(path, &config, why, why_size);
	bool mine = config != NULL;
	config_free(&config);
	counted = false;
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
		assert_int_equal(live, 0);
		if (!failed)
			break;
		assert_int_equal(result, RESULT_NOMEM);
		assert_string_equal(why, expected);
	}
	if (REPLACED)
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
	assert_int_equal(live, 0);
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
