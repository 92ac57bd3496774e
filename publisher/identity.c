#include "publisher/identity.h"

#include "base/file.h"
#include "publisher/log_dir.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

enum { POSITION_MAX = 4096, STREAM_TEXT = 33, TAG_TEXT = 17, PRUNE_AT_ONCE = 10000 };

#define NEW_LOG "`epptapctl new-log CONFIG` begins a new log"

/* What a log_dir says. */
struct position {
	char stream[STREAM_TEXT]; /* empty: nothing was published into it */
	uint32_t generation;
	uint64_t events;
};

static void stream_text(const struct feed_identity *identity, char text[STREAM_TEXT])
{
	for (size_t i = 0; i < sizeof identity->stream; i++)
		snprintf(text + 2 * i, 3, "%02x", identity->stream[i]);
}

/* When the log was begun, UTC. */
static void tag_text(const struct feed_identity *identity, char text[TAG_TEXT])
{
	time_t begun = identity->generation;
	struct tm utc;
	gmtime_r(&begun, &utc);
	strftime(text, TAG_TEXT, "%Y%m%dT%H%M%SZ", &utc);
}

void identity_origin(const struct config_channel *channel, const struct feed_identity *identity,
		     char origin[VERIFIER_NAME_SIZE])
{
	char tag[TAG_TEXT];
	tag_text(identity, tag);
	if (identity->generation == 0)
		snprintf(origin, VERIFIER_NAME_SIZE, "%s", channel->origin);
	else
		snprintf(origin, VERIFIER_NAME_SIZE, "%s/%s", channel->origin, tag);
}

static bool is_new(const struct feed_identity *identity)
{
	static const struct feed_identity none;
	return memcmp(identity->stream, none.stream, sizeof none.stream) == 0;
}

static void read_machine(char machine[40])
{
	struct buffer text;
	buffer_init(&text, 64);
	memset(machine, 0, 40);
	if (file_read("/etc/machine-id", &text) == RESULT_OK && text.size >= 32)
		memcpy(machine, text.data, 32);
	buffer_free(&text);
}

static uint64_t read_inode(const struct config *config)
{
	char path[PATH_MAX];
	struct stat file;
	snprintf(path, sizeof path, "%s/" FEED_STORE_FOLDER "/data.mdb", config->state_dir);
	return stat(path, &file) == 0 ? (uint64_t)file.st_ino : 0;
}

static int set_home(const struct config *config, struct feed_identity *identity)
{
	identity->inode = read_inode(config);
	read_machine(identity->machine);
	bool random = getrandom(identity->stream, sizeof identity->stream, 0) ==
		      (ssize_t)sizeof identity->stream;
	return random ? RESULT_OK : RESULT_NOMEM;
}

static int load(struct feed_store *store, struct feed_identity *identity)
{
	struct feed_txn txn;
	int result = feed_txn_begin(store, true, &txn);
	if (result == RESULT_OK)
		result = feed_txn_identity(&txn, identity);
	feed_txn_abort(&txn);
	return result;
}

static int save(struct feed_store *store, const struct feed_identity *identity)
{
	struct feed_txn txn;
	int result = feed_txn_begin(store, false, &txn);
	if (result == RESULT_OK)
		result = feed_txn_set_identity(&txn, identity);
	if (result == RESULT_OK)
		result = feed_txn_commit(&txn);
	feed_txn_abort(&txn);
	return result;
}

static void position_path(const struct config_channel *channel, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" IDENTITY_POSITION, channel->log_dir);
}

/* RESULT_OK, with an empty stream if there is none; RESULT_STORE: it is there, and can't be read (errno), or (errno 0)
 * understood. */
