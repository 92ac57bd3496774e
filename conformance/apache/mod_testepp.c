/* mod_testepp.c - a small EPP registry as a protocol module of Apache httpd, for test_apache.py: it knows nothing of epptap
 *
 *     TestEPP        in a virtual host: its connections speak EPP (RFC 5734)
 *     TestEPPRead    whole, peek (looks at all bytes before it takes them), lines (takes frames as lines)
 *     TestEPPWrite   whole, pieces (many buckets, some flushed), file, pipe (whose second half comes late)
 *
 * Each connection has objects of its own, so that many can do the same. A name that begins with "hang" is never answered; one
 * that begins with "big" has an answer of 300 KB. In each child it looks at the process before and after all other modules have
 * begun, and says in the error log whether anything of it was changed (../guest/state.c).
 */
#include <httpd.h>

#include "conformance/apache/answers.h"
#include "conformance/guest/state.h"

#include <apr_buckets.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <util_filter.h>

extern module AP_MODULE_DECLARE_DATA testepp_module __attribute__((visibility("default")));

enum { HEADER = 4, FRAME_MAX = 1 << 20, PIECE = 100, LATE_MS = 20 };

struct host {
	bool on;
	const char *reads, *writes;
};

static void *make_host(apr_pool_t *pool, server_rec *server)
{
	struct host *host = apr_pcalloc(pool, sizeof *host);
	(void)server;
	host->reads = host->writes = "whole";
	return host;
}

/* A host without our directives is not as the main server is. */
static void *merge_hosts(apr_pool_t *pool, void *main_server, void *host)
{
	(void)pool;
	(void)main_server;
	return host;
}

static struct host *host_of(const server_rec *server)
{
	return ap_get_module_config(server->module_config, &testepp_module);
}

static const char *set_on(cmd_parms *command, void *folder, int on)
{
	(void)folder;
	host_of(command->server)->on = on;
	return NULL;
}

static const char *set_word(cmd_parms *command, void *folder, const char *word)
{
	struct host *host = host_of(command->server);
	(void)folder;
	*(command->info ? &host->writes : &host->reads) = word;
	return NULL;
}

static const command_rec directives[] = {
	AP_INIT_FLAG("TestEPP", set_on, NULL, RSRC_CONF, "on"),
	AP_INIT_TAKE1("TestEPPRead", set_word, NULL, RSRC_CONF, "whole, peek or lines"),
	AP_INIT_TAKE1("TestEPPWrite", set_word, (void *)"", RSRC_CONF,
		      "whole, pieces, file or pipe"),
	{NULL, {NULL}, NULL, 0, RAW_ARGS, NULL},
};

struct session {
	conn_rec *connection;
	const struct host *host;
	apr_bucket_brigade *in, *out;
	struct answers *answers;
};

static bool take(struct session *session, ap_input_mode_t mode, apr_size_t wanted, char *to,
		 apr_size_t *size)
{
	apr_brigade_cleanup(session->in);
	*size = wanted;
	return ap_get_brigade(session->connection->input_filters, session->in, mode, APR_BLOCK_READ,
			      (apr_off_t)wanted) == APR_SUCCESS &&
	       apr_brigade_flatten(session->in, to, size) == APR_SUCCESS && *size > 0;
}

/* Fills `to` with `wanted` bytes. */
static bool read_exactly(struct session *session, bool lines, char *to, apr_size_t wanted)
{
	apr_size_t size;
	bool peeks = strcmp(session->host->reads, "peek") == 0;
	while (wanted > 0) {
		if (peeks && !take(session, AP_MODE_SPECULATIVE, wanted, to, &size))
			return false;
		if (!take(session, lines ? AP_MODE_GETLINE : AP_MODE_READBYTES, wanted, to, &size))
			return false;
		to += size;
		wanted -= size;
	}
	return true;
}

/* The next frame's XML, with a NUL behind it; NULL: the connection is at its end. */
static char *read_frame(struct session *session, apr_pool_t *pool, apr_size_t *size)
{
	unsigned char header[HEADER];
	if (!read_exactly(session, false, (char *)header, HEADER))
		return NULL;
	*size = (apr_size_t)header[0] << 24 | (apr_size_t)header[1] << 16 |
		(apr_size_t)header[2] << 8 | header[3];
	if (*size <= HEADER || *size > FRAME_MAX)
		return NULL;
	*size -= HEADER;
	char *frame = apr_pcalloc(pool, *size + 1);
	bool lines = strcmp(session->host->reads, "lines") == 0;
	return read_exactly(session, lines, frame, *size) ? frame : NULL;
}

static void add(apr_bucket_brigade *out, apr_bucket *bucket)
{
	APR_BRIGADE_INSERT_TAIL(out, bucket);
}

static void add_pieces(apr_bucket_brigade *out, apr_pool_t *pool, const char *bytes,
		       apr_size_t size)
{
	apr_bucket_alloc_t *list = out->bucket_alloc;
	for (unsigned number = 0; size > 0; number++) {
		apr_size_t piece = size < PIECE ? size : PIECE;
		switch (number % 3) {
		case 0:
			add(out, apr_bucket_heap_create(bytes, piece, NULL, list));
			break;
		case 1:
			add(out, apr_bucket_pool_create(bytes, piece, pool, list));
			add(out, apr_bucket_flush_create(list));
			break;
		default:
			add(out, apr_bucket_transient_create(bytes, piece, list));
		}
		bytes += piece;
		size -= piece;
	}
}

