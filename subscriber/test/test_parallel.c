#include "subscriber/test/signer.h"

#include "subscriber/parallel.h"

enum { COUNT = 1000 };

static void mark(void *context, unsigned i)
{
	unsigned char *marks = context;
	marks[i]++;
}

static void each_is_done_once_whatever_the_number_of_threads(void **state)
{
	(void)state;
	for (unsigned threads = 0; threads < 6; threads += 2) {
		struct parallel *parallel;
		assert_int_equal(parallel_open(threads, &parallel), RESULT_OK);
		for (unsigned turn = 0; turn < 200; turn++) {
			unsigned char marks[COUNT] = {0};
			unsigned count = turn * 5;
			parallel_run(parallel, count, mark, marks);
			for (unsigned i = 0; i < COUNT; i++)
				assert_int_equal(marks[i], i < count);
		}
		parallel_close(&parallel);
		assert_null(parallel);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_done_once_whatever_the_number_of_threads),
	};
	return cmocka_run_group_tests_name("parallel", tests, NULL, NULL);
}
