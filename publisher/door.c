#include "publisher/door.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* Frames of a request: version, id, domain, address, identity, mechanism, then credentials. */
enum {
	FRAME_VERSION,
	FRAME_ID,
	FRAME_DOMAIN,
	FRAME_MECHANISM = 5,
	FRAME_KEY,
	FRAMES,
	PART_SIZE = 256
};

struct guests {
	const struct config_channel *channel;
	uint8_t (*keys)[DOOR_KEY_SIZE];
	size_t count, capacity;
};

struct door {
	void *socket;
	struct guests *guests; /* by channel */
	size_t channel_count;
	struct door_counts own, *counts;
};

static int read_key_file(const char *path, bool secret, struct buffer *bytes, char *why,
			 size_t why_size)
{
	static const char hint[] = "`epptapctl keygen DIRECTORY` makes keys";
	if (secret)
		return file_read_private(path, bytes, hint, why, why_size);
	int result = file_read(path, bytes);
	if (result != RESULT_STORE)
		return result;
	snprintf(why, why_size, "%s: %s; %s", path, strerror(errno), hint);
	return RESULT_CONFIG;
}

int door_read_key(const char *path, bool secret, char text[DOOR_KEY_TEXT + 1], char *why,
		  size_t why_size)
{
	uint8_t raw[DOOR_KEY_SIZE];
	struct buffer bytes;
	buffer_init(&bytes, PART_SIZE);
	*text = '\0';
	int result = read_key_file(path, secret, &bytes, why, why_size);
	while (bytes.size > 0 && strchr(" \t\r\n", bytes.data[bytes.size - 1]))
		bytes.size--;
	if (result == RESULT_OK && bytes.size == DOOR_KEY_TEXT) {
		memcpy(text, bytes.data, DOOR_KEY_TEXT);
		text[DOOR_KEY_TEXT] = '\0';
	}
	if (bytes.data)
		explicit_bzero(bytes.data, bytes.capacity);
	buffer_free(&bytes);
	if (result == RESULT_CONFIG || result == RESULT_NOMEM)
		return result;
	bool good = *text && zmq_z85_decode(raw, text);
	explicit_bzero(raw, sizeof raw);
	if (good)
		return RESULT_OK;
	snprintf(
		why, why_size,
		"%s: no CURVE key; the file must hold one line of 40 characters z85, as `epptapctl "
		"keygen` writes it",
		path);
	return RESULT_CONFIG;
}

static int add_guest(struct guests *guests, const char *text)
{
	if (guests->count == guests->capacity) {
		size_t capacity = guests->capacity ? guests->capacity * 2 : 16;
		void *keys = realloc(guests->keys, capacity * sizeof *guests->keys);
		if (!keys)
			return RESULT_NOMEM;
		guests->keys = keys;
		guests->capacity = capacity;
	}
	zmq_z85_decode(guests->keys[guests->count++], text);
	return RESULT_OK;
}

/* Every file of the folder that ends in .pub is one client's key. */
static int read_guests(struct guests *guests, char *why, size_t why_size)
{
	const char *folder = guests->channel->curve_clients;
	char path[PATH_MAX], text[DOOR_KEY_TEXT + 1];
	int result = RESULT_OK;
	DIR *dir = opendir(folder);
	if (!dir) {
		snprintf(why, why_size,
			 "%s: %s; curve.clients of channel %s must be a folder of the clients' "
			 "public "
			 "keys, or `any`",
			 folder, strerror(errno), guests->channel->name);
		return RESULT_CONFIG;
	}
	for (struct dirent *entry; result == RESULT_OK && (entry = readdir(dir));) {
		size_t size = strlen(entry->d_name);
		if (entry->d_name[0] == '.' || size < 5 ||
		    strcmp(entry->d_name + size - 4, ".pub") != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		result = door_read_key(path, false, text, why, why_size);
		if (result == RESULT_OK)
			result = add_guest(guests, text);
	}
	closedir(dir);
	return result;
}

int door_open(void *zmq, const struct config *config, struct door **out, char *why, size_t why_size)
{
	int result = RESULT_NOMEM, no_linger = 0;
	struct door *door = calloc(1, sizeof *door);
	*out = NULL;
	snprintf(why, why_size, "out of memory");
	if (!door)
		return result;
	door->counts = &door->own;
	door->guests = calloc(config->channel_count, sizeof *door->guests);
	door->socket = zmq_socket(zmq, ZMQ_REP);
	if (door->guests && door->socket &&
	    zmq_setsockopt(door->socket, ZMQ_LINGER, &no_linger, sizeof no_linger) == 0 &&
	    zmq_bind(door->socket, "inproc://zeromq.zap.01") == 0)
		result = RESULT_OK;
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++) {
		struct guests *guests = &door->guests[i];
		guests->channel = &config->channels[i];
		door->channel_count++;
		if (guests->channel->curve_clients)
			result = read_guests(guests, why, why_size);
	}
	if (result != RESULT_OK)
		door_close(&door);
	*out = door;
	return result;
}

