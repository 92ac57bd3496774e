#include "base/thread.h"

#include <stdio.h>
#include <time.h>

void thread_block_signals(sigset_t *before)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

void thread_restore_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context)
{
	sigset_t before;
	char cut[16];
	thread_block_signals(&before);
	int failed = pthread_create(thread, NULL, run, context);
	thread_restore_signals(&before);
	if (failed)
		return RESULT_NOMEM;
	snprintf(cut, sizeof cut, "%s", name);
	pthread_setname_np(*thread, cut);
	return RESULT_OK;
}

void thread_condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

bool thread_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t deadline_us)
{
	struct timespec deadline = {.tv_sec = deadline_us / 1000000,
				    .tv_nsec = deadline_us % 1000000 * 1000};
	return pthread_cond_timedwait(condition, lock, &deadline) == 0;
}
