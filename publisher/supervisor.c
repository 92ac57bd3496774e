#include "publisher/supervisor.h"

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "publisher/notify.h"
#include "publisher/publisher_process.h"
#include "publisher/relay.h"
#include "publisher/sender.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	BACKOFF_LEAST_MS = 100,
	BACKOFF_MOST_MS = 10000,
	WELL_AFTER_US = 10000000, /* a child that lived so long was well */
	READY_PAUSE_US = 10000,   /* between looks whether the children are ready */
	PUBLISHER_END_MS = 15000, /* how long it may drain */
	SENDERS_END_MS = 3000,
	PUBLISHER = 0, /* the first child; the others are the senders, by channel */
};

#define NEVER INT64_MAX

enum stage { STAGE_RUN, STAGE_PUBLISHER_ENDS, STAGE_SENDERS_END, STAGE_ENDED };

struct child {
	pid_t pid; /* 0: it does not run */
	int64_t started_us, start_at_us;
	int64_t backoff_ms;
	struct score *score;
};

struct relay_ends {
	int reader, writer;
};

struct supervisor {
	const char *path;
	struct config *config;
	struct config *next; /* while the children end: what comes then; NULL: the end */
	struct scoreboard *board;
	struct relay_ends *relays; /* by channel */
	struct child *children;    /* the publisher, then the senders */
	size_t child_count;
	sigset_t signals;
	enum stage stage;
	int64_t deadline_us; /* when those that should have ended are killed */
	bool ready;          /* and told so */
	bool was_ready;      /* once: from then on nothing but a signal ends us */
	int status;
};

/* Which child, for the log. */
static const char *name_of(const struct supervisor *supervisor, const struct child *child,
			   char name[64])
{
	size_t number = (size_t)(child - supervisor->children);
	if (number == PUBLISHER)
		return "the publisher";
	snprintf(name, 64, "the sender of channel %s",
		 supervisor->config->channels[number - 1].name);
	return name;
}

/* The children */

/* What a child has no use for is closed: each sender has the end that it reads, the publisher those that it writes. */
static void close_ends(const struct supervisor *supervisor, size_t number)
{
	for (size_t i = 0; i < supervisor->config->channel_count; i++) {
		if (number == PUBLISHER || number != i + 1)
			close(supervisor->relays[i].reader);
		if (number != PUBLISHER)
			close(supervisor->relays[i].writer);
	}
}

static int run_publisher(const struct supervisor *supervisor)
{
	int fds[CONFIG_MAX_CHANNELS];
	for (size_t i = 0; i < supervisor->config->channel_count; i++)
		fds[i] = supervisor->relays[i].writer;
	return publisher_process_run(supervisor->config, fds, supervisor->board);
}

/* The child's life. It keeps our mask of signals: it waits for SIGTERM, and the others are not for it. */
static _Noreturn void run_child(const struct supervisor *supervisor, size_t number, pid_t parent)
{
	const struct rlimit no_core = {0}; /* a core file would show keys */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, number == PUBLISHER ? "epptapd-publish" : "epptapd-send");
	setrlimit(RLIMIT_CORE, &no_core);
	close_ends(supervisor, number);
	if (number == PUBLISHER)
		_exit(run_publisher(supervisor));
	scoreboard_keep_one(supervisor->board, number - 1);
	_exit(sender_run(supervisor->config, number - 1, supervisor->relays[number - 1].reader,
			 supervisor->children[number].score));
}

static void start(struct supervisor *supervisor, struct child *child, int64_t now_us)
{
	pid_t parent = getpid();
	child->start_at_us = NEVER;
	child->started_us = now_us;
	child->pid = fork();
	if (child->pid == 0)
		run_child(supervisor, (size_t)(child - supervisor->children), parent);
	if (child->pid < 0) {
		log_error("a process can't be started: %s; trying again", strerror(errno));
		child->pid = 0;
		child->start_at_us = now_us + BACKOFF_MOST_MS * 1000LL;
	}
	atomic_store(&child->score->pid, child->pid);
}

static void tell_status(const struct supervisor *supervisor)
{
	uint64_t restarts = 0;
	size_t running = 0;
	for (size_t i = 0; i < supervisor->child_count; i++) {
		running += supervisor->children[i].pid != 0;
		restarts += atomic_load(&supervisor->children[i].score->restarts);
	}
	notify_say("STATUS=%zu of %zu processes run; restarted so far: %" PRIu64, running,
		   supervisor->child_count, restarts);
}

