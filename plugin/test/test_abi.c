/* The public ABI, as a front end meets it: epptap.so by dlopen(), with a config, keys and a state_dir of its own.
 *
 * The build folder is EPPTAP_BUILD, or the one that this program lies in; run it in the project's folder. */
#include "plugin/epptap.h"

#include "plugin/test/frames.h"
#include "plugin/test/scratch.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "plugin/test/await.h"

enum { FRAME_LIMIT = 4096, MINUTE_MS = 60000, STATS_SIZE = 16384, SECONDS_TO_LIVE = 60 };

/* The interface by its own declarations, so that a changed one fails to compile here. */
static struct {
	__typeof__(&epptap_abi) abi;
	__typeof__(&epptap_version) version;
	__typeof__(&epptap_strerror) strerror;
	__typeof__(&epptap_open) open;
	__typeof__(&epptap_transaction) transaction;
	__typeof__(&epptap_begin) begin;
	__typeof__(&epptap_end) end;
	__typeof__(&epptap_server_change) server_change;
	__typeof__(&epptap_flush) flush;
	__typeof__(&epptap_stats) stats;
	__typeof__(&epptap_reload) reload;
	__typeof__(&epptap_close) close;
} tap_api;

static char build[PATH_MAX];
static struct scratch scratch;
static char config_path[128];
static struct epptap *tap;
static char why[1024];

static void find_build(void)
{
	const char *given = getenv("EPPTAP_BUILD");
	if (given) {
		snprintf(build, sizeof build, "%s", given);
		return;
	}
	/* .../plugin/test/test_abi */
	ssize_t size = readlink("/proc/self/exe", build, sizeof build - 1);
	build[size > 0 ? size : 0] = '\0';
	for (int i = 0; i < 3 && strrchr(build, '/'); i++)
		*strrchr(build, '/') = '\0';
}

/* A sanitizer has a thread of its own, and can't be loaded into a program that was built without. */
static bool is_sanitized(void)
{
	return strstr(build, "/asan") || strstr(build, "/tsan");
}

static int load(void **state)
{
	(void)state;
	char path[PATH_MAX + 16];
	find_build();
	snprintf(path, sizeof path, "%s/epptap.so", build);
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!object) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
#define FIND(name) *(void **)&tap_api.name = dlsym(object, "epptap_" #name)
	FIND(abi);
	FIND(version);
	FIND(strerror);
	FIND(open);
	FIND(transaction);
	FIND(begin);
	FIND(end);
	FIND(server_change);
	FIND(flush);
	FIND(stats);
	FIND(reload);
	FIND(close);
	return tap_api.abi && tap_api.version && tap_api.strerror && tap_api.open &&
			       tap_api.transaction && tap_api.begin && tap_api.end &&
			       tap_api.server_change && tap_api.flush && tap_api.stats &&
			       tap_api.reload && tap_api.close
		       ? 0
		       : -1;
}

/* Runs a command, whose first bytes of output go to `output`; answers its exit status. */
static int run(const char *command, char *output, size_t size)
{
	FILE *pipe = popen(command, "re");
	if (!pipe)
		return -1;
	size_t got = output ? fread(output, 1, size - 1, pipe) : 0;
	if (output)
		output[got] = '\0';
	for (char rest[4096]; fread(rest, 1, sizeof rest, pipe) > 0;)
		;
	int status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void write_config(const char *publisher, const char *capture)
{
	snprintf(config_path, sizeof config_path, "%s/epptap.yaml", scratch.path);
	FILE *config = fopen(config_path, "we");
	fprintf(config,
		"registry: https://registry.example\n"
		"state_dir: %s/state\n"
		"keys: {event: %s/keys/event.pem}\n"
		"publisher: %s\n"
		"capture: {frame_limit: %dB, queue: 1MiB%s}\n"
		"sign_threads: 1\n"
		"channels:\n"
		"  - {name: public, bind: 'ipc://%s/public'}\n",
		scratch.path, scratch.path, publisher, FRAME_LIMIT, capture, scratch.path);
	fclose(config);
}

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	write_config("process", "");
	return 0;
}