void door_close(struct door **door)
{
	if (!*door)
		return;
	if ((*door)->socket)
		zmq_close((*door)->socket);
	for (size_t i = 0; i < (*door)->channel_count; i++)
		free((*door)->guests[i].keys);
	free((*door)->guests);
	free(*door);
	*door = NULL;
}

void *door_socket(const struct door *door)
{
	return door->socket;
}

size_t door_guest_count(const struct door *door, size_t channel)
{
	return door->guests[channel].count;
}

struct part {
	uint8_t bytes[PART_SIZE];
	size_t size; /* over PART_SIZE: it was cut */
};

/* Takes a whole request off the socket; parts beyond FRAMES are dropped. */
static size_t receive(void *socket, struct part parts[FRAMES])
{
	struct part spare;
	size_t count = 0;
	int more = 1;
	size_t more_size = sizeof more;
	while (more) {
		struct part *part = count < FRAMES ? &parts[count] : &spare;
		int size = zmq_recv(socket, part->bytes, PART_SIZE, ZMQ_DONTWAIT);
		if (size < 0)
			return 0;
		part->size = (size_t)size;
		count++;
		if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size) != 0)
			return 0;
	}
	return count;
}

static bool says(const struct part *part, const char *text)
{
	return part->size == strlen(text) && memcmp(part->bytes, text, part->size) == 0;
}

static const struct guests *guests_of(const struct door *door, const struct part *domain)
{
	for (size_t i = 0; i < door->channel_count; i++)
		if (says(domain, door->guests[i].channel->name))
			return &door->guests[i];
	return NULL;
}

static bool is_guest(const struct guests *guests, const uint8_t key[DOOR_KEY_SIZE])
{
	if (guests->channel->curve_any)
		return true;
	for (size_t i = 0; i < guests->count; i++)
		if (memcmp(guests->keys[i], key, DOOR_KEY_SIZE) == 0)
			return true;
	return false;
}

static enum door_verdict judge(const struct door *door, const struct part *parts, size_t count)
{
	if (count < FRAME_KEY || !says(&parts[FRAME_VERSION], "1.0"))
		return DOOR_MALFORMED;
	if (!says(&parts[FRAME_MECHANISM], "CURVE"))
		return DOOR_MECHANISM;
	const struct guests *guests = guests_of(door, &parts[FRAME_DOMAIN]);
	if (count != FRAMES || parts[FRAME_KEY].size != DOOR_KEY_SIZE || !guests)
		return DOOR_MALFORMED;
	return is_guest(guests, parts[FRAME_KEY].bytes) ? DOOR_ADMITTED : DOOR_UNKNOWN_KEY;
}

static void send_text(void *socket, const char *text, int flags)
{
	zmq_send(socket, text, strlen(text), ZMQ_DONTWAIT | flags);
}

void door_answer(struct door *door)
{
	struct part parts[FRAMES] = {{.size = 0}};
	for (size_t count; (count = receive(door->socket, parts)) > 0;) {
		enum door_verdict verdict = judge(door, parts, count);
		bool yes = verdict == DOOR_ADMITTED;
		size_t id_size = count > FRAME_ID ? parts[FRAME_ID].size : 0;
		atomic_fetch_add_explicit(&door->counts->by[verdict], 1, memory_order_relaxed);
		send_text(door->socket, "1.0", ZMQ_SNDMORE);
		zmq_send(door->socket, parts[FRAME_ID].bytes,
			 id_size < PART_SIZE ? id_size : PART_SIZE, ZMQ_DONTWAIT | ZMQ_SNDMORE);
		send_text(door->socket, yes ? "200" : "400", ZMQ_SNDMORE);
		send_text(door->socket, yes ? "OK" : "this key is not on the list", ZMQ_SNDMORE);
		send_text(door->socket, "", ZMQ_SNDMORE);
		send_text(door->socket, "", 0);
	}
}

void door_count_in(struct door *door, struct door_counts *counts)
{
	door->counts = counts;
}

struct door_counts *door_counts(const struct door *door)
{
	return door->counts;
}

void door_write_counts(struct door_counts *counts, struct buffer *json)
{
	static const char *const reasons[DOOR_VERDICTS] = {
		[DOOR_UNKNOWN_KEY] = "unknown_key", [DOOR_WRONG_KEY] = "wrong_key",
		[DOOR_MECHANISM] = "mechanism",     [DOOR_MALFORMED] = "malformed",
		[DOOR_TIMEOUT] = "timeout",         [DOOR_LEFT] = "left",
	};
	buffer_printf(json,
		      "\"door\":{\"connected\":%" PRIu64 ",\"cut_off\":%" PRIu64
		      ",\"admitted\":%" PRIu64 ",\"refused\":{",
		      atomic_load(&counts->connected), atomic_load(&counts->cut_off),
		      atomic_load(&counts->by[DOOR_ADMITTED]));
	for (int i = DOOR_ADMITTED + 1; i < DOOR_VERDICTS; i++)
		buffer_printf(json, "%s\"%s\":%" PRIu64, i > DOOR_ADMITTED + 1 ? "," : "",
			      reasons[i], atomic_load(&counts->by[i]));
	buffer_append_text(json, "}}");
}
