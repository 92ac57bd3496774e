/* spool.h - the format of the spool: what the plugin writes and the publisher reads
 *
 * A writer is a process that has the state_dir open; its number is random, and the byte of that number in the file of
 * locks is locked as long as it lives (base/state_dir.h). A segment is a file
 * <state_dir>/spool/<writer, 16 hex digits>-<sequence, 8 hex digits>.seg: a spool_segment_header, then records, each a
 * spool_record_header with its payload. It is appended to by its writer alone, never mapped into memory; bytes that
 * were not synced may be written again, the same, at the same place. The publisher unlinks it when it is consumed.
 * Numbers are of the machine's byte order: a spool never leaves its machine.
 * A record whose checksum is wrong at the end of a dead writer's last segment is a torn write: nobody was told that it
 * is durable. Anywhere else it is damage, and reading goes on at the next SPOOL_RECORD_MAGIC that fits.
 * Of one writer the order of segments is that of their sequences; of several, records merge by their stamps. A
 * segment's `id` is random, so that what was consumed of one is never taken for another's.
 */
#ifndef PLUGIN_SPOOL_H
#define PLUGIN_SPOOL_H

#include "base/crc32.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SPOOL_FOLDER        "spool"
#define SPOOL_SEGMENT_NAME  "%016" PRIx64 "-%08" PRIx32 ".seg"
#define SPOOL_SEGMENT_MAGIC "EPPTSPL2"
#define SPOOL_RECORD_MAGIC  0x43527045u /* "EpRC" */

enum {
	SPOOL_VERSION = 2,
	SPOOL_ID_SIZE = 16,
	SPOOL_BOOT_ID_SIZE = 40,
	SPOOL_SEGMENT_SIZE = 16 << 20, /* a segment over this is closed, and another begun */
	SPOOL_RECORD_MAX = 8 << 20,    /* bytes of a payload */
	SPOOL_REASON_SIZE = 24,
	SPOOL_TOKEN_SIZE = 65,
	SPOOL_TEST_MAX = 128, /* bytes of a test event's state */
};

enum spool_kind {
	SPOOL_CHANGE = 1, /* change_encode()'s bytes; with a ticket, the end of that intent */
	SPOOL_END = 2,    /* nothing follows in this segment, but another segment does */
	SPOOL_CLOSED = 3, /* nothing follows of this writer, and nothing is missing */
	SPOOL_INTENT = 4, /* change_encode()'s bytes of a command that is about to be carried out */
	SPOOL_GIVEN_UP = 5, /* the intent of this ticket came to nothing */
	SPOOL_UNKNOWN = 6,  /* how the intent of this ticket ended was lost */
	SPOOL_GAP = 7,      /* struct spool_gap */
	SPOOL_REVOKE = 8,   /* from the operator: a key id, no NUL */
	SPOOL_RETRY = 9,    /* from the operator: try what is in quarantine again */
	SPOOL_TEST = 10,    /* from the operator: a test event's state, printable ASCII, no NUL */
};

struct spool_segment_header {
	char magic[8];
	uint32_t version;
	uint32_t pid; /* the writer's */
	uint64_t writer;
	uint8_t id[SPOOL_ID_SIZE];
	char boot_id
		[SPOOL_BOOT_ID_SIZE]; /* of the boot whose CLOCK_MONOTONIC its stamps are; text, NUL */
	int64_t created_us;           /* wall clock */
	uint32_t sequence;
	uint32_t unused;
	uint32_t salt; /* where the checksums of its records begin: random */
	uint32_t crc;  /* of all before it */
};

struct spool_record_header {
	uint32_t magic;
	uint32_t head_crc; /* of all below */
	uint32_t size;     /* of the payload */
	uint32_t crc;      /* of the payload */
	uint32_t kind;     /* enum spool_kind */
	uint32_t unused;
	uint64_t ticket;      /* of an intent, unique within its writer; 0: none */
	int64_t monotonic_us; /* when the caller called: the order among writers */
	int64_t wall_us;      /* the same, as it is told */
};

/* Changes that were lost or could not be read. Texts are closed by NUL, all behind it is zero. */
struct spool_gap {
	uint64_t count;                   /* 0: not known */
	int64_t from_us, to_us;           /* wall clock */
	char reason[SPOOL_REASON_SIZE];   /* a word of ours: a-z and _ */
	char registrar[SPOOL_TOKEN_SIZE]; /* as it is published; empty: not known, or of several */
	char txn[SPOOL_TOKEN_SIZE];       /* the svTRID; empty: not known, or of several */
	char unused[6];
};

static inline uint32_t spool_segment_crc(const struct spool_segment_header *header)
{
	return crc32_update(0, header, offsetof(struct spool_segment_header, crc));
}

/* A record's checksums begin with its segment's salt, so that no registrar can write a record into a payload, such as a
 * DNSSEC key, which a reader behind damage would take for one. The header has its own, so that what only looks like one is
 * known without its payload. */
static inline uint32_t spool_head_crc(uint32_t salt, const struct spool_record_header *header)
{
	return crc32_update(salt, &header->size,
			    sizeof *header - offsetof(struct spool_record_header, size));
}

static inline uint32_t spool_payload_crc(uint32_t salt, const struct spool_record_header *header,
					 const void *payload)
{
	return crc32_update(salt, payload, header->size);
}

/* Sets magic and checksums of a record that is whole otherwise. */
static inline void spool_record_seal(uint32_t salt, struct spool_record_header *header,
				     const void *payload)
{
	header->magic = SPOOL_RECORD_MAGIC;
	header->crc = spool_payload_crc(salt, header, payload);
	header->head_crc = spool_head_crc(salt, header);
}

/* Is this a record's header? Only then is its size to be believed. */
static inline bool spool_head_is_good(uint32_t salt, const struct spool_record_header *header)
{
	return header->magic == SPOOL_RECORD_MAGIC && header->size <= SPOOL_RECORD_MAX &&
	       header->head_crc == spool_head_crc(salt, header);
}

/* A segment's file name. */
struct spool_name {
	uint64_t writer;
	uint32_t sequence;
};

/* Reads a file name. False: it is no segment's. */
static inline bool spool_name_read(const char *text, struct spool_name *name)
{
	char again[48];
	if (sscanf(text, "%16" SCNx64 "-%8" SCNx32 ".seg", &name->writer, &name->sequence) != 2)
		return false;
	snprintf(again, sizeof again, SPOOL_SEGMENT_NAME, name->writer, name->sequence);
	return strcmp(text, again) == 0;
}

_Static_assert(sizeof(struct spool_segment_header) == 104, "no padding in the segment's header");
_Static_assert(sizeof(struct spool_record_header) == 48, "no padding in the record's header");
_Static_assert(sizeof(struct spool_gap) == 184, "no padding in a gap");

#endif