static int set_up_with_publisher(void **state)
{
	(void)state;
	char command[PATH_MAX + 128];
	scratch = scratch_make();
	write_config("embedded", "");
	snprintf(command, sizeof command, "%s/epptapctl keygen %s/keys", build, scratch.path);
	return run(command, NULL, 0);
}

static int tear_down(void **state)
{
	(void)state;
	tap_api.close(&tap, 0);
	scratch_remove(scratch.path);
	return 0;
}

static void open_tap(void)
{
	int result = tap_api.open(config_path, &tap, why, sizeof why);
	if (result != EPPTAP_OK)
		fail_msg("%d: %s", result, why);
	assert_non_null(tap);
}

static int show(const char *command, const char *response)
{
	return tap_api.transaction(tap, "clientx", command, strlen(command), response,
				   strlen(response));
}

/* The counters, once all that was accepted is durable. */
static const char *stats(void)
{
	static char json[STATS_SIZE];
	size_t size = sizeof json;
	assert_int_equal(tap_api.flush(tap, MINUTE_MS), EPPTAP_OK);
	assert_int_equal(tap_api.stats(tap, json, &size), EPPTAP_OK);
	assert_int_equal(size, strlen(json));
	return json;
}

static void assert_counted(const char *member)
{
	const char *json = stats();
	if (!strstr(json, member))
		fail_msg("no %s in %s", member, json);
}

/* A leak checker asks this at the end of each process: who ends without closing has what it has. */
static bool is_child;
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return is_child;
}

/* Runs `what` in a child that is killed if it hangs; it must end by itself with status 0. */
static void in_child(void (*what)(void))
{
	int status = -1;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		is_child = true;
		alarm(SECONDS_TO_LIVE);
		what();
		_exit(100); /* it should have ended itself */
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with %#x", (unsigned)status);
}

static void the_version_of_the_interface_can_be_asked_before_anything_else(void **state)
{
	(void)state;
	assert_int_equal(tap_api.abi(), 1);
	assert_string_equal(tap_api.version(), EPPTAP_VERSION);
}

static void each_result_has_a_sentence_of_its_own_and_any_int_has_one(void **state)
{
	(void)state;
	static const int odd[] = {INT_MIN, INT_MAX, 1, 2, -9, -10, -1000, 1000};
	const char *unknown = tap_api.strerror(INT_MIN);
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		assert_string_equal(tap_api.strerror(odd[i]), unknown);
	for (int i = EPPTAP_ETIMEOUT; i <= EPPTAP_OK; i++) {
		assert_true(*tap_api.strerror(i));
		assert_string_not_equal(tap_api.strerror(i), unknown);
		for (int other = EPPTAP_ETIMEOUT; other < i; other++)
			assert_string_not_equal(tap_api.strerror(i), tap_api.strerror(other));
	}
}