/* What became of it, in words. */
static void tell_end(const struct supervisor *supervisor, const struct child *child, int how)
{
	char name[64];
	const char *what = name_of(supervisor, child, name);
	long long wait_ms = child->backoff_ms;
	if (WIFSIGNALED(how))
		log_error("%s, process %ld, was ended by signal %d (%s); it is started again in "
			  "%lld ms",
			  what, (long)child->pid, WTERMSIG(how), strsignal(WTERMSIG(how)), wait_ms);
	else
		log_error("%s, process %ld, ended with status %d; it is started again in %lld ms",
			  what, (long)child->pid, WEXITSTATUS(how), wait_ms);
}

static void back_off(struct child *child, int64_t now_us)
{
	if (child->backoff_ms == 0 || now_us - child->started_us >= WELL_AFTER_US)
		child->backoff_ms = BACKOFF_LEAST_MS;
	else
		child->backoff_ms = child->backoff_ms * 2 < BACKOFF_MOST_MS ? child->backoff_ms * 2
									    : BACKOFF_MOST_MS;
	child->start_at_us = now_us + child->backoff_ms * 1000;
}

static void begin_end(struct supervisor *supervisor, int64_t now_us);

/* It ended: by itself, or because it was told to. */
static void child_ended(struct supervisor *supervisor, struct child *child, int how, int64_t now_us)
{
	if (supervisor->stage == STAGE_RUN && !supervisor->was_ready && WIFEXITED(how)) {
		/* It has said why: by this config it can't begin. */
		supervisor->status = EXIT_FAILURE;
		child->pid = 0;
		begin_end(supervisor, now_us);
	} else if (supervisor->stage == STAGE_RUN) {
		back_off(child, now_us);
		tell_end(supervisor, child, how);
		atomic_fetch_add(&child->score->restarts, 1);
	}
	child->pid = 0;
	atomic_store(&child->score->pid, 0);
	atomic_store(&child->score->bound, false);
	atomic_store(&child->score->ready, false);
	tell_status(supervisor);
}

static void reap(struct supervisor *supervisor, int64_t now_us)
{
	int how;
	for (pid_t pid; (pid = waitpid(-1, &how, WNOHANG)) > 0;)
		for (size_t i = 0; i < supervisor->child_count; i++)
			if (supervisor->children[i].pid == pid)
				child_ended(supervisor, &supervisor->children[i], how, now_us);
}

static void signal_children(const struct supervisor *supervisor, size_t first, size_t end,
			    int signal)
{
	for (size_t i = first; i < end; i++)
		if (supervisor->children[i].pid > 0)
			kill(supervisor->children[i].pid, signal);
}

static bool any_runs(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->child_count; i++)
		if (supervisor->children[i].pid)
			return true;
	return false;
}

/* A config, and what is made for it */

static struct config *load(const char *path, char *why, size_t why_size)
{
	struct config *config;
	if (config_load(path, &config, why, why_size) != RESULT_OK)
		return NULL;
	if (config->publisher == CONFIG_PUBLISHER_PROCESS)
		return config;
	snprintf(why, why_size,
		 "%s: publisher: is embedded, so the front end publishes by itself; write process, "
		 "in the config of both",
		 path);
	config_free(&config);
	return NULL;
}

static int open_relay(struct relay_ends *ends)
{
	int pair[2], room = RELAY_BACKLOG;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return RESULT_STORE;
	/* As much as the kernel gives; the relay does with less. */
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	*ends = (struct relay_ends){.reader = pair[0], .writer = pair[1]};
	return RESULT_OK;
}

static void close_house(struct supervisor *supervisor)
{
	for (size_t i = 0; supervisor->relays && i < supervisor->config->channel_count; i++) {
		if (supervisor->relays[i].reader > 0)
			close(supervisor->relays[i].reader);
		if (supervisor->relays[i].writer > 0)
			close(supervisor->relays[i].writer);
	}
	free(supervisor->relays);
	free(supervisor->children);
	scoreboard_free(&supervisor->board);
	config_free(&supervisor->config);
	supervisor->relays = NULL;
	supervisor->children = NULL;
	supervisor->child_count = 0;
}