static int read_position(const struct config_channel *channel, struct position *position)
{
	char path[PATH_MAX];
	struct buffer text;
	json_int_t generation, events;
	const char *stream;
	position_path(channel, path);
	buffer_init(&text, POSITION_MAX);
	*position = (struct position){.stream = ""};
	int result = file_read(path, &text);
	if (result == RESULT_STORE && (errno == ENOENT || errno == ENOTDIR)) {
		buffer_free(&text);
		return RESULT_OK;
	}
	json_t *json = result == RESULT_OK ? json_loadb(text.data, text.size, 0, NULL) : NULL;
	if (result != RESULT_STORE)
		errno = 0;
	result = RESULT_STORE;
	if (json && json_unpack(json, "{s:s, s:I, s:I}", "stream", &stream, "generation",
				&generation, "events", &events) == 0) {
		snprintf(position->stream, sizeof position->stream, "%s", stream);
		position->generation = (uint32_t)generation;
		position->events = (uint64_t)events;
		result = RESULT_OK;
	}
	json_decref(json);
	buffer_free(&text);
	return result;
}

int identity_tell_position(const struct config_channel *channel,
			   const struct feed_identity *identity, uint64_t events)
{
	char path[PATH_MAX], text[256], stream[STREAM_TEXT];
	stream_text(identity, stream);
	position_path(channel, path);
	int size =
		snprintf(text, sizeof text,
			 "{\"stream\":\"%s\",\"generation\":%" PRIu32 ",\"events\":%" PRIu64 "}\n",
			 stream, identity->generation, events);
	return file_replace(path, text, (size_t)size, 0644, true);
}

/* Was the store copied, or brought here from another machine? */
static int check_home(const struct config *config, const struct feed_identity *identity, char *why,
		      size_t why_size)
{
	struct feed_identity here;
	here.inode = read_inode(config);
	read_machine(here.machine);
	bool moved =
		*here.machine && *identity->machine && strcmp(here.machine, identity->machine) != 0;
	if (!moved && here.inode == identity->inode)
		return RESULT_OK;
	snprintf(why, why_size,
		 "state_dir %s is a copy: its feed store was made %s. Two that publish would tell "
		 "different stories; if the other one will never publish again, " NEW_LOG
		 " from this one",
		 config->state_dir, moved ? "on another machine" : "as another file");
	return RESULT_BUSY;
}

/* How many places of the channel the store knows. */
static int count_places(struct feed_store *store, const char *name, uint64_t *count)
{
	struct channel_record record = {0};
	struct feed_txn txn;
	int result = feed_txn_begin(store, true, &txn);
	if (result == RESULT_OK)
		result = feed_txn_channel(&txn, name, false, &record);
	feed_txn_abort(&txn);
	*count = record.next_index;
	return result == RESULT_INVALID ? RESULT_OK : result;
}

/* The position is read before the store: somebody may publish meanwhile. */
static int check_channel(struct feed_store *store, const struct config_channel *channel,
			 const struct feed_identity *identity, char *why, size_t why_size)
{
	char stream[STREAM_TEXT];
	struct position position;
	uint64_t known;
	int result = read_position(channel, &position);
	stream_text(identity, stream);
	if (result != RESULT_OK) {
		snprintf(why, why_size,
			 "channel %s: %s/position.json can't be read: %s; it says what was "
			 "published; restore it, or " NEW_LOG,
			 channel->name, channel->log_dir,
			 errno ? strerror(errno) : "no JSON of ours");
		return RESULT_BUSY;
	}
	if (!*position.stream)
		return RESULT_OK;
	if (is_new(identity) || strcmp(position.stream, stream) != 0) {
		snprintf(why, why_size,
			 "channel %s: log_dir %s holds %" PRIu64
			 " events that the feed store does not know: state_dir was lost, or this "
			 "log_dir is another feed's. Restore the newest state_dir, correct "
			 "log_dir, or " NEW_LOG,
			 channel->name, channel->log_dir, position.events);
		return RESULT_BUSY;
	}
	result = count_places(store, channel->name, &known);
	if (result != RESULT_OK || position.generation < identity->generation ||
	    (position.generation == identity->generation && position.events <= known))
		return result;
	snprintf(why, why_size,
		 "channel %s: %" PRIu64 " events were published, and the feed store knows %" PRIu64
		 ": state_dir is older than log_dir %s. Restore the newest state_dir, or " NEW_LOG,
		 channel->name, position.events, known, channel->log_dir);
	return RESULT_BUSY;
}