static void missing_arguments_are_answered_with_einval(void **state)
{
	(void)state;
	char json[STATS_SIZE];
	size_t size = sizeof json;
	struct epptap *other = (struct epptap *)&size;
	open_tap();
	assert_int_equal(tap_api.open(NULL, &other, why, sizeof why), EPPTAP_EINVAL);
	assert_null(other);
	assert_true(*why);
	assert_int_equal(tap_api.open(config_path, NULL, why, sizeof why), EPPTAP_EINVAL);
	assert_int_equal(tap_api.open(config_path, &other, NULL, 10), EPPTAP_EINVAL);
	assert_int_equal(tap_api.open(NULL, NULL, NULL, 0), EPPTAP_EINVAL);
	assert_int_equal(tap_api.transaction(NULL, "r", "c", 1, "r", 1), EPPTAP_EINVAL);
	assert_int_equal(tap_api.transaction(tap, "r", NULL, 1, "r", 1), EPPTAP_EINVAL);
	assert_int_equal(tap_api.transaction(tap, "r", "c", 0, "r", 1), EPPTAP_EINVAL);
	assert_int_equal(tap_api.transaction(tap, "r", "c", 1, NULL, 1), EPPTAP_EINVAL);
	assert_int_equal(tap_api.transaction(tap, "r", "c", 1, "r", 0), EPPTAP_EINVAL);
	assert_int_equal(tap_api.transaction(tap, NULL, "c", 1, "r", 1), EPPTAP_OK);
	assert_int_equal(tap_api.transaction(tap, "", "c", 1, "r", 1), EPPTAP_OK);
	assert_int_equal(tap_api.server_change(NULL, "f", 1), EPPTAP_EINVAL);
	assert_int_equal(tap_api.server_change(tap, NULL, 1), EPPTAP_EINVAL);
	assert_int_equal(tap_api.server_change(tap, "f", 0), EPPTAP_EINVAL);
	assert_int_equal(tap_api.server_change(tap, "f", 1), EPPTAP_OK);
	assert_int_equal(tap_api.flush(NULL, 1), EPPTAP_EINVAL);
	assert_int_equal(tap_api.flush(tap, MINUTE_MS), EPPTAP_OK);
	assert_int_equal(tap_api.flush(tap, 0), EPPTAP_OK);
	assert_int_equal(tap_api.stats(NULL, json, &size), EPPTAP_EINVAL);
	assert_int_equal(tap_api.stats(tap, NULL, &size), EPPTAP_EINVAL);
	assert_int_equal(tap_api.stats(tap, json, NULL), EPPTAP_EINVAL);
	assert_int_equal(tap_api.reload(NULL, why, sizeof why), EPPTAP_EINVAL);
	assert_int_equal(tap_api.reload(tap, NULL, 1), EPPTAP_EINVAL);
	assert_int_equal(tap_api.reload(tap, NULL, 0), EPPTAP_OK);
	other = NULL;
	tap_api.close(NULL, 0);
	tap_api.close(&other, 0);
}

static void a_reason_is_always_closed_by_a_nul_however_little_room_it_has(void **state)
{
	(void)state;
	static const char *const wrong[] = {NULL, "", "/nowhere/epptap.yaml"};
	char text[64], whole[1024];
	for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++) {
		int expected = w == 0 ? EPPTAP_EINVAL : EPPTAP_ECONFIG;
		assert_int_equal(tap_api.open(wrong[w], &tap, whole, sizeof whole), expected);
		assert_null(tap);
		assert_true(strlen(whole) > 10);
		assert_int_equal(tap_api.open(wrong[w], &tap, NULL, 0), expected);
		for (size_t size = 1; size < 10; size++) {
			memset(text, '#', sizeof text);
			assert_int_equal(tap_api.open(wrong[w], &tap, text, size), expected);
			assert_int_equal(strlen(text), size - 1);
			assert_memory_equal(text, whole, size - 1);
			assert_int_equal(text[size], '#');
		}
	}
}

static void a_wrong_config_is_answered_with_file_line_and_column(void **state)
{
	(void)state;
	char start[160];
	FILE *config = fopen(config_path, "ae");
	fputs("colour: blue\n", config);
	fclose(config);
	int fds = scratch_count("/proc/self/fd"), threads = scratch_count("/proc/self/task");
	assert_int_equal(tap_api.open(config_path, &tap, why, sizeof why), EPPTAP_ECONFIG);
	snprintf(start, sizeof start, "%s:9:1: colour: ", config_path);
	assert_memory_equal(why, start, strlen(start));
	assert_int_equal(scratch_count("/proc/self/fd"), fds);
	AWAIT_THREADS(threads);
}

static void a_key_that_others_can_read_is_refused_and_nothing_stays_open(void **state)
{
	(void)state;
	char key[128];
	int threads = scratch_count("/proc/self/task");
	open_tap(); /* so that what libraries open once and for all is open */
	tap_api.close(&tap, 0);
	int fds = scratch_count("/proc/self/fd");
	snprintf(key, sizeof key, "%s/keys/event.pem", scratch.path);
	chmod(key, 0640);
	assert_int_equal(tap_api.open(config_path, &tap, why, sizeof why), EPPTAP_ECONFIG);
	assert_non_null(strstr(why, key));
	assert_non_null(strstr(why, "its mode is 640"));
	assert_int_equal(scratch_count("/proc/self/fd"), fds);
	AWAIT_THREADS(threads);
	chmod(key, 0600);
	open_tap();
}

