#include "publisher/sign_pool.h"

#include "base/thread.h"

#include <stdlib.h>

struct worker {
	struct sign_pool *pool;
	struct signer *signer;
	pthread_t thread;
	bool running;
};

struct sign_pool {
	pthread_mutex_t lock; /* of all below but the jobs themselves */
	pthread_cond_t work, done;
	struct sign_job *jobs;
	size_t count, taken, finished;
	bool all_signed, ending;
	unsigned worker_count;
	struct worker workers[];
};

static void *run(void *context)
{
	struct worker *worker = context;
	struct sign_pool *pool = worker->pool;
	pthread_mutex_lock(&pool->lock);
	while (!pool->ending) {
		if (pool->taken == pool->count) {
			pthread_cond_wait(&pool->work, &pool->lock);
			continue;
		}
		struct sign_job *job = &pool->jobs[pool->taken++];
		pthread_mutex_unlock(&pool->lock);
		if (!job->is_signed)
			job->is_signed = signer_close_jws(worker->signer, &job->jws) == RESULT_OK;
		pthread_mutex_lock(&pool->lock);
		pool->all_signed &= job->is_signed;
		if (++pool->finished == pool->count)
			pthread_cond_signal(&pool->done);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

int sign_pool_new(const struct signing_key *key, unsigned threads, struct sign_pool **out)
{
	struct sign_pool *pool = calloc(1, sizeof *pool + threads * sizeof *pool->workers);
	int result = RESULT_OK;
	*out = NULL;
	if (!pool)
		return RESULT_NOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->done, NULL);
	pool->worker_count = threads;
	for (unsigned i = 0; i < threads && result == RESULT_OK; i++) {
		struct worker *worker = &pool->workers[i];
		worker->pool = pool;
		result = signer_new(key, &worker->signer);
		if (result == RESULT_OK)
			result = thread_start(&worker->thread, "epptap-sign", run, worker);
		worker->running = result == RESULT_OK;
	}
	if (result != RESULT_OK)
		sign_pool_free(&pool);
	*out = pool;
	return result;
}

void sign_pool_begin(struct sign_pool *pool, struct sign_job *jobs, size_t count)
{
	pthread_mutex_lock(&pool->lock);
	pool->jobs = jobs;
	pool->count = count;
	pool->taken = pool->finished = 0;
	pool->all_signed = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

bool sign_pool_wait(struct sign_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->finished < pool->count)
		pthread_cond_wait(&pool->done, &pool->lock);
	bool all_signed = pool->all_signed;
	pthread_mutex_unlock(&pool->lock);
	return all_signed;
}

void sign_pool_free(struct sign_pool **pool)
{
	if (!*pool)
		return;
	pthread_mutex_lock(&(*pool)->lock);
	(*pool)->ending = true;
	pthread_cond_broadcast(&(*pool)->work);
	pthread_mutex_unlock(&(*pool)->lock);
	for (unsigned i = 0; i < (*pool)->worker_count; i++) {
		if ((*pool)->workers[i].running)
			pthread_join((*pool)->workers[i].thread, NULL);
		signer_free(&(*pool)->workers[i].signer);
	}
	pthread_cond_destroy(&(*pool)->work);
	pthread_cond_destroy(&(*pool)->done);
	pthread_mutex_destroy(&(*pool)->lock);
	free(*pool);
	*pool = NULL;
}