static int judge(const struct config *config, struct feed_store *store,
		 struct feed_identity *identity, char *why, size_t why_size)
{
	char origin[VERIFIER_NAME_SIZE];
	snprintf(why, why_size, "the feed store in %s can't be read or written", config->state_dir);
	*identity = (struct feed_identity){0};
	int result = store ? load(store, identity) : RESULT_OK;
	if (result == RESULT_OK && !is_new(identity))
		result = check_home(config, identity, why, why_size);
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++)
		result = check_channel(store, &config->channels[i], identity, why, why_size);
	for (size_t i = 0; config->key_log && i < config->channel_count && result == RESULT_OK;
	     i++) {
		identity_origin(&config->channels[i], identity, origin);
		result = log_dir_check(&config->channels[i], store, origin, why, why_size);
	}
	return result;
}

int identity_look(const struct config *config, struct feed_store *store, char *why, size_t why_size)
{
	struct feed_identity identity;
	return judge(config, store, &identity, why, why_size);
}

int identity_check(const struct config *config, struct feed_store *store,
		   struct feed_identity *identity, char *why, size_t why_size)
{
	int result = judge(config, store, identity, why, why_size);
	if (result == RESULT_OK && is_new(identity)) {
		result = set_home(config, identity);
		if (result == RESULT_OK)
			result = save(store, identity);
	}
	return result;
}

/* Takes all places of a channel away, some at a time, so that no transaction grows without limit. */
static int empty_channel(struct feed_store *store, const char *name)
{
	struct channel_record record = {0};
	struct feed_txn txn;
	uint64_t before = 0, after = 0;
	int result;
	do {
		result = feed_txn_begin(store, false, &txn);
		if (result == RESULT_OK)
			result = feed_txn_channel(&txn, name, true, &record);
		if (result == RESULT_OK)
			result = feed_txn_count(&txn, TABLE_PLACES, &before);
		if (result == RESULT_OK)
			result =
				feed_txn_prune(&txn, &record, INT64_MAX, UINT64_MAX, PRUNE_AT_ONCE);
		if (result == RESULT_OK)
			result = feed_txn_count(&txn, TABLE_PLACES, &after);
		record.next_index = 0;
		if (result == RESULT_OK)
			result = feed_txn_set_channel(&txn, name, &record);
		if (result == RESULT_OK)
			result = feed_txn_drop_log(&txn, name);
		if (result == RESULT_OK)
			result = feed_txn_commit(&txn);
		feed_txn_abort(&txn);
	} while (result == RESULT_OK && after < before);
	return result;
}

/* Where the old log was, there is room for the new one. */
static int clear_folder(const struct config_channel *channel, const struct feed_identity *identity)
{
	char tag[TAG_TEXT];
	tag_text(identity, tag);
	int result = file_make_folder(channel->log_dir, channel->curve_secret ? 0750 : 0755);
	if (result == RESULT_OK)
		result = log_dir_set_aside(channel, tag);
	return result == RESULT_OK ? identity_tell_position(channel, identity, 0) : result;
}

/* Last of all the identity is saved: if this is cut short, the old one is refused again, and the command can be given
 * again. */
int identity_renew(const struct config *config, struct feed_store *store, char *why,
		   size_t why_size)
{
	struct feed_identity identity = {0};
	int result = load(store, &identity);
	uint32_t now = (uint32_t)time(NULL);
	if (result == RESULT_OK)
		result = set_home(config, &identity);
	identity.generation = now > identity.generation ? now : identity.generation + 1;
	identity.renewed = true;
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++)
		result = empty_channel(store, config->channels[i].name);
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++) {
		if (clear_folder(&config->channels[i], &identity) == RESULT_OK)
			continue;
		snprintf(why, why_size, "%s: %s", config->channels[i].log_dir, strerror(errno));
		return RESULT_STORE;
	}
	if (result == RESULT_OK)
		result = save(store, &identity);
	if (result != RESULT_OK)
		snprintf(why, why_size, "the feed store in %s can't be written: is the disk full?",
			 config->state_dir);
	return result;
}
