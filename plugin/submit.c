#include "plugin/submit.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/state_dir.h"
#include "eppparse/eppparse.h"
#include "plugin/logins.h"
#include "plugin/spool_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of all changes of a call: what spool_writer_append() takes before it is synced, with its headers. */
enum { RECORDS_MAX = SPOOL_RECORD_MAX + 64 };

struct submit {
	const struct config *config;
	struct eppparse *parse;
	struct change change;  /* of the last frame */
	struct buffer frame;   /* the last one */
	struct buffer record;  /* and what becomes of it */
	struct buffer records; /* of all frames: of each its size, in a size_t, and its bytes */
};

int submit_new(const struct config *config, struct submit **out)
{
	struct submit *submit = calloc(1, sizeof *submit);
	*out = NULL;
	if (!submit)
		return RESULT_NOMEM;
	submit->config = config;
	change_init(&submit->change);
	buffer_init(&submit->frame, config->capture.frame_limit);
	buffer_init(&submit->record, SPOOL_RECORD_MAX);
	buffer_init(&submit->records, RECORDS_MAX);
	int result = eppparse_silence_thread();
	if (result == RESULT_OK)
		result = eppparse_new(&submit->parse);
	if (result == RESULT_OK)
		eppparse_use(submit->parse, &config->namespaces, &config->verbs);
	else
		submit_free(&submit);
	*out = submit;
	return result;
}

void submit_free(struct submit **submit)
{
	if (!*submit)
		return;
	eppparse_free(&(*submit)->parse);
	change_free(&(*submit)->change);
	buffer_free(&(*submit)->frame);
	buffer_free(&(*submit)->record);
	buffer_free(&(*submit)->records);
	free(*submit);
	*submit = NULL;
}

/* What is wrong with a frame, and what would be right. */
static const char *words_for(enum eppparse_result found)
{
	switch (found) {
	case EPPPARSE_NOTHING:
		return "tells of nothing that the feed has; write a change of a domain, a host, or "
		       "what else keeps delegation or keys";
	case EPPPARSE_MALFORMED:
		return "is not well-formed XML; write one whole frame, without the length that is "
		       "before it on the wire";
	case EPPPARSE_DOCTYPE:
		return "has a DOCTYPE, which no EPP frame may have; take it out";
	case EPPPARSE_DEEP:
	case EPPPARSE_LARGE:
		return "is nested too deep, or has too much in one place, for an EPP frame; is it "
		       "one?";
	case EPPPARSE_ENCODING:
		return "is in an encoding that is not known here, or not in the one that it "
		       "declares; write UTF-8";
	case EPPPARSE_NAMESPACE:
		return "has a namespace that epptap does not read; map it in `namespaces:` of the "
		       "config, or use the one of the RFC";
	case EPPPARSE_VERB:
		return "has an operation that is not known; write one of RFC 8590, section 2.1, or "
		       "map it in `verbs:` of the config";
	case EPPPARSE_VALUE:
		return "has a value that is none: a name, address, number, digest, key or date; "
		       "write it as RFC 5731, 5732, 5910 and 8590 say";
	case EPPPARSE_NOMEM:
		return "can't be read: out of memory";
	case EPPPARSE_NO_RESPONSE:
		return "is not the registry's own change; write what a poll message of it would be "
		       "(RFC 8590): a response with infData in its resData, and "
		       "changePoll:changeData in its extension";
	case EPPPARSE_CHANGE:
	case EPPPARSE_RESULTS:
		break;
	}
	return ""; /* nothing is wrong with a change */
}

static int refuse(const char *path, const char *words, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s: %s", path, words);
	return RESULT_INVALID;
}

static int read_file(struct submit *submit, const char *path, char *why, size_t why_size)
{
	buffer_reset(&submit->frame);
	int result = file_read(path, &submit->frame);
	switch (result) {
	case RESULT_OK:
		if (submit->frame.size == 0)
			return refuse(path, "is empty; write one EPP frame", why, why_size);
		return RESULT_OK;
	case RESULT_FULL:
		snprintf(why, why_size,
			 "%s: is larger than capture.frame_limit, %" PRIu64 " bytes; is it one EPP "
			 "frame?",
			 path, submit->config->capture.frame_limit);
		return RESULT_INVALID;
	case RESULT_STORE:
		snprintf(why, why_size, "%s: can't be read: %s", path, strerror(errno));
		return RESULT_INVALID;
	default:
		snprintf(why, why_size, "%s: out of memory", path);
		return result;
	}
}

/* Adds the record of submit->change to all. */
static int keep(struct submit *submit, const char *path, char *why, size_t why_size)
{
	size_t before = submit->records.size;
	buffer_reset(&submit->record);
	change_encode(&submit->change, &submit->record);
	size_t size = submit->record.size;
	buffer_append(&submit->records, &size, sizeof size);
	buffer_append(&submit->records, submit->record.data, size);
	if (!submit->record.failed && !submit->records.failed)
		return RESULT_OK;
	submit->records.size = before;
	submit->records.failed = false;
	return refuse(path, "is too much for one call; submit fewer frames at a time", why,
		      why_size);
}

int submit_add(struct submit *submit, const char *path, const struct change **change, char *why,
	       size_t why_size)
{
	*change = NULL;
	int result = read_file(submit, path, why, why_size);
	if (result != RESULT_OK)
		return result;
	enum eppparse_result found = eppparse_server_change(submit->parse, submit->frame.data,
							    submit->frame.size, &submit->change);
	if (found != EPPPARSE_CHANGE)
		return refuse(path, words_for(found), why, why_size);
	submit->change.registrar.text[0] = '\0';
	login_publish_transfer(submit->config, &submit->change.transfer);
	result = keep(submit, path, why, why_size);
	if (result == RESULT_OK)
		*change = &submit->change;
	return result;
}

/* Each has a time of its own, not before the one before it: their order in the feed. */
static int append_all(const struct submit *submit, struct spool_writer *writer)
{
	int result = RESULT_OK;
	for (size_t at = 0, size; at < submit->records.size && result == RESULT_OK; at += size) {
		struct clock_reading now;
		memcpy(&size, submit->records.data + at, sizeof size);
		at += sizeof size;
		clock_read(&now);
		const struct spool_note note = {.kind = SPOOL_CHANGE,
						.monotonic_us = now.monotonic_us,
						.wall_us = now.wall_us};
		result = spool_writer_append(writer, &note, submit->records.data + at, size);
	}
	return result == RESULT_OK ? spool_writer_sync(writer) : result;
}

int submit_write(struct submit *submit, char *why, size_t why_size)
{
	const struct config *config = submit->config;
	struct state_dir *dir = NULL;
	struct spool_writer *writer = NULL;
	int result = state_dir_open(config->state_dir, &dir, why, why_size);
	if (result != RESULT_OK)
		return result;
	result = spool_writer_open(dir, config->spool_limit, &writer);
	if (result == RESULT_OK)
		result = append_all(submit, writer);
	if (result != RESULT_OK)
		snprintf(why, why_size, "the spool in %s can't be written: %s", config->state_dir,
			 result == RESULT_STORE  ? strerror(errno)
			 : result == RESULT_FULL ? "it is at spool.limit: is the publisher running?"
						 : result_text(result));
	/* What is not there was told to the caller: nothing is missing. */
	spool_writer_close(&writer, true);
	state_dir_close(&dir);
	return result;
}
