/* spool_writer.h - appends records to this process's spool segments
 *
 * Owner: the capture thread alone. Records are gathered in memory by spool_writer_append(), and made durable together
 * by spool_writer_sync(): one write, one fdatasync. spool.h has the format.
 */
#ifndef PLUGIN_SPOOL_WRITER_H
#define PLUGIN_SPOOL_WRITER_H

#include "base/result.h"
#include "plugin/spool.h"

#include <stdbool.h>
#include <stddef.h>

struct spool_writer;

/* Begins a segment, after those that are there, in <state_dir>/spool, which is made if it is missing. All segments
 * together may take `limit` bytes. RESULT_OK, RESULT_STORE (errno says why), RESULT_NOMEM. */
MUST_USE int spool_writer_open(const char *state_dir, uint64_t limit, struct spool_writer **writer);

/* The sequence of this process's first segment: whatever is below it was left by a dead one. */
uint64_t spool_writer_first(const struct spool_writer *writer);

/* Gathers one record; blocks on nothing. RESULT_FULL: over SPOOL_RECORD_MAX; RESULT_NOMEM: in both cases what was
 * gathered before stays. */
MUST_USE int spool_writer_append(struct spool_writer *writer, enum spool_kind kind,
				 const void *payload, size_t size);

/* Are there gathered records, or is it time to write them? */
bool spool_writer_has_some(const struct spool_writer *writer);
bool spool_writer_has_much(const struct spool_writer *writer);

/* Makes durable what was gathered. RESULT_OK; RESULT_FULL (the spool is at its limit; the current segment is closed,
 * so that it, too, can be removed when it is consumed) or RESULT_STORE (errno says why, such as a full disk): it stays
 * gathered, call again. After RESULT_STORE a reader may see part of it, or all; it stands once all the same. */
MUST_USE int spool_writer_sync(struct spool_writer *writer);

/* Closes the segment with a SPOOL_END, if the disk lets it. What is gathered and not synced is lost. */
void spool_writer_close(struct spool_writer **writer);

#endif