static void a_change_is_taken_and_what_is_none_is_skipped(void **state)
{
	(void)state;
	open_tap();
	assert_int_equal(show(FRAME_UPDATE("a.example"), FRAME_DONE), EPPTAP_OK);
	assert_int_equal(show(FRAME_CHECK, FRAME_DONE), EPPTAP_OK);
	assert_counted("\"skipped\":1,\"accepted\":1,\"nothing\":0,\"changes\":1,\"spooled\":1,");
}

static void a_frame_over_the_limit_is_not_taken_but_counted(void **state)
{
	(void)state;
	static char large[FRAME_LIMIT + 1];
	open_tap();
	memset(large, ' ', sizeof large);
	memcpy(large, FRAME_UPDATE("a.example"), strlen(FRAME_UPDATE("a.example")));
	assert_int_equal(tap_api.transaction(tap, NULL, large, FRAME_LIMIT + 1, FRAME_DONE,
					     strlen(FRAME_DONE)),
			 EPPTAP_OK);
	assert_counted("\"frame_limit\":1,");
	/* Sizes that no memory has: nothing beyond the limit may be looked at. */
	assert_int_equal(tap_api.transaction(tap, NULL, large, SIZE_MAX, large, SIZE_MAX),
			 EPPTAP_OK);
	assert_counted("\"accepted\":0,");
	assert_counted("\"frame_limit\":2,");
	assert_int_equal(
		tap_api.transaction(tap, NULL, large, FRAME_LIMIT, FRAME_DONE, strlen(FRAME_DONE)),
		EPPTAP_OK);
	assert_counted("\"spooled\":1,");
}

static void a_response_that_failed_needs_no_room_however_large_its_command(void **state)
{
	(void)state;
	static char large[FRAME_LIMIT + 1];
	static const char failed[] = FRAMES_EPP "<response><result code=\"2302\"><msg>Object exists"
						"</msg></result></response></epp>";
	open_tap();
	memset(large, ' ', sizeof large);
	assert_int_equal(
		tap_api.transaction(tap, NULL, large, sizeof large, failed, sizeof failed - 1),
		EPPTAP_OK);
	assert_counted("\"skipped\":1,");
}

static void hostile_bytes_are_answered_with_a_result(void **state)
{
	(void)state;
	static const char *const bytes[] = {
		"<",
		"\xff\xfe",
		"<!DOCTYPE epp [<!ENTITY a \"b\">]><epp>&a;</epp>",
		"\n ",
		"<epp><command><update",
		"<?xml version=\"1.0\" encoding=\"UTF-7\"?><epp/>",
	};
	char name[300];
	open_tap();
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
		assert_int_equal(show(bytes[i], FRAME_DONE), EPPTAP_OK);
		assert_int_equal(show(FRAME_UPDATE("a.example"), bytes[i]), EPPTAP_OK);
		assert_int_equal(tap_api.transaction(tap, name, bytes[i], 1, bytes[i], 1),
				 EPPTAP_OK);
	}
	assert_counted("\"spooled\":0,");
}

static void a_second_tap_of_the_state_dir_is_busy_and_the_first_goes_on(void **state)
{
	(void)state;
	struct epptap *second = NULL;
	open_tap();
	assert_int_equal(tap_api.open(config_path, &second, why, sizeof why), EPPTAP_EBUSY);
	assert_null(second);
	assert_non_null(strstr(why, "state"));
	assert_int_equal(show(FRAME_UPDATE("a.example"), FRAME_DONE), EPPTAP_OK);
	assert_counted("\"spooled\":1,");
}

