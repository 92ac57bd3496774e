#include "subscriber/prove.h"

#include "base/file.h"
#include "subscriber/proof_file.h"
#include "subscriber/source.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { FILE_MODE = 0644 };

/* The entry; empty if it is no longer kept. */
static int read_entry(struct source *source, uint64_t index, struct log_bundle *bundle,
		      struct message_frame *entry)
{
	int result = log_reader_bundle(&source->reader, index / TILES_WIDTH, bundle);
	*entry = (struct message_frame){"", 0};
	if (result == FETCH_ABSENT && index < source->channel.minimum_index)
		return RESULT_OK;
	if (result == RESULT_OK)
		*entry = bundle->entries[index % TILES_WIDTH];
	return result;
}

static int put(const char *path, FILE *out, const void *bytes, size_t size, char *why,
	       size_t why_size)
{
	int result = RESULT_OK;
	if (path)
		result = file_replace(path, bytes, size, FILE_MODE, false);
	else if (fwrite(bytes, 1, size, out) != size || fflush(out) != 0)
		result = RESULT_STORE;
	if (result != RESULT_OK)
		snprintf(why, why_size, "%s: can't be written: %s", path ? path : "the proof",
			 strerror(errno));
	return result;
}

static int write_files(const struct options *options, FILE *out, const struct message_frame *entry,
		       const struct merkle_proof *proof, const struct log_head *head, char *why,
		       size_t why_size)
{
	struct buffer file;
	buffer_init(&file, PROOF_FILE_MAX);
	proof_file_write(entry, options->index, proof, head, &file);
	int result = RESULT_OK;
	if (options->event && entry->size == 0) {
		snprintf(why, why_size, "the event is no longer kept: only its proof can be had");
		result = RESULT_CONFIG;
	} else if (options->event) {
		result = put(options->event, out, entry->bytes, entry->size, why, why_size);
	}
	if (result == RESULT_OK)
		result = put(options->out, out, file.data, file.size, why, why_size);
	buffer_free(&file);
	return result;
}

static int prove(struct source *source, const struct options *options, FILE *out, char *why,
		 size_t why_size)
{
	struct log_head head;
	struct merkle_proof proof;
	struct log_bundle bundle;
	struct message_frame entry;
	bool is_fork;
	int result = source_head(source, &head, why, why_size);
	if (result == RESULT_OK)
		result = source_turn_to(source, &head, &is_fork, why, why_size);
	if (result != RESULT_OK)
		return result;
	result = log_reader_prove(&source->reader, options->index, &proof);
	if (result == RESULT_OK)
		result = read_entry(source, options->index, &bundle, &entry);
	if (result != RESULT_OK) {
		snprintf(why, why_size, "%s", source->reader.why);
		return result;
	}
	result = write_files(options, out, &entry, &proof, &head, why, why_size);
	return result == RESULT_OK ? trust_keep(&source->trust, why, why_size) : result;
}

enum watch_exit prove_run(const struct options *options, FILE *out, FILE *err,
			  volatile const sig_atomic_t *stop)
{
	char why[SOURCE_WHY_SIZE] = "";
	struct source source;
	int result = source_open(&source, options->address, options, stop, why, sizeof why);
	if (result == RESULT_OK) {
		if (*source.note)
			fprintf(err, "eppwatch prove: %s\n", source.note);
		result = prove(&source, options, out, why, sizeof why);
		source_close(&source);
	}
	if (result != RESULT_OK)
		fprintf(err, "eppwatch prove: %s\n", why);
	if (result == RESULT_OK)
		return WATCH_DONE;
	return result == RESULT_CONFIG ? WATCH_USAGE : WATCH_WRONG;
}
