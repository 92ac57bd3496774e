#include "subscriber/parallel.h"

#include "base/thread.h"

#include <stdlib.h>

enum { THREADS_MAX = 64, PORTION = 4 };

struct parallel {
	pthread_mutex_t lock;
	pthread_cond_t begun, done;
	pthread_t threads[THREADS_MAX];
	unsigned thread_count;
	bool ends;
	unsigned turn; /* a number for each call, so that no thread takes part twice */
	unsigned busy; /* threads in this turn */
	void (*run)(void *context, unsigned i);
	void *context;
	unsigned count, next;
};

/* With the lock held: takes portions until there are none. */
static void work(struct parallel *parallel)
{
	while (parallel->next < parallel->count) {
		unsigned from = parallel->next, to = from + PORTION;
		if (to > parallel->count)
			to = parallel->count;
		parallel->next = to;
		pthread_mutex_unlock(&parallel->lock);
		for (unsigned i = from; i < to; i++)
			parallel->run(parallel->context, i);
		pthread_mutex_lock(&parallel->lock);
	}
}

static void *thread_main(void *context)
{
	struct parallel *parallel = context;
	unsigned turn = 0;
	pthread_mutex_lock(&parallel->lock);
	for (;;) {
		while (!parallel->ends && parallel->turn == turn)
			pthread_cond_wait(&parallel->begun, &parallel->lock);
		if (parallel->ends)
			break;
		turn = parallel->turn;
		parallel->busy++;
		work(parallel);
		if (--parallel->busy == 0)
			pthread_cond_signal(&parallel->done);
	}
	pthread_mutex_unlock(&parallel->lock);
	return NULL;
}

int parallel_open(unsigned threads, struct parallel **parallel)
{
	struct parallel *made = calloc(1, sizeof *made);
	*parallel = made;
	if (!made)
		return RESULT_NOMEM;
	pthread_mutex_init(&made->lock, NULL);
	pthread_cond_init(&made->begun, NULL);
	pthread_cond_init(&made->done, NULL);
	while (made->thread_count < threads && made->thread_count < THREADS_MAX &&
	       thread_start(&made->threads[made->thread_count], "eppwatch-verify", thread_main,
			    made) == RESULT_OK)
		made->thread_count++;
	return RESULT_OK;
}

void parallel_run(struct parallel *parallel, unsigned count, void (*run)(void *context, unsigned i),
		  void *context)
{
	pthread_mutex_lock(&parallel->lock);
	parallel->run = run;
	parallel->context = context;
	parallel->count = count;
	parallel->next = 0;
	parallel->turn++;
	pthread_cond_broadcast(&parallel->begun);
	work(parallel);
	while (parallel->busy > 0)
		pthread_cond_wait(&parallel->done, &parallel->lock);
	pthread_mutex_unlock(&parallel->lock);
}

void parallel_close(struct parallel **parallel)
{
	struct parallel *gone = *parallel;
	*parallel = NULL;
	if (!gone)
		return;
	pthread_mutex_lock(&gone->lock);
	gone->ends = true;
	pthread_cond_broadcast(&gone->begun);
	pthread_mutex_unlock(&gone->lock);
	for (unsigned i = 0; i < gone->thread_count; i++)
		pthread_join(gone->threads[i], NULL);
	pthread_cond_destroy(&gone->done);
	pthread_cond_destroy(&gone->begun);
	pthread_mutex_destroy(&gone->lock);
	free(gone);
}