static void stats_with_too_little_room_say_how_much_it_takes(void **state)
{
	(void)state;
	char json[STATS_SIZE];
	size_t size = 0;
	open_tap();
	assert_int_equal(tap_api.stats(tap, NULL, &size), EPPTAP_EINVAL);
	assert_in_range(size, 100, STATS_SIZE);
	size_t needed = size;
	memset(json, '#', sizeof json);
	size = needed - 1;
	assert_int_equal(tap_api.stats(tap, json, &size), EPPTAP_EINVAL);
	assert_int_equal(json[0], '#');
	assert_int_equal(size, needed);
	assert_int_equal(tap_api.stats(tap, json, &size), EPPTAP_OK);
	assert_int_equal(size, needed - 1);
	assert_int_equal(strlen(json), size);
	assert_int_equal(json[size + 1], '#');
	assert_true(json[0] == '{' && json[size - 1] == '}');
}

static void use_in_a_child(void)
{
	char json[STATS_SIZE];
	size_t size = sizeof json;
	uint64_t ticket;
	bool refused = show(FRAME_UPDATE("a.example"), FRAME_DONE) == EPPTAP_EFORK &&
		       tap_api.begin(tap, "r", "c", 1, &ticket) == EPPTAP_EFORK &&
		       tap_api.end(tap, 1, "r", 1) == EPPTAP_EFORK &&
		       tap_api.server_change(tap, "f", 1) == EPPTAP_EFORK &&
		       tap_api.reload(tap, NULL, 0) == EPPTAP_EFORK &&
		       tap_api.flush(tap, 10) == EPPTAP_EFORK &&
		       tap_api.stats(tap, json, &size) == EPPTAP_EFORK;
	tap_api.close(&tap, 10000);
	exit(refused && !tap ? 0 : 1);
}

static void exit_in_a_child(void)
{
	exit(0);
}

static void a_childs_calls_are_refused_and_its_close_and_exit_harm_nobody(void **state)
{
	(void)state;
	open_tap();
	in_child(use_in_a_child);
	in_child(exit_in_a_child);
	assert_int_equal(show(FRAME_UPDATE("a.example"), FRAME_DONE), EPPTAP_OK);
	assert_counted("\"spooled\":1,");
	/* The children's ends must not have cost the lock. */
	struct epptap *second = NULL;
	assert_int_equal(tap_api.open(config_path, &second, why, sizeof why), EPPTAP_EBUSY);
}

static void open_and_exit(void)
{
	open_tap();
	exit(show(FRAME_UPDATE("a.example"), FRAME_DONE) == EPPTAP_OK ? 0 : 1);
}

static void a_host_may_exit_without_closing(void **state)
{
	(void)state;
	in_child(open_and_exit);
	/* What it left is there for who opens next. */
	open_tap();
	assert_counted("\"accepted\":0,");
}

/* The masks of all threads but the main one; those that the C library keeps for itself can't be blocked. */
static void check_masks(int least)
{
	char path[PATH_MAX], line[256];
	const unsigned long long unblockable = 1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1) |
					       1ull << 31 | 1ull << 32 | 1ull << 33;
	int threads = 0;
	DIR *dir = opendir("/proc/self/task");
	for (struct dirent *entry; (entry = readdir(dir));) {
		unsigned long long blocked = 0;
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
			continue;
		snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
		FILE *status = fopen(path, "re");
		while (status && fgets(line, sizeof line, status))
			sscanf(line, "SigBlk: %llx", &blocked);
		if (status)
			fclose(status);
		if (~(blocked | unblockable))
			fail_msg("thread %s lets through %llx", entry->d_name,
				 ~(blocked | unblockable));
		threads++;
	}
	closedir(dir);
	assert_in_range(threads, least, 20);
}

static void masks_are_as_before(int least)
{
	sigset_t before, after;
	if (is_sanitized())
		skip();
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
	open_tap();
	check_masks(least);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	for (int i = 1; i < NSIG; i++)
		assert_int_equal(sigismember(&before, i), sigismember(&after, i));
}

