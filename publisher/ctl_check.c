/* ctl_check.c - epptapctl check: what epptap_open() would say, without a front end
 *
 * Looks, and changes nothing: no folder is made and no port bound. It should run as the front end's user.
 */
#include "publisher/ctl.h"

#include "base/state_dir.h"
#include "publisher/ctl_refusal.h"
#include "publisher/door.h"
#include "publisher/feed_store.h"
#include "publisher/log_keys.h"
#include "publisher/outlet.h"
#include "publisher/signing_key.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

/* Each as epptap_open() would read the event key. */
static int check_keys(const struct config *config)
{
	const struct {
		const char *name, *where;
	} keys[] = {{"keys.event", config->key_event},
		    {"keys.log", config->key_log},
		    {"keys.log_before", config->key_log_before},
		    {"keys.cosigner", config->key_cosigner}};
	int status = CTL_OK;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		char why[1024];
		struct signing_key *key = NULL;
		if (keys[i].where &&
		    signing_key_load(keys[i].where, &key, why, sizeof why) != RESULT_OK)
			status = ctl_fail("%s: %s", keys[i].name, why);
		signing_key_free(&key);
	}
	return status;
}

/* Each must be a key of its own; the event key, too, can be read by now. */
static int check_log_keys(const struct config *config)
{
	char why[1024];
	struct signing_key *event = NULL;
	struct log_keys *keys = NULL;
	int result = signing_key_load(config->key_event, &event, why, sizeof why);
	if (result == RESULT_OK)
		result = log_keys_load(config, signing_key_public(event), &keys, why, sizeof why);
	if (result == RESULT_OK && !keys)
		printf("no channel has a log: keys.log and keys.cosigner are not set, so nobody "
		       "can check that the feed is whole, or read what was missed\n");
	log_keys_free(&keys);
	signing_key_free(&event);
	return result == RESULT_OK ? CTL_OK : ctl_fail("%s", why);
}

/* Who gets in where a channel has CURVE; said of a good config, as a key forgotten or too many is no mistake of
 * form. */
static void tell_guests(const struct config *config, const struct door *door)
{
	for (size_t i = 0; i < config->channel_count; i++) {
		const struct config_channel *channel = &config->channels[i];
		size_t count = door_guest_count(door, i);
		if (channel->curve_any)
			printf("channel %s lets every client in\n", channel->name);
		else if (channel->curve_clients && count == 0)
			printf("channel %s lets nobody in: no file in %s ends in .pub\n",
			       channel->name, channel->curve_clients);
		else if (channel->curve_clients)
			printf("channel %s lets %zu client%s in\n", channel->name, count,
			       count == 1 ? "" : "s");
	}
}

/* Is the address of a tcp endpoint that of every interface? One can listen there, and nobody can connect to it. */
static bool is_every_interface(const char *endpoint)
{
	static const char tcp[] = "tcp://";
	char address[INET6_ADDRSTRLEN + 2];
	struct in6_addr six;
	struct in_addr four;
	const char *colon = strrchr(endpoint, ':');
	if (strncmp(endpoint, tcp, sizeof tcp - 1) != 0 || colon < endpoint + sizeof tcp - 1)
		return false;
	size_t size = (size_t)(colon - (endpoint + sizeof tcp - 1));
	if (size >= sizeof address)
		return false; /* a name */
	memcpy(address, endpoint + sizeof tcp - 1, size);
	address[size] = '\0';
	if (inet_pton(AF_INET, address, &four) == 1)
		return four.s_addr == htonl(INADDR_ANY);
	if (size < 2 || address[0] != '[')
		return strcmp(address, "*") == 0;
	address[size - 1] = '\0';
	return inet_pton(AF_INET6, address + 1, &six) == 1 && IN6_IS_ADDR_UNSPECIFIED(&six);
}

/* What feed.json would tell subscribers: without `connect`, what stands in `bind`. It is no mistake for the publisher,
 * which is why all else goes on: subscribers may know the address by another way. */
