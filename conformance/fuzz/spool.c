/* fuzz/spool.c - the publisher's reading of a spool against whatever may stand in it
 *
 * For clang's libFuzzer: `make fuzz-spool SECONDS=60`. The input is a list of pieces from which segments of several
 * dead writers are put together: raw bytes, and records whose checksum is right, so that what is behind the checksum is
 * reached, too. All of it goes through merge, batch and feed store, without channels; it must come to an end, and leave
 * no segment behind.
 */
#include "base/buffer.h"
#include "conformance/fuzz/target.h"
#include "eppparse/change.h"
#include "publisher/feed.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { WRITERS = 3, INPUT_MAX = 1 << 16, ROUNDS_MOST = 2000, STORE_LIMIT = 64 << 20 };

/* The piece's first byte: writer, and what it is. Two bytes of length, and the bytes. */
enum piece { PIECE_RAW, PIECE_RECORD, PIECE_CHANGE, PIECE_SEGMENT, PIECE_ODD_SEGMENT, PIECES };

struct input {
	const uint8_t *bytes;
	size_t size;
};

struct writer {
	uint32_t sequence;
	uint32_t salt;
	struct buffer bytes; /* of the current segment */
};

static char folder[] = "/dev/shm/epptap-fuzz-XXXXXX";
static struct writer writers[WRITERS];
static struct feed_store *store;
static struct feed *feed;
static struct batch_maker *maker;
static struct batch batch;
static struct tallies tallies;

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *where)
{
	(void)file;
	(void)kind;
	(void)where;
	return remove(path);
}

static void remove_folder(void)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct signing_key *make_key(void)
{
	char path[PATH_MAX], why[512];
	struct signing_key *key;
	/* RFC 8032, section 7.1, test 1, as PKCS #8. */
	static const char pem[] =
		"-----BEGIN PRIVATE KEY-----\n"
		"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
		"-----END PRIVATE KEY-----\n";
	snprintf(path, sizeof path, "%s/event.pem", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	must(write(fd, pem, sizeof pem - 1) == (ssize_t)sizeof pem - 1 && close(fd) == 0, path);
	must(signing_key_load(path, &key, why, sizeof why) == RESULT_OK, why);
	return key;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char registry[] = "https://registry.example";
	static struct config config = {.registry = registry, .retention_ms = 1};
	char path[PATH_MAX], why[512];
	(void)argc;
	(void)argv;
	must(mkdtemp(folder), folder);
	atexit(remove_folder);
	snprintf(path, sizeof path, "%s/" SPOOL_FOLDER, folder);
	must(mkdir(path, 0700) == 0, path);
	struct signing_key *key = make_key();
	must(feed_store_open(folder, STORE_LIMIT, false, &store, why, sizeof why) == RESULT_OK,
	     why);
	must(batch_maker_new(&config, key, store, &tallies, &maker) == RESULT_OK &&
		     feed_new(&config, store, NULL, &tallies, &feed) == RESULT_OK,
	     "no memory");
	signing_key_free(&key);
	batch_init(&batch);
	must(freopen("/dev/null", "w", stdout) != NULL, "no /dev/null");
	return 0;
}

/* Each input finds an empty store. */
static void empty_store(void)
{
	struct feed_txn txn;
	must(feed_txn_begin(store, false, &txn) == RESULT_OK, "the store can't be written");
	for (int i = TABLE_EVENTS; i < TABLE_COUNT; i++)
		must(mdb_drop(txn.mdb, txn.tables[i], 0) == 0, "a table can't be emptied");
	must(feed_txn_commit(&txn) == RESULT_OK, "the store can't be written");
}

static void close_segment(struct writer *writer)
{
	char path[PATH_MAX];
	if (writer->sequence == 0)
		return;
	snprintf(path, sizeof path, "%s/" SPOOL_FOLDER "/" SPOOL_SEGMENT_NAME, folder,
		 STATE_DIR_WRITERS + (uint64_t)(writer - writers), writer->sequence);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0, path);
	must(write(fd, writer->bytes.data, writer->bytes.size) == (ssize_t)writer->bytes.size,
	     path);
	close(fd);
	buffer_reset(&writer->bytes);
}

static void begin_segment(struct writer *writer, const struct input *odd)
{
	close_segment(writer);
	struct spool_segment_header header = {.version = SPOOL_VERSION,
					      .writer = STATE_DIR_WRITERS +
							(uint64_t)(writer - writers),
					      .sequence = ++writer->sequence,
					      .created_us = 1790000000000000,
					      .salt = 5};
	memcpy(header.magic, SPOOL_SEGMENT_MAGIC, sizeof header.magic);
	memcpy(header.id, &header.writer, sizeof header.writer);
	memcpy(header.id + sizeof header.writer, &header.sequence, sizeof header.sequence);
	clock_boot_id(header.boot_id);
	if (odd && odd->size > 1 && odd->bytes[0] < sizeof header) {
		size_t most = sizeof header - odd->bytes[0];
		size_t size = odd->size - 1 < most ? odd->size - 1 : most;
		memcpy((char *)&header + odd->bytes[0], odd->bytes + 1, size);
	}
	if (!odd || odd->size % 2)
		header.crc = spool_segment_crc(&header);
	writer->salt = header.salt;
	buffer_append(&writer->bytes, &header, sizeof header);
}