static void the_capture_thread_blocks_all_signals_and_the_hosts_mask_is_as_before(void **state)
{
	(void)state;
	masks_are_as_before(1);
}

static void the_publishers_threads_block_all_signals_too(void **state)
{
	(void)state;
	masks_are_as_before(3);
}

static void no_signal_handler_is_set(void **state)
{
	(void)state;
	struct sigaction before[NSIG], after;
	memset(before, 0, sizeof before);
	for (int i = 1; i < NSIG; i++)
		sigaction(i, NULL, &before[i]);
	open_tap();
	assert_int_equal(show(FRAME_UPDATE("a.example"), FRAME_DONE), EPPTAP_OK);
	assert_counted("\"spooled\":1,");
	tap_api.close(&tap, MINUTE_MS);
	for (int i = 1; i < NSIG; i++)
		if (sigaction(i, NULL, &after) == 0)
			assert_true(before[i].sa_handler == after.sa_handler);
}

static void opening_and_closing_leaves_no_thread_and_no_file_open(void **state)
{
	(void)state;
	int threads = scratch_count("/proc/self/task");
	open_tap();
	tap_api.close(&tap, 0);
	int fds = scratch_count("/proc/self/fd");
	for (int i = 0; i < 50; i++) {
		open_tap();
		assert_int_equal(show(FRAME_UPDATE("a.example"), FRAME_DONE), EPPTAP_OK);
		tap_api.close(&tap, i % 2 ? 0 : 1000);
		assert_null(tap);
	}
	assert_int_equal(scratch_count("/proc/self/fd"), fds);
	AWAIT_THREADS(threads);
}

/* Segments of those that are closed are removed by who publishes next. */
static void a_publisher_leaves_no_thread_no_file_open_and_no_segment(void **state)
{
	char spool[128];
	opening_and_closing_leaves_no_thread_and_no_file_open(state);
	snprintf(spool, sizeof spool, "%s/state/spool", scratch.path);
	open_tap();
	AWAIT(scratch_count(spool) <= 1);
}

static void *show_many(void *refused)
{
	for (int i = 0; i < 500; i++)
		if (show(FRAME_UPDATE("a.example"), FRAME_DONE) != EPPTAP_OK)
			++*(int *)refused;
	return NULL;
}

static void many_threads_may_call_at_once(void **state)
{
	(void)state;
	enum { THREADS = 8 };
	pthread_t threads[THREADS];
	int refused[THREADS] = {0};
	char expected[64];
	int accepted = 500 * THREADS;
	open_tap();
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, show_many, &refused[i]);
	for (int i = 0; i < 50; i++) {
		char json[STATS_SIZE];
		size_t size = sizeof json;
		assert_int_equal(tap_api.stats(tap, json, &size), EPPTAP_OK);
		assert_int_equal(tap_api.flush(tap, MINUTE_MS), EPPTAP_OK);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		accepted -= refused[i];
	}
	snprintf(expected, sizeof expected, "\"spooled\":%d,", accepted);
	assert_counted(expected);
	snprintf(expected, sizeof expected, "\"queue_full\":%d,", 500 * THREADS - accepted);
	assert_counted(expected);
}

static void only_its_own_names_are_exported(void **state)
{
	(void)state;
	char command[PATH_MAX + 128], output[4096];
	snprintf(command, sizeof command,
		 "nm -D --defined-only %s/epptap.so | awk '$2 != \"A\" { sub(/@.*/, \"\", $3); "
		 "print $3 }'"
		 " | sort | tr '\\n' ' '",
		 build);
	assert_int_equal(run(command, output, sizeof output), 0);
	assert_string_equal(output, "epptap_abi epptap_begin epptap_close epptap_end epptap_flush "
				    "epptap_open epptap_reload epptap_server_change epptap_stats "
				    "epptap_stream_client epptap_stream_free epptap_stream_new "
				    "epptap_stream_server "
				    "epptap_strerror epptap_transaction epptap_version ");
}

