#include "subscriber/source.h"

#include "subscriber/complaint.h"

#include <stdio.h>
#include <string.h>

int source_open(struct source *source, const char *address, const struct options *options,
		volatile const sig_atomic_t *stop, char *why, size_t why_size)
{
	const struct fetch_settings settings = {.ca_file = options->ca_file,
						.client_cert = options->client_cert,
						.client_key = options->client_key,
						.stop = stop};
	memset(source, 0, sizeof *source);
	int result = fetch_open(address, &settings, &source->fetch, why, why_size);
	if (result != RESULT_OK)
		return result;
	log_reader_init(&source->reader, source->fetch);
	result = trust_open(&source->trust, options->state, fetch_address(source->fetch),
			    options->keys.items, options->keys.count, why, why_size);
	if (result == RESULT_OK)
		result = source_renew(source, why, why_size);
	if (result != RESULT_OK)
		source_close(source);
	return result;
}

int source_renew(struct source *source, char *why, size_t why_size)
{
	struct channel channel;
	source->note[0] = '\0';
	int result = channel_read(source->fetch, &channel, why, why_size);
	if (result != RESULT_OK)
		return result;
	result = trust_meet(&source->trust, &channel, source->note, sizeof source->note, why,
			    why_size);
	if (result != RESULT_OK) {
		channel_free(&channel);
		return result;
	}
	channel_free(&source->channel);
	source->channel = channel;
	return RESULT_OK;
}

static int read_jwks(void *context, struct buffer *into, const struct complaint *why)
{
	struct source *source = context;
	char said[SOURCE_WHY_SIZE];
	const struct complaint plain = {.text = why->text, .size = why->size};
	int result = fetch_get(source->fetch, source->channel.jwks, into, said, sizeof said);
	return result == RESULT_OK ? result : complain(&plain, result, "%s", said);
}

int source_open_keys(struct source *source, const struct options *options, char *why,
		     size_t why_size)
{
	const struct keys_source remote = {
		.name = source->channel.jwks, .read = read_jwks, .context = source};
	keys_free(&source->keys);
	return options->jwks ? keys_load(options->jwks, &source->keys, why, why_size)
			     : keys_open(&remote, &source->keys, why, why_size);
}

int source_head(struct source *source, struct log_head *head, char *why, size_t why_size)
{
	const struct log_keys keys = trust_keys(&source->trust);
	source->note[0] = '\0';
	int result = log_head_fetch(source->fetch, &keys, head, why, why_size);
	return result == RESULT_OK ? trust_learn(&source->trust, &source->channel, head,
						 source->note, sizeof source->note)
				   : result;
}

/* Both checkpoints are signed: that they don't fit is proof against whoever signed them. */
static int complain_fork(struct source *source, const struct log_head *head, const char *what,
			 char *why, size_t why_size)
{
	char told[SOURCE_WHY_SIZE];
	trust_keep_evidence(&source->trust, head, told, sizeof told);
	snprintf(why, why_size, "%.400s; %s", what, told);
	return RESULT_INVALID;
}

int source_turn_to(struct source *source, const struct log_head *head, bool *is_fork, char *why,
		   size_t why_size)
{
	const struct log_head *last = &source->trust.head;
	*is_fork = false;
	if (source->trust.has_head && head->checkpoint.size < last->checkpoint.size &&
	    head->time_s <= last->time_s) {
		snprintf(
			why, why_size,
			"%scheckpoint: older than the one that was seen last: a cache, or a mirror "
			"that lags",
			source->trust.address);
		return RESULT_BUSY;
	}
	int result = log_reader_turn_to(&source->reader, head);
	if (result != RESULT_OK) {
		snprintf(why, why_size, "%s", source->reader.why);
		return result;
	}
	if (source->trust.has_head) {
		result = log_reader_is_consistent(&source->reader, &source->trust.head.checkpoint);
		*is_fork = result == RESULT_INVALID;
	}
	if (*is_fork)
		return complain_fork(source, head, source->reader.why, why, why_size);
	if (result != RESULT_OK) {
		snprintf(why, why_size, "%s", source->reader.why);
		return result;
	}
	source->trust.has_head = true;
	source->trust.head = *head;
	return RESULT_OK;
}

void source_close(struct source *source)
{
	keys_free(&source->keys);
	channel_free(&source->channel);
	log_reader_free(&source->reader);
	fetch_close(&source->fetch);
}
