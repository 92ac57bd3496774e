/* thread.h - threads of a guest: they take no signals, and their waits follow CLOCK_MONOTONIC */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include "base/result.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Starts a thread that blocks all signals; `name` is cut to 15 characters. The caller's own mask is as before.
 * RESULT_OK, or RESULT_NOMEM: no thread is to be had. */
MUST_USE int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context);

/* Blocks all signals for the calling thread, so that threads which a library starts block them too; and puts back
 * what was before. */
void thread_block_signals(sigset_t *before);
void thread_restore_signals(const sigset_t *before);

/* A condition whose times are CLOCK_MONOTONIC's. */
void thread_condition_init(pthread_cond_t *condition);

/* Waits for `condition` with `lock` held, until deadline_us of CLOCK_MONOTONIC. False: the deadline passed. */
bool thread_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t deadline_us);

#endif