/* Takes over `config`; makes relays, score board and children, which are started at once. */
static int open_house(struct supervisor *supervisor, struct config *config)
{
	size_t channels = config->channel_count;
	supervisor->config = config;
	supervisor->board = scoreboard_new(channels);
	supervisor->relays = calloc(channels, sizeof *supervisor->relays);
	supervisor->children = calloc(channels + 1, sizeof *supervisor->children);
	if (!supervisor->board || !supervisor->relays || !supervisor->children)
		return RESULT_NOMEM;
	for (size_t i = 0; i < channels; i++)
		if (open_relay(&supervisor->relays[i]) != RESULT_OK)
			return RESULT_STORE;
	supervisor->child_count = channels + 1;
	supervisor->children[PUBLISHER].score = supervisor->board->publisher;
	for (size_t i = 0; i < channels; i++)
		supervisor->children[i + 1].score = supervisor->board->senders[i];
	supervisor->ready = false;
	supervisor->stage = STAGE_RUN;
	return RESULT_OK;
}

/* Ends and reloads */

/* The publisher first: the senders shall still hear its last messages. By SIGHUP it tells of the next config's key, and
 * stays if it can't. */
static void begin_end(struct supervisor *supervisor, int64_t now_us)
{
	supervisor->stage = STAGE_PUBLISHER_ENDS;
	supervisor->deadline_us = now_us + PUBLISHER_END_MS * 1000LL;
	signal_children(supervisor, PUBLISHER, PUBLISHER + 1, supervisor->next ? SIGHUP : SIGTERM);
}

/* The publisher, which has said why, can't go on with the next config. */
static void give_up_reload(struct supervisor *supervisor)
{
	supervisor->stage = STAGE_RUN;
	config_free(&supervisor->next);
	notify_say("READY=1");
}

/* All that a SIGHUP with a good config does: everything ends in order, and is started anew with it. */
static void reload(struct supervisor *supervisor, int64_t now_us)
{
	char why[1024];
	notify_say("RELOADING=1\nMONOTONIC_USEC=%" PRId64, now_us);
	struct config *config = load(supervisor->path, why, sizeof why);
	if (!config) {
		log_error("%s; going on with the config as it was", why);
		notify_say("READY=1");
		return;
	}
	config_free(&supervisor->next);
	supervisor->next = config;
	if (supervisor->stage == STAGE_RUN)
		begin_end(supervisor, now_us);
}

static void end(struct supervisor *supervisor, int64_t now_us)
{
	notify_say("STOPPING=1");
	config_free(&supervisor->next);
	if (supervisor->stage <= STAGE_PUBLISHER_ENDS)
		begin_end(supervisor, now_us);
}

/* All children are gone. */
static void end_or_begin_anew(struct supervisor *supervisor)
{
	struct config *config = supervisor->next;
	supervisor->next = NULL;
	supervisor->stage = STAGE_ENDED;
	if (!config)
		return;
	close_house(supervisor);
	if (open_house(supervisor, config) == RESULT_OK)
		return;
	log_error("no memory, or no descriptor to be had, for the channels: ending");
	supervisor->status = EXIT_FAILURE;
}

/* The loop */

static void take_signal(struct supervisor *supervisor, int signal, bool *told_to_end,
			int64_t now_us)
{
	switch (signal) {
	case SIGHUP:
		if (!*told_to_end)
			reload(supervisor, now_us);
		break;
	case SIGTERM:
	case SIGINT:
		if (*told_to_end)
			signal_children(supervisor, 0, supervisor->child_count, SIGKILL);
		else
			end(supervisor, now_us);
		*told_to_end = true;
		break;
	default: /* SIGCHLD: reap() comes next */
		break;
	}
}

static void look_if_ready(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->child_count; i++)
		if (!atomic_load(&supervisor->children[i].score->ready))
			return;
	supervisor->ready = supervisor->was_ready = true;
	notify_say("READY=1");
	tell_status(supervisor);
}

static void start_those_due(struct supervisor *supervisor, int64_t now_us)
{
	bool some = false;
	for (size_t i = 0; i < supervisor->child_count; i++) {
		struct child *child = &supervisor->children[i];
		if (child->pid || child->start_at_us > now_us)
			continue;
		start(supervisor, child, now_us);
		some = true;
	}
	if (some)
		tell_status(supervisor);
}

