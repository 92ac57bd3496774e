/* spool_writer.h - appends records to this process's spool segments
 *
 * Owner: the capture thread alone. Records are gathered in memory by spool_writer_append(), and made durable together
 * by spool_writer_sync(): one write, one fdatasync. spool.h has the format.
 */
#ifndef PLUGIN_SPOOL_WRITER_H
#define PLUGIN_SPOOL_WRITER_H

#include "base/result.h"
#include "base/state_dir.h"
#include "plugin/spool.h"

#include <stdbool.h>
#include <stddef.h>

struct spool_writer;

/* What a record says of itself, besides its payload. */
struct spool_note {
	enum spool_kind kind;
	uint64_t ticket;
	int64_t monotonic_us, wall_us;
};

/* Becomes a writer of the spool in `dir`, which it uses until it is closed: takes a number's lock, and begins a segment
 * in <state_dir>/spool, which is made if it is missing. All segments of all writers together may take `limit` bytes,
 * about. RESULT_OK, RESULT_STORE (errno says why), RESULT_NOMEM. */
MUST_USE int spool_writer_open(struct state_dir *dir, uint64_t limit, struct spool_writer **writer);

/* All segments together may take `limit` bytes from now on. */
void spool_writer_set_limit(struct spool_writer *writer, uint64_t limit);

/* Its number, which is in the names of its segments. */
uint64_t spool_writer_number(const struct spool_writer *writer);

/* Gathers one record; blocks on nothing. RESULT_FULL: over SPOOL_RECORD_MAX; RESULT_NOMEM: in both cases what was
 * gathered before stays. */
MUST_USE int spool_writer_append(struct spool_writer *writer, const struct spool_note *note,
				 const void *payload, size_t size);

/* Are there gathered records, or is it time to write them? */
bool spool_writer_has_some(const struct spool_writer *writer);
bool spool_writer_has_much(const struct spool_writer *writer);

/* Makes durable what was gathered. RESULT_OK; RESULT_FULL (the spool is at its limit; the current segment is closed,
 * so that it, too, can be removed when it is consumed) or RESULT_STORE (errno says why, such as a full disk): it stays
 * gathered, call again. After RESULT_STORE a reader may see part of it, or all; it stands once all the same.
 * If somebody took the segment away meanwhile, another is begun, with a gap `spool_removed` in it. */
MUST_USE int spool_writer_sync(struct spool_writer *writer);

/* Closes the segment and gives up the writer's lock. With `nothing_missing` it says so in the spool, if the disk lets
 * it; without, the publisher tells of a crash. What is gathered and not synced is lost. */
void spool_writer_close(struct spool_writer **writer, bool nothing_missing);

#endif
