/* reload.c - another configuration for an open tap */
#include "plugin/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tap_load(struct tap_config **out, const char *path, char *why, size_t why_size)
{
	struct tap_config *next = calloc(1, sizeof *next);
	*out = NULL;
	if (!next)
		return RESULT_NOMEM;
	int result = config_load(path, &next->config, why, why_size);
	if (result == RESULT_OK)
		*out = next;
	else
		free(next);
	return result;
}

void tap_use(struct epptap *tap, struct tap_config *next)
{
	next->before = tap->configs;
	tap->configs = next;
	atomic_store_explicit(&tap->config, next->config, memory_order_release);
	if (tap->capture)
		capture_use(tap->capture, next->config);
}

void tap_free_configs(struct tap_config **configs)
{
	while (*configs) {
		struct tap_config *gone = *configs;
		*configs = gone->before;
		config_free(&gone->config);
		free(gone);
	}
}

/* The first key whose value must stay as it was, and did not; NULL: there is none. */
static const char *changed_key(const struct config *now, const struct config *next)
{
	const struct {
		bool same;
		const char *key;
	} fixed[] = {
		{strcmp(now->registry, next->registry) == 0, "registry"},
		{strcmp(now->state_dir, next->state_dir) == 0, "state_dir"},
		{now->capture.queue == next->capture.queue, "capture.queue"},
		{now->capture.streams == next->capture.streams, "capture.streams"},
		{now->publisher == next->publisher, "publisher"},
	};
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		if (!fixed[i].same)
			return fixed[i].key;
	return NULL;
}

static int check(struct epptap *tap, const struct config *next, char *why, size_t why_size)
{
	const char *key = changed_key(tap_config(tap), next);
	if (!key)
		return RESULT_OK;
	snprintf(why, why_size,
		 "%s: %s can't be changed while the tap is open; put the old value back, or close "
		 "the tap and open it again",
		 next->path, key);
	return RESULT_CONFIG;
}

/* With tap->reload_lock held. The publisher is asked last: if it refuses, nothing has changed. */
static int reload(struct epptap *tap, char *why, size_t why_size)
{
	struct tap_config *next;
	int result = tap_load(&next, tap_config(tap)->path, why, why_size);
	if (result != RESULT_OK)
		return result;
	result = check(tap, next->config, why, why_size);
	if (result == RESULT_OK && tap->publisher)
		result = tap->module->reload(tap->publisher, next->config, why, why_size);
	if (result == RESULT_OK)
		tap_use(tap, next);
	else
		tap_free_configs(&next);
	return result;
}

int epptap_reload(struct epptap *tap, char *why, size_t why_size)
{
	char text[TAP_WHY_SIZE] = "";
	if (!tap || (!why && why_size))
		return EPPTAP_EINVAL;
	if (tap_forked(tap))
		return EPPTAP_EFORK;
	pthread_mutex_lock(&tap->reload_lock);
	int result = reload(tap, text, sizeof text);
	pthread_mutex_unlock(&tap->reload_lock);
	if (why_size)
		snprintf(why, why_size, "%s",
			 result == RESULT_OK ? ""
			 : *text             ? text
					     : result_text(result));
	return result;
}