/* Does what it is time for. */
static void go_on(struct supervisor *supervisor, int64_t now_us)
{
	bool refused = atomic_exchange(&supervisor->board->publisher->refused_reload, false);
	if (refused && supervisor->stage == STAGE_PUBLISHER_ENDS && supervisor->next)
		give_up_reload(supervisor);
	if (supervisor->stage == STAGE_PUBLISHER_ENDS && !supervisor->children[PUBLISHER].pid) {
		supervisor->stage = STAGE_SENDERS_END;
		supervisor->deadline_us = now_us + SENDERS_END_MS * 1000LL;
		signal_children(supervisor, PUBLISHER + 1, supervisor->child_count, SIGTERM);
	}
	if (supervisor->stage == STAGE_SENDERS_END && !any_runs(supervisor))
		end_or_begin_anew(supervisor);
	if (supervisor->stage == STAGE_RUN) {
		start_those_due(supervisor, now_us);
		if (!supervisor->ready)
			look_if_ready(supervisor);
	} else if (now_us >= supervisor->deadline_us) {
		bool publisher = supervisor->stage == STAGE_PUBLISHER_ENDS;
		signal_children(supervisor, PUBLISHER,
				publisher ? PUBLISHER + 1 : supervisor->child_count, SIGKILL);
		supervisor->deadline_us = NEVER;
	}
}

/* When there is something to do even if no signal comes. */
static int64_t next_look_us(const struct supervisor *supervisor, int64_t now_us)
{
	int64_t at_us = supervisor->stage == STAGE_RUN ? NEVER : supervisor->deadline_us;
	if (supervisor->stage == STAGE_PUBLISHER_ENDS && supervisor->next)
		return now_us + READY_PAUSE_US < at_us ? now_us + READY_PAUSE_US : at_us;
	if (supervisor->stage != STAGE_RUN)
		return at_us;
	for (size_t i = 0; i < supervisor->child_count; i++) {
		const struct child *child = &supervisor->children[i];
		if (!child->pid && child->start_at_us < at_us)
			at_us = child->start_at_us;
	}
	if (!supervisor->ready && now_us + READY_PAUSE_US < at_us)
		at_us = now_us + READY_PAUSE_US;
	return at_us;
}

/* The next signal; 0: none until then. */
static int wait_for_signal(const struct supervisor *supervisor, int64_t now_us)
{
	int64_t at_us = next_look_us(supervisor, now_us);
	int64_t wait_us = at_us > now_us ? at_us - now_us : 0;
	const struct timespec wait = {.tv_sec = wait_us / 1000000,
				      .tv_nsec = wait_us % 1000000 * 1000};
	int signal = at_us == NEVER ? sigwaitinfo(&supervisor->signals, NULL)
				    : sigtimedwait(&supervisor->signals, NULL, &wait);
	return signal > 0 ? signal : 0;
}

static void block_signals(struct supervisor *supervisor)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	sigemptyset(&supervisor->signals);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaddset(&supervisor->signals, signals[i]);
	sigprocmask(SIG_BLOCK, &supervisor->signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int supervisor_run(const char *config_path)
{
	char why[1024];
	bool told_to_end = false;
	struct supervisor supervisor = {.path = config_path, .status = EXIT_SUCCESS};
	log_begin();
	notify_begin();
	block_signals(&supervisor);
	struct config *config = load(config_path, why, sizeof why);
	if (!config) {
		fprintf(stderr, "%s\n", why);
		return EXIT_FAILURE;
	}
	if (open_house(&supervisor, config) != RESULT_OK) {
		fprintf(stderr, "epptapd: no memory, or no descriptor to be had\n");
		supervisor.stage = STAGE_ENDED;
		supervisor.status = EXIT_FAILURE;
	}
	for (int signal = 0; supervisor.stage != STAGE_ENDED;) {
		int64_t now_us = clock_monotonic_us();
		take_signal(&supervisor, signal, &told_to_end, now_us);
		reap(&supervisor, now_us);
		go_on(&supervisor, now_us);
		if (supervisor.stage != STAGE_ENDED)
			signal = wait_for_signal(&supervisor, now_us);
	}
	close_house(&supervisor);
	return supervisor.status;
}
