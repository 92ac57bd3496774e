/* Who is let in: real CURVE sockets against a channel's folder of keys. */
#include "publisher/door.h"

#include "publisher/outlet.h"
#include "publisher/test/fixture.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <zmq.h>

#include <cmocka.h>

enum { VETTED, ANY, CHANNELS };
enum { KEY = DOOR_KEY_TEXT + 1, FEW = 60, MANY = 2000, WAIT_MS = 10 };

static struct scratch scratch;
static struct config *config;
static struct door *door;
static struct outlet *outlets[CHANNELS];
static void *zmq;
static char server_public[KEY], guest_public[KEY], guest_secret[KEY];
static char why[512];

static void write_key(const char *name, const char *key, mode_t mode)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", scratch.path, name);
	FILE *file = fopen(path, "we");
	FIXTURE_MUST(file && fprintf(file, "%s\n", key) > 0 && fclose(file) == 0);
	FIXTURE_MUST(chmod(path, mode) == 0);
}

static int set_up(void **state)
{
	(void)state;
	char channels[1024], server_secret[KEY], folder[128];
	scratch = scratch_make();
	snprintf(folder, sizeof folder, "%s/clients", scratch.path);
	mkdir(folder, 0755);
	FIXTURE_MUST(zmq_curve_keypair(server_public, server_secret) == 0);
	FIXTURE_MUST(zmq_curve_keypair(guest_public, guest_secret) == 0);
	write_key("server.key", server_secret, 0600);
	write_key("clients/guest.pub", guest_public, 0644);
	write_key("clients/README", "not a key", 0644);
	snprintf(channels, sizeof channels,
		 "channels:\n"
		 "  - name: vetted\n"
		 "    bind: ipc://%s/vetted\n"
		 "    curve: {secret: %s/server.key, clients: %s/clients}\n"
		 "  - name: any\n"
		 "    bind: ipc://%s/any\n"
		 "    curve: {secret: %s/server.key, clients: any}\n",
		 scratch.path, scratch.path, scratch.path, scratch.path, scratch.path);
	config = fixture_config(&scratch, channels);
	zmq = zmq_ctx_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < CHANNELS; i++)
		outlet_close(&outlets[i], 0);
	door_close(&door);
	zmq_ctx_term(zmq);
	config_free(&config);
	scratch_remove(scratch.path);
	return 0;
}