static void add_file(apr_bucket_brigade *out, apr_pool_t *pool, const char *bytes, apr_size_t size)
{
	char *name = ap_server_root_relative(pool, "testepp-XXXXXX");
	apr_file_t *file;
	if (apr_file_mktemp(&file, name, 0, pool) == APR_SUCCESS &&
	    apr_file_write_full(file, bytes, size, NULL) == APR_SUCCESS)
		apr_brigade_insert_file(out, file, 0, (apr_off_t)size, pool);
}

/* What is written to a pipe: the first half at once. */
struct late {
	apr_file_t *pipe;
	const char *bytes;
	apr_size_t size;
};

static void *APR_THREAD_FUNC write_late(apr_thread_t *thread, void *context)
{
	struct late *late = context;
	apr_size_t half = late->size / 2;
	apr_file_write_full(late->pipe, late->bytes, half, NULL);
	apr_sleep(apr_time_from_msec(LATE_MS));
	apr_file_write_full(late->pipe, late->bytes + half, late->size - half, NULL);
	apr_file_close(late->pipe);
	apr_thread_exit(thread, APR_SUCCESS);
	return NULL;
}

static apr_thread_t *add_pipe(apr_bucket_brigade *out, apr_pool_t *pool, const char *bytes,
			      apr_size_t size)
{
	struct late *late = apr_pcalloc(pool, sizeof *late);
	apr_file_t *reads;
	apr_thread_t *thread;
	late->bytes = bytes;
	late->size = size;
	if (apr_file_pipe_create(&reads, &late->pipe, pool) != APR_SUCCESS ||
	    apr_thread_create(&thread, NULL, write_late, late, pool) != APR_SUCCESS)
		return NULL;
	add(out, apr_bucket_pipe_create(reads, out->bucket_alloc));
	return thread;
}

/* Sends one frame as the host's TestEPPWrite says. */
static bool write_frame(struct session *session, apr_pool_t *pool, const char *xml)
{
	apr_size_t size = strlen(xml) + HEADER;
	char *frame = apr_palloc(pool, size + 1);
	const char *how = session->host->writes;
	apr_thread_t *thread = NULL;
	apr_status_t ended;
	for (int byte = 0; byte < HEADER; byte++)
		frame[byte] = (char)(size >> (8 * (HEADER - 1 - byte)));
	apr_cpystrn(frame + HEADER, xml, size - HEADER + 1);
	apr_brigade_cleanup(session->out);
	if (strcmp(how, "pieces") == 0)
		add_pieces(session->out, pool, frame, size);
	else if (strcmp(how, "file") == 0)
		add_file(session->out, pool, frame, size);
	else if (strcmp(how, "pipe") == 0)
		thread = add_pipe(session->out, pool, frame, size);
	else
		add(session->out,
		    apr_bucket_transient_create(frame, size, session->out->bucket_alloc));
	add(session->out, apr_bucket_flush_create(session->out->bucket_alloc));
	apr_status_t status = ap_pass_brigade(session->connection->output_filters, session->out);
	if (thread)
		apr_thread_join(&ended, thread);
	return status == APR_SUCCESS;
}

/* False: the connection is at its end. */
static bool serve_frame(struct session *session, apr_pool_t *pool)
{
	apr_size_t size;
	bool ends = false;
	const char *frame = read_frame(session, pool, &size);
	if (!frame)
		return false;
	const char *answer = answers_to(session->answers, pool, frame, size, &ends);
	while (!answer)
		pause(); /* until somebody kills this child */
	return write_frame(session, pool, answer) && !ends;
}

static int serve(conn_rec *connection)
{
	const struct host *host = host_of(connection->base_server);
	struct session session = {.connection = connection, .host = host};
	apr_pool_t *pool;
	bool goes_on;
	if (!host->on || connection->master)
		return DECLINED;
	session.in = apr_brigade_create(connection->pool, connection->bucket_alloc);
	session.out = apr_brigade_create(connection->pool, connection->bucket_alloc);
	session.answers = answers_new(connection->pool);
	goes_on = write_frame(&session, connection->pool, answers_greeting());
	while (goes_on) {
		apr_pool_create(&pool, connection->pool);
		goes_on = serve_frame(&session, pool);
		apr_brigade_cleanup(session.in);
		apr_brigade_cleanup(session.out);
		apr_pool_destroy(pool);
	}
	if (connection->cs)
		connection->cs->state = CONN_STATE_LINGER;
	return OK;
}

static const char *state_before;

static void look_before(apr_pool_t *child, server_rec *server)
{
	(void)server;
	state_before = apr_pstrdup(child, guest_state());
}

static void look_after(apr_pool_t *child, server_rec *server)
{
	(void)child;
	bool same = strcmp(state_before, guest_state()) == 0;
	ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, server, "testepp: the process is %s",
		     same ? "as before" : "not as before");
}

static void register_hooks(apr_pool_t *pool)
{
	(void)pool;
	ap_hook_child_init(look_before, NULL, NULL, APR_HOOK_REALLY_FIRST);
	ap_hook_child_init(look_after, NULL, NULL, APR_HOOK_REALLY_LAST);
	ap_hook_process_connection(serve, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA testepp_module = {
	STANDARD20_MODULE_STUFF, NULL, NULL, make_host, merge_hosts, directives, register_hooks,
	AP_MODULE_FLAG_NONE,
};