static void warn_of_addresses(const struct config *config)
{
	for (size_t i = 0; i < config->channel_count; i++) {
		const struct config_channel *channel = &config->channels[i];
		for (size_t j = 0; j < channel->connect.count; j++) {
			const char *told = channel->connect.items[j];
			if (!is_every_interface(told))
				continue;
			printf("%s: warning: channel %s: its feed.json tells subscribers to "
			       "connect to %s, which is each interface of this machine, so nobody "
			       "can; write in `connect` the name or address by which they reach "
			       "it, "
			       "such as [tcp://feed.registry.example%s]\n",
			       config->path, channel->name, told, strrchr(told, ':'));
		}
	}
}

/* Opens door and sockets as a publisher would, but binds nothing. */
static int check_channels(const struct config *config)
{
	char why[1024];
	struct door *door = NULL;
	void *zmq = zmq_ctx_new();
	if (!zmq)
		return ctl_fail("no memory for libzmq");
	int result = door_open(zmq, config, &door, why, sizeof why);
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++) {
		struct outlet *outlet;
		result = outlet_open(zmq, &config->channels[i], &outlet, why, sizeof why);
		outlet_close(&outlet, 0);
	}
	if (result == RESULT_OK)
		tell_guests(config, door);
	door_close(&door);
	zmq_ctx_term(zmq);
	return result == RESULT_OK ? CTL_OK : ctl_fail("%s", why);
}

/* Can the folder be written, or made in the nearest one above it that is there? */
static int check_folder(const char *what, const char *path)
{
	char above[PATH_MAX];
	snprintf(above, sizeof above, "%s", path);
	while (access(above, F_OK) != 0 && strrchr(above, '/') > above)
		*strrchr(above, '/') = '\0';
	if (access(above, F_OK) != 0)
		above[1] = '\0'; /* the root */
	if (access(above, W_OK | X_OK) == 0)
		return CTL_OK;
	return ctl_fail("%s %s: %s: %s; it must be a folder that this user can write, or make",
			what, path, above, strerror(errno));
}

/* The metrics file is replaced, so that its folder must be there and be writable; nobody makes that. */
static int check_metrics(const char *path)
{
	char folder[PATH_MAX];
	if (!path)
		return CTL_OK;
	snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path + 1), path);
	if (access(folder, W_OK | X_OK) == 0)
		return CTL_OK;
	return ctl_fail("metrics %s: %s: %s; it must be a folder that this user can write", path,
			folder, strerror(errno));
}

/* The folders, the feed store if there is one, and whether it may be published from. */
static int check_folders(const struct config *config)
{
	char why[1024];
	struct feed_store *store = NULL;
	int status = check_folder("state_dir", config->state_dir);
	if (status == CTL_OK && state_dir_check(config->state_dir, why, sizeof why) != RESULT_OK)
		status = ctl_fail("%s", why);
	for (size_t i = 0; i < config->channel_count && status == CTL_OK; i++)
		status = check_folder("log_dir", config->channels[i].log_dir);
	if (status == CTL_OK)
		status = check_metrics(config->metrics);
	if (status != CTL_OK)
		return status;
	if (feed_store_exists(config->state_dir) &&
	    feed_store_open(config->state_dir, config->store_limit, true, &store, why,
			    sizeof why) != RESULT_OK)
		return ctl_fail("%s", why);
	if (ctl_refuses(config, store, why, sizeof why))
		status = ctl_fail("%s", why);
	feed_store_close(&store);
	return status;
}

int ctl_check(int argc, char **argv)
{
	(void)argc;
	struct config *config = ctl_load(argv[0]);
	if (!config)
		return CTL_FAILED;
	int status = check_keys(config);
	if (status == CTL_OK)
		status = check_log_keys(config);
	if (status == CTL_OK)
		status = check_folders(config);
	if (status == CTL_OK)
		status = check_channels(config);
	if (status == CTL_OK)
		warn_of_addresses(config);
	if (status == CTL_OK)
		printf("%s: good: registry %s, %zu channel%s\n", argv[0], config->registry,
		       config->channel_count, config->channel_count == 1 ? "" : "s");
	config_free(&config);
	return status;
}