static void it_needs_no_library_that_a_front_end_should_not_have(void **state)
{
	(void)state;
	static const char *const unwanted[] = {"zmq", "lmdb", "crypto", "ssl", "stdc++", "jansson"};
	char command[PATH_MAX + 128], output[4096];
	snprintf(command, sizeof command, "readelf -d %s/epptap.so | grep -e NEEDED -e FLAGS",
		 build);
	assert_int_equal(run(command, output, sizeof output), 0);
	assert_non_null(strstr(output, "libxml2"));
	assert_non_null(strstr(output, "NODELETE"));
	for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
		if (strstr(output, unwanted[i]))
			fail_msg("it needs %s:\n%s", unwanted[i], output);
}

static void the_header_is_cplusplus_as_well(void **state)
{
	(void)state;
	assert_int_equal(run("c++ -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ "
			     "plugin/epptap.h 2>&1",
			     NULL, 0),
			 0);
}

static void the_preprocessed_header_can_be_read_by_a_foreign_function_interface(void **state)
{
	(void)state;
	char command[PATH_MAX + 256], output[64];
	assert_int_equal(run("cc -E -P plugin/epptap.h | grep -c '^ *#'", output, sizeof output),
			 1);
	assert_string_equal(output, "0\n");
	if (run("php -m 2>&1 | grep -qx FFI", NULL, 0) != 0 || is_sanitized())
		skip();
	snprintf(command, sizeof command,
		 "cc -E -P plugin/epptap.h | php -d ffi.enable=1 -r '$tap = "
		 "FFI::cdef(stream_get_contents(STDIN), $argv[1]); echo $tap->epptap_abi();' -- "
		 "$(realpath %s/epptap.so) 2>&1",
		 build);
	assert_int_equal(run(command, output, sizeof output), 0);
	assert_string_equal(output, "1");
}

#define WITH_CONFIG(test)    cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define WITH_PUBLISHER(test) cmocka_unit_test_setup_teardown(test, set_up_with_publisher, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_of_the_interface_can_be_asked_before_anything_else),
		cmocka_unit_test(each_result_has_a_sentence_of_its_own_and_any_int_has_one),
		WITH_CONFIG(missing_arguments_are_answered_with_einval),
		WITH_CONFIG(a_reason_is_always_closed_by_a_nul_however_little_room_it_has),
		WITH_CONFIG(a_wrong_config_is_answered_with_file_line_and_column),
		WITH_PUBLISHER(a_key_that_others_can_read_is_refused_and_nothing_stays_open),
		WITH_CONFIG(a_change_is_taken_and_what_is_none_is_skipped),
		WITH_CONFIG(a_frame_over_the_limit_is_not_taken_but_counted),
		WITH_CONFIG(a_response_that_failed_needs_no_room_however_large_its_command),
		WITH_CONFIG(hostile_bytes_are_answered_with_a_result),
		WITH_CONFIG(a_second_tap_of_the_state_dir_is_busy_and_the_first_goes_on),
		WITH_CONFIG(stats_with_too_little_room_say_how_much_it_takes),
		WITH_CONFIG(a_childs_calls_are_refused_and_its_close_and_exit_harm_nobody),
		WITH_CONFIG(a_host_may_exit_without_closing),
		WITH_CONFIG(the_capture_thread_blocks_all_signals_and_the_hosts_mask_is_as_before),
		WITH_PUBLISHER(the_publishers_threads_block_all_signals_too),
		WITH_CONFIG(no_signal_handler_is_set),
		WITH_CONFIG(opening_and_closing_leaves_no_thread_and_no_file_open),
		WITH_PUBLISHER(a_publisher_leaves_no_thread_no_file_open_and_no_segment),
		WITH_CONFIG(many_threads_may_call_at_once),
		cmocka_unit_test(only_its_own_names_are_exported),
		cmocka_unit_test(it_needs_no_library_that_a_front_end_should_not_have),
		cmocka_unit_test(the_header_is_cplusplus_as_well),
		cmocka_unit_test(
			the_preprocessed_header_can_be_read_by_a_foreign_function_interface),
	};
	return cmocka_run_group_tests(tests, load, NULL);
}