/* Kind, ticket, and two bytes of time; the rest is the payload. */
static void add_record(struct writer *writer, const struct input *piece)
{
	if (piece->size < 4)
		return;
	int64_t stamp_us = 1000 * (piece->bytes[2] << 8 | piece->bytes[3]);
	struct spool_record_header header = {.size = (uint32_t)piece->size - 4,
					     .kind = piece->bytes[0],
					     .ticket = piece->bytes[1],
					     .monotonic_us = stamp_us,
					     .wall_us = 1790000000000000 + stamp_us};
	spool_record_seal(writer->salt, &header, piece->bytes + 4);
	buffer_append(&writer->bytes, &header, sizeof header);
	buffer_append(&writer->bytes, piece->bytes + 4, header.size);
}

/* A change that may have to do with others: what is pending and its end, transfers, states, messages that come again. The
 * bits say which. */
static void fill_change(struct change *change, uint8_t bits, uint8_t more)
{
	static const char *const names[] = {"a.example", "b.example", "\xc3\xbc.example",
					    "\xe2\x98\x83.example"};
	const struct change_token svtrids[] = {{""}, {"1"}, {"2"}, {"3"}};
	struct change_name *host;
	snprintf(change->name.text, sizeof change->name.text, "%s", names[bits % 4]);
	change->is_message = bits >> 2 & 1;
	change->outcome = (enum change_outcome)(bits >> 3 & 3);
	change->svtrid = svtrids[bits >> 5 & 3];
	change->ends = svtrids[more & 3];
	change->state_at = (enum change_state_at)((more >> 2 & 3) % STATE_COUNT);
	change->state_known = KNOWN_ALL;
	change->transfer.status = (enum change_transfer_status)((more >> 4) % TRANSFER_STATUSES);
	change->transfer.has_requested = bits >> 7;
	if (change_add_host(&change->state, &host) == RESULT_OK)
		snprintf(host->text, sizeof host->text, "%s", names[more % 4]);
}

/* A record as add_record()'s, with a change whose bytes are overwritten from some place on, or not. */
static void add_change(struct writer *writer, const struct input *piece)
{
	struct buffer record;
	struct change change;
	if (piece->size < 5)
		return;
	change_init(&change);
	buffer_init(&record, INPUT_MAX);
	change.verb = piece->bytes[0] % CHANGE_VERBS;
	fill_change(&change, piece->bytes[2], piece->bytes[3]);
	buffer_append(&record, piece->bytes, 4);
	change_encode(&change, &record);
	for (size_t i = 5; i < piece->size && 4 + piece->bytes[4] + i - 5 < record.size; i++)
		record.data[4 + piece->bytes[4] + i - 5] = (char)piece->bytes[i];
	add_record(writer, &(struct input){(uint8_t *)record.data, record.size});
	buffer_free(&record);
	change_free(&change);
}

static void add_piece(uint8_t what, const struct input *piece)
{
	struct writer *writer = &writers[what % WRITERS];
	enum piece kind = what / WRITERS % PIECES;
	if (kind == PIECE_SEGMENT || kind == PIECE_ODD_SEGMENT || writer->sequence == 0)
		begin_segment(writer, kind == PIECE_ODD_SEGMENT ? piece : NULL);
	if (kind == PIECE_RAW)
		buffer_append(&writer->bytes, piece->bytes, piece->size);
	else if (kind == PIECE_RECORD)
		add_record(writer, piece);
	else if (kind == PIECE_CHANGE)
		add_change(writer, piece);
}

static void make_spool(struct input rest)
{
	for (int i = 0; i < WRITERS; i++) {
		writers[i].sequence = 0;
		buffer_init(&writers[i].bytes, 2 * INPUT_MAX);
	}
	while (rest.size >= 3) {
		size_t size = (size_t)rest.bytes[1] << 8 | rest.bytes[2];
		if (size > rest.size - 3)
			size = rest.size - 3;
		add_piece(rest.bytes[0], &(struct input){rest.bytes + 3, size});
		rest.bytes += 3 + size;
		rest.size -= 3 + size;
	}
	for (int i = 0; i < WRITERS; i++) {
		close_segment(&writers[i]);
		buffer_free(&writers[i].bytes);
	}
}

static int look_up(void *context, const uint8_t id[SPOOL_ID_SIZE], struct spool_mark *mark)
{
	(void)context;
	return feed_store_mark(store, id, mark);
}

static void commit(struct spool_merge *merge, const struct clock_reading *now)
{
	must(feed_commit(feed, &batch, now) == RESULT_OK, "a batch can't be committed");
	for (size_t i = 0; i < batch.mark_count; i++) {
		batch.marks[i].segment.damaged = false; /* no .bad files */
		if (batch.marks[i].mark.finished &&
		    spool_merge_remove(merge, &batch.marks[i].segment))
			feed_forget_segment(feed, batch.marks[i].segment.id);
	}
}

static void publish(void)
{
	struct clock_reading now = {
		.wall_us = 1790000100000000, .monotonic_us = 100000000, .boottime_us = 100000000};
	struct spool_merge *merge;
	int rounds = 0;
	must(spool_merge_new(NULL, folder, 0, look_up, NULL, &merge) == RESULT_OK, "no memory");
	for (;; now.monotonic_us += 1000000, now.boottime_us += 1000000) {
		batch_fill(maker, merge, &now, true, &batch);
		if (batch_is_empty(&batch))
			break;
		commit(merge, &now);
		must(++rounds < ROUNDS_MOST, "it does not come to an end");
	}
	for (uint64_t i = 0; i < WRITERS; i++)
		must(!spool_merge_has(merge, STATE_DIR_WRITERS + i), "a segment was left behind");
	spool_merge_free(&merge);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size > INPUT_MAX)
		return -1;
	empty_store();
	make_spool((struct input){bytes, size});
	publish();
	return 0;
}
