#include "publisher/zmq_context.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <zmq.h>

#include <cmocka.h>

enum { SOCKETS = 3 };

static rlim_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	rlim_t count = 0;
	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 3; /* dot, dot-dot and this one */
}

/* So many more may be opened. */
static void leave(rlim_t more)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = open_descriptors() + more;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Whatever is left: either there is no context, or all its sockets come to be, and libzmq does not end the test. */
static void a_context_is_had_only_with_descriptors_enough(void **state)
{
	struct rlimit before;
	unsigned refused = 0, made = 0;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	rlim_t open_before = open_descriptors();
	for (rlim_t more = 1; more < 64; more++) {
		leave(more);
		void *sockets[SOCKETS], *zmq = zmq_context_new(SOCKETS);
		for (int i = 0; zmq && i < SOCKETS; i++)
			assert_non_null(sockets[i] = zmq_socket(zmq, ZMQ_PUB));
		if (!zmq)
			assert_int_equal(errno, EMFILE);
		for (int i = 0; zmq && i < SOCKETS; i++) {
			assert_int_equal(zmq_bind(sockets[i], "tcp://127.0.0.1:*"), 0);
			zmq_close(sockets[i]);
		}
		*(zmq ? &made : &refused) += 1;
		if (zmq)
			zmq_ctx_term(zmq);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(open_descriptors(), open_before);
	}
	assert_true(made > 0 && refused > 0);
}

static void connections_share_the_descriptors_that_are_left(void **state)
{
	struct rlimit before, limit;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = 1000;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	size_t alone = zmq_context_connections(1, 100), half = zmq_context_connections(1, 50);
	size_t each = zmq_context_connections(10, 50);
	limit.rlim_cur = 20;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(zmq_context_connections(10, 50), 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_in_range(alone, 900, 990);
	assert_int_equal(half, alone / 2);
	assert_in_range(each * 10, 300, 490);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_context_is_had_only_with_descriptors_enough),
		cmocka_unit_test(connections_share_the_descriptors_that_are_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