static void open_all(void)
{
	if (door_open(zmq, config, &door, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	for (int i = 0; i < CHANNELS; i++) {
		if (outlet_open(zmq, &config->channels[i], &outlets[i], why, sizeof why) !=
		    RESULT_OK)
			fail_msg("%s", why);
		assert_true(outlet_bind(outlets[i]));
	}
}

static void *new_reader(void)
{
	int wait_ms = WAIT_MS, no_linger = 0;
	void *reader = zmq_socket(zmq, ZMQ_SUB);
	zmq_setsockopt(reader, ZMQ_SUBSCRIBE, "", 0);
	zmq_setsockopt(reader, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
	zmq_setsockopt(reader, ZMQ_LINGER, &no_linger, sizeof no_linger);
	return reader;
}

static void use_curve(void *reader, const char *server, const char *public_key, const char *secret)
{
	assert_int_equal(zmq_setsockopt(reader, ZMQ_CURVE_SERVERKEY, server, strlen(server)), 0);
	assert_int_equal(
		zmq_setsockopt(reader, ZMQ_CURVE_PUBLICKEY, public_key, strlen(public_key)), 0);
	assert_int_equal(zmq_setsockopt(reader, ZMQ_CURVE_SECRETKEY, secret, strlen(secret)), 0);
}

/* Connects it to the channel, sends and answers the door until something is heard, or so often. Closes it. */
static bool hears(void *reader, int channel, int tries)
{
	char frame[256];
	bool heard = false;
	assert_int_equal(zmq_connect(reader, config->channels[channel].bind), 0);
	for (int i = 0; i < tries && !heard; i++) {
		outlet_send(outlets[channel], "example.a.", 0, "jws", 3);
		heard = zmq_recv(reader, frame, sizeof frame, 0) >= 0;
		door_answer(door);
	}
	zmq_close(reader);
	return heard;
}

static json_int_t counted(const char *path)
{
	struct buffer text;
	buffer_init(&text, 4096);
	buffer_append_byte(&text, '{');
	door_write_counts(door_counts(door), &text);
	buffer_append_byte(&text, '}');
	json_t *stats = json_loadb(text.data, text.size, 0, NULL);
	assert_non_null(stats);
	json_t *members = json_object_get(stats, "door"), *refused;
	refused = json_object_get(members, "refused");
	json_int_t found = json_integer_value(json_object_get(members, path)) +
			   json_integer_value(json_object_get(refused, path));
	json_decref(stats);
	buffer_free(&text);
	return found;
}

/* At least so many, which are waited for; 0: none. */
static void assert_counted(const char *path, json_int_t least)
{
	json_int_t found = counted(path);
	for (int i = 0; i < MANY && found < least; i++, found = counted(path)) {
		usleep(WAIT_MS * 1000);
		door_answer(door);
	}
	if (least ? found < least : found != 0)
		fail_msg("%s is %lld", path, (long long)found);
}

static void a_listed_key_is_let_in(void **state)
{
	(void)state;
	open_all();
	void *reader = new_reader();
	use_curve(reader, server_public, guest_public, guest_secret);
	assert_true(hears(reader, VETTED, MANY));
	assert_counted("admitted", 1);
	assert_counted("unknown_key", 0);
}

static void a_key_that_is_not_listed_gets_nothing_and_is_counted(void **state)
{
	(void)state;
	char public_key[KEY], secret[KEY];
	open_all();
	zmq_curve_keypair(public_key, secret);
	void *reader = new_reader();
	use_curve(reader, server_public, public_key, secret);
	assert_false(hears(reader, VETTED, FEW));
	assert_counted("unknown_key", 1);
	assert_counted("admitted", 0);
}

/* Knowing a listed public key is not enough. */
static void anothers_public_key_without_its_secret_gets_nothing(void **state)
{
	(void)state;
	char public_key[KEY], secret[KEY];
	open_all();
	zmq_curve_keypair(public_key, secret);
	void *reader = new_reader();
	use_curve(reader, server_public, guest_public, secret);
	assert_false(hears(reader, VETTED, FEW));
	assert_counted("admitted", 0);
}

static void a_client_of_another_server_gets_nothing(void **state)
{
	(void)state;
	open_all();
	void *reader = new_reader();
	use_curve(reader, guest_public, guest_public, guest_secret);
	assert_false(hears(reader, VETTED, FEW));
	assert_counted("admitted", 0);
}

static void without_curve_nobody_hears_anything(void **state)
{
	(void)state;
	open_all();
	assert_false(hears(new_reader(), VETTED, FEW));
	assert_false(hears(new_reader(), ANY, FEW));
	void *plain = new_reader();
	zmq_setsockopt(plain, ZMQ_PLAIN_USERNAME, "admin", 5);
	zmq_setsockopt(plain, ZMQ_PLAIN_PASSWORD, "admin", 5);
	assert_false(hears(plain, VETTED, FEW));
	assert_counted("admitted", 0);
}

static void a_channel_for_any_client_takes_any_key(void **state)
{
	(void)state;
	char public_key[KEY], secret[KEY];
	open_all();
	zmq_curve_keypair(public_key, secret);
	void *reader = new_reader();
	use_curve(reader, server_public, public_key, secret);
	assert_true(hears(reader, ANY, MANY));
	assert_counted("admitted", 1);
}

/* Asks as libzmq does, on the door's own address. */
static void ask(const char *const *parts, size_t count, char status[4])
{
	char spare[256];
	int patience_ms = 5000, no_linger = 0;
	void *socket = zmq_socket(zmq, ZMQ_REQ);
	zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms);
	zmq_setsockopt(socket, ZMQ_LINGER, &no_linger, sizeof no_linger);
	assert_int_equal(zmq_connect(socket, "inproc://zeromq.zap.01"), 0);
	for (size_t i = 0; i < count; i++)
		assert_true(zmq_send(socket, parts[i], strlen(parts[i]),
				     i + 1 < count ? ZMQ_SNDMORE : 0) >= 0);
	zmq_pollitem_t item = {.socket = door_socket(door), .events = ZMQ_POLLIN};
	assert_int_equal(zmq_poll(&item, 1, patience_ms), 1);
	door_answer(door);
	for (int i = 0; i < 6; i++) {
		int size = zmq_recv(socket, spare, sizeof spare, 0);
		assert_true(size >= 0);
		if (i == 2) {
			assert_int_equal(size, 3);
			memcpy(status, spare, 3);
			status[3] = '\0';
		}
	}
	zmq_close(socket);
}

static void odd_questions_are_answered_with_a_refusal_and_counted(void **state)
{
	(void)state;
	static const char key32[] = "12345678901234567890123456789012";
	static char large[1000];
	memset(large, 'x', sizeof large - 1);
	const struct {
		const char *parts[10];
		size_t count;
		const char *counter;
	} questions[] = {
		{{"1.0", "1", "vetted", "1.2.3.4", "", "CURVE", key32}, 7, "unknown_key"},
		{{"1.0", "1", "vetted", "1.2.3.4", "", "CURVE", "short"}, 7, "malformed"},
		{{"1.0", "1", "vetted", "1.2.3.4", "", "CURVE", large}, 7, "malformed"},
		{{"1.0", "1", "vetted", "1.2.3.4", "", "CURVE"}, 6, "malformed"},
		{{"1.0", "1", "nowhere", "1.2.3.4", "", "CURVE", key32}, 7, "malformed"},
		{{"1.0", "1", "vette", "1.2.3.4", "", "CURVE", key32}, 7, "malformed"},
		{{"1.0", "1", "vetted", "1.2.3.4", "", "CURVE", key32, "more"}, 8, "malformed"},
		{{"2.0", "1", "any", "1.2.3.4", "", "CURVE", key32}, 7, "malformed"},
		{{"1.0", "1", "any", "1.2.3.4", "", "NULL"}, 6, "mechanism"},
		{{"1.0", "1", "any", "1.2.3.4", "", "PLAIN", "admin", "admin"}, 8, "mechanism"},
		{{"1.0", large, large, large, large, large, large, large, large}, 9, "mechanism"},
		{{""}, 1, "malformed"},
	};
	char status[4];
	open_all();
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		ask(questions[i].parts, questions[i].count, status);
		assert_string_equal(status, "400");
		assert_counted(questions[i].counter, 1);
	}
	assert_counted("unknown_key", 1);
	assert_counted("malformed", 8);
	assert_counted("mechanism", 3);
	assert_counted("admitted", 0);
}

static void a_client_key_that_is_none_fails_the_opening_with_its_name(void **state)
{
	(void)state;
	write_key("clients/broken.pub", "0123456789", 0644);
	assert_int_equal(door_open(zmq, config, &door, why, sizeof why), RESULT_CONFIG);
	assert_null(door);
	assert_non_null(strstr(why, "clients/broken.pub: no CURVE key; the file must hold"));
}

static void a_folder_that_is_not_there_fails_the_opening_with_its_name(void **state)
{
	(void)state;
	free(config->channels[VETTED].curve_clients);
	config->channels[VETTED].curve_clients = strdup("/nowhere/clients");
	assert_int_equal(door_open(zmq, config, &door, why, sizeof why), RESULT_CONFIG);
	assert_non_null(strstr(why, "/nowhere/clients: No such file or directory; curve.clients of "
				    "channel vetted must be a folder"));
}

static void a_server_key_that_others_can_read_is_refused(void **state)
{
	(void)state;
	char path[256];
	snprintf(path, sizeof path, "%s/server.key", scratch.path);
	chmod(path, 0644);
	assert_int_equal(door_open(zmq, config, &door, why, sizeof why), RESULT_OK);
	assert_int_equal(
		outlet_open(zmq, &config->channels[VETTED], &outlets[VETTED], why, sizeof why),
		RESULT_CONFIG);
	assert_null(outlets[VETTED]);
	assert_non_null(strstr(why, "server.key: its mode is 644"));
	chmod(path, 0600);
	unlink(path);
	assert_int_equal(
		outlet_open(zmq, &config->channels[VETTED], &outlets[VETTED], why, sizeof why),
		RESULT_CONFIG);
	assert_non_null(strstr(why, "server.key: No such file or directory"));
}

static void a_key_file_may_end_in_blanks_and_nothing_else(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "\n", "%s%s", "%s x", " %s", "'%.39s", "%.39s\x80"};
	char path[256], key[KEY], line[256];
	snprintf(path, sizeof path, "%s/some.pub", scratch.path);
	snprintf(line, sizeof line, "%s \t\r\n\n", guest_public);
	write_key("some.pub", line, 0644);
	assert_int_equal(door_read_key(path, false, key, why, sizeof why), RESULT_OK);
	assert_string_equal(key, guest_public);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof line, wrong[i], guest_public, guest_public);
#pragma GCC diagnostic pop
		write_key("some.pub", line, 0644);
		assert_int_equal(door_read_key(path, false, key, why, sizeof why), RESULT_CONFIG);
		assert_memory_equal(why, path, strlen(path));
	}
}

#define WITH_KEYS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KEYS(a_listed_key_is_let_in),
		WITH_KEYS(a_key_that_is_not_listed_gets_nothing_and_is_counted),
		WITH_KEYS(anothers_public_key_without_its_secret_gets_nothing),
		WITH_KEYS(a_client_of_another_server_gets_nothing),
		WITH_KEYS(without_curve_nobody_hears_anything),
		WITH_KEYS(a_channel_for_any_client_takes_any_key),
		WITH_KEYS(odd_questions_are_answered_with_a_refusal_and_counted),
		WITH_KEYS(a_client_key_that_is_none_fails_the_opening_with_its_name),
		WITH_KEYS(a_folder_that_is_not_there_fails_the_opening_with_its_name),
		WITH_KEYS(a_server_key_that_others_can_read_is_refused),
		WITH_KEYS(a_key_file_may_end_in_blanks_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
