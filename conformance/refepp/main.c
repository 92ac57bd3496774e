/* refepp - a reference EPP front end with a plugin socket: options, signals, the order of opening
 * and closing */
#include "conformance/refepp/engine.h"
#include "conformance/refepp/need.h"
#include "conformance/refepp/server.h"
#include "conformance/refepp/tls.h"

#include <getopt.h>
#include <libxml/parser.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, DRAIN_MS = 2000, WHY_SIZE = 1024 };

static const char usage[] =
	"usage: refepp --listen ADDRESS:PORT --cert FILE --key FILE --journal FILE\n"
	"              --users FILE [--plugin FILE --config FILE [--begin]] [--grace]\n"
	"\n"
	"A reference EPP server (RFC 5730-5734, 5910) that tells the epptap plugin of\n"
	"every command with its response.\n"
	"\n"
	"  --listen ADDRESS:PORT  where to listen; port 0 is a free one\n"
	"  --cert FILE            certificate chain, PEM\n"
	"  --key FILE             its private key, PEM\n"
	"  --journal FILE         all changes, one JSON line each; replayed at start\n"
	"  --users FILE           logins, one login:password a line\n"
	"  --plugin FILE          epptap.so; without it and --config nothing is tapped\n"
	"  --config FILE          the plugin's configuration\n"
	"  --begin                tell the plugin before a command is carried out, too\n"
	"  --grace                keep deleted domains with pendingDelete, for a restore\n"
	"  --help                 this text\n"
	"\n"
	"Once ready it prints `refepp: listening on ADDRESS:PORT`. SIGUSR1 prints the\n"
	"plugin's statistics as one JSON line; SIGHUP lets the plugin read its\n"
	"configuration again; SIGTERM and SIGINT end it.\n"
	"Exit status: 0 ended by a signal, 1 something failed, 2 usage.\n";

struct options {
	const char *listen, *cert, *key, *plugin, *config, *journal, *users;
	bool grace, begin;
};

/* All that runs, in the order it is opened. */
struct house {
	struct users *users;
	struct journal *journal;
	struct tap *tap;
	struct session_house session;
	struct server *server;
};

static int refuse_usage(const char *what)
{
	fprintf(stderr, "refepp: %s; `refepp --help` has the options\n", what);
	return EXIT_USAGE;
}

/* -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{"listen", required_argument, NULL, 'l'},
		{"cert", required_argument, NULL, 'c'},
		{"key", required_argument, NULL, 'k'},
		{"plugin", required_argument, NULL, 'p'},
		{"config", required_argument, NULL, 'f'},
		{"journal", required_argument, NULL, 'j'},
		{"users", required_argument, NULL, 'u'},
		{"grace", no_argument, NULL, 'g'},
		{"begin", no_argument, NULL, 'b'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const struct {
		int letter;
		const char **value;
	} values[] = {
		{'l', &options->listen}, {'c', &options->cert},   {'k', &options->key},
		{'p', &options->plugin}, {'f', &options->config}, {'j', &options->journal},
		{'u', &options->users},
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (letter == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (letter == '?')
			return refuse_usage("an option is wrong");
		options->grace = options->grace || letter == 'g';
		options->begin = options->begin || letter == 'b';
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			if (values[i].letter == letter)
				*values[i].value = optarg;
		}
	}
	return optind == argc ? -1 : refuse_usage("there are no arguments besides options");
}

static int check_options(const struct options *options)
{
	if (options->listen == NULL)
		return refuse_usage("--listen ADDRESS:PORT is missing");
	if (options->cert == NULL || options->key == NULL)
		return refuse_usage("--cert FILE and --key FILE are both needed");
	if (options->journal == NULL)
		return refuse_usage("--journal FILE is missing");
	if (options->users == NULL)
		return refuse_usage("--users FILE is missing");
	if ((options->plugin == NULL) != (options->config == NULL))
		return refuse_usage("--plugin FILE and --config FILE go together");
	return -1;
}

/* Opens all there is; the plugin after what may fail for simpler reasons. False, and `why`, if
 * something failed. */
static bool open_house(struct house *house, const struct options *options, char *why)
{
	house->users = users_load(options->users, why, WHY_SIZE);
	if (house->users == NULL)
		return false;
	house->session.users = house->users;
	house->session.tls = tls_context(options->cert, options->key, why, WHY_SIZE);
	if (house->session.tls == NULL)
		return false;
	house->journal = journal_open(options->journal, why, WHY_SIZE);
	if (house->journal == NULL)
		return false;
	house->server = server_new(options->listen, &house->session, why, WHY_SIZE);
	if (house->server == NULL)
		return false;
	if (options->plugin != NULL) {
		house->tap = tap_open(options->plugin, options->config, why, WHY_SIZE);
		if (house->tap == NULL)
			return false;
	}
	house->session.engine = engine_new(house->journal, house->tap, options->grace,
					   options->begin, why, WHY_SIZE);
	return house->session.engine != NULL;
}

static void close_house(struct house *house)
{
	tap_close(&house->tap, DRAIN_MS);
	server_free(&house->server);
	engine_free(&house->session.engine);
	journal_close(&house->journal);
	SSL_CTX_free(house->session.tls);
	users_free(&house->users);
}

/* Blocked in every thread, so that they come to the signal thread alone, and a closed connection
 * kills nothing. */
static void block_signals(sigset_t *awaited)
{
	sigset_t blocked;

	sigemptyset(awaited);
	sigaddset(awaited, SIGTERM);
	sigaddset(awaited, SIGINT);
	sigaddset(awaited, SIGUSR1);
	sigaddset(awaited, SIGHUP);
	blocked = *awaited;
	sigaddset(&blocked, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &blocked, NULL);
}

struct signals {
	sigset_t awaited;
	struct house *house;
};

static void *await_signals(void *context)
{
	struct signals *signals = context;
	int number;

	for (;;) {
		if (sigwait(&signals->awaited, &number) != 0)
			continue;
		if (number == SIGUSR1)
			tap_print_stats(signals->house->tap);
		else if (number == SIGHUP)
			tap_reload(signals->house->tap);
		else
			break;
	}
	server_stop(signals->house->server);
	return NULL;
}

static int serve(struct house *house, struct signals *signals)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, await_signals, signals) != 0) {
		fputs("refepp: no thread for signals can be made\n", stderr);
		return EXIT_FAILED;
	}
	printf("refepp: listening on %s\n", server_address(house->server));
	fflush(stdout);
	server_run(house->server);
	pthread_join(thread, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct house house = {0};
	struct signals signals = {.house = &house};
	char why[WHY_SIZE] = "";
	int status = read_options(argc, argv, &options);

	if (status < 0)
		status = check_options(&options);
	if (status >= 0)
		return status;
	block_signals(&signals.awaited);
	xmlInitParser();
	xml_quiet_thread();
	if (open_house(&house, &options, why)) {
		status = serve(&house, &signals);
	} else {
		fprintf(stderr, "refepp: %s\n", why);
		status = EXIT_FAILED;
	}
	close_house(&house);
	return status;
}
