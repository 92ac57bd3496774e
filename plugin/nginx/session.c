#include "plugin/nginx/session.h"

#include <unistd.h>

enum { PIECE_BYTES = 16384 };

struct session {
	ngx_queue_t link; /* among its tap's, while it has a stream */
	struct worker_tap *tap;
	struct epptap_stream *stream; /* NULL: it is not seen, or no more */
	bool unseen;                  /* it counts among its tap's that are not */
	bool began;                   /* bytes of the client's were there */
	bool answered;                /* and of the back end's */
};

static void end_stream(struct session *session)
{
	if (session->stream == NULL)
		return;
	ngx_queue_remove(&session->link);
	session->tap->calls->stream_free(&session->stream);
}

/* The connection's pool is destroyed. */
static void end(void *data)
{
	struct session *session = data;
	if (session->unseen)
		session->tap->unseen--;
	end_stream(session);
}

static void tell_unseen(const ngx_stream_session_t *s, struct worker_tap *tap, const char *why)
{
	if (worker_tap_may_tell(tap))
		ngx_log_error(NGX_LOG_CRIT, s->connection->log, 0,
			      "epptap: changes of this connection are NOT seen: %s", why);
}

static void go_unseen(const ngx_stream_session_t *s, struct session *session, const char *why)
{
	end_stream(session);
	session->unseen = true;
	session->tap->unseen++;
	tell_unseen(s, session->tap, why);
}

static void begin_stream(const ngx_stream_session_t *s, struct session *session)
{
	struct worker_tap *tap = session->tap;
	int result;
	if (tap->handle == NULL) {
		go_unseen(s, session,
			  tap->retry.handler == NULL
				  ? "without a master process a reload opens no tap; restart nginx"
				  : "the tap is not open, for the reason told before");
		return;
	}
	if (s->connection->type != SOCK_STREAM) {
		go_unseen(s, session, "EPP has no datagrams; take `udp` out of `listen`");
		return;
	}
	result = tap->calls->stream_new(tap->handle, NULL, &session->stream);
	if (result != EPPTAP_OK) {
		go_unseen(s, session, tap->calls->strerror(result));
		return;
	}
	ngx_queue_insert_tail(&tap->sessions, &session->link);
}

/* NULL: there is no memory for it. */
static struct session *begin(ngx_stream_session_t *s, struct worker_tap *tap)
{
	ngx_pool_cleanup_t *cleanup =
		ngx_pool_cleanup_add(s->connection->pool, sizeof(struct session));
	struct session *session;
	if (cleanup == NULL) {
		tell_unseen(s, tap, "no memory is left");
		return NULL;
	}
	session = cleanup->data;
	ngx_memzero(session, sizeof *session);
	session->tap = tap;
	cleanup->handler = end;
	begin_stream(s, session);
	return session;
}

/* It may not begin in the midst of a connection: so, without memory, it is nobody's from the first byte on. */
static struct session *session_of(ngx_stream_session_t *s, struct worker_tap *tap)
{
	static struct session nobodys;
	struct session *session = ngx_stream_get_module_ctx(s, ngx_stream_epptap_module);
	if (session == NULL) {
		session = begin(s, tap);
		if (session == NULL)
			session = &nobodys;
		ngx_stream_set_ctx(s, session, ngx_stream_epptap_module);
	}
	return session;
}

/* With `proxy_protocol on`, nginx says in a buffer of its own, before all else, who the client is. A registrar can't
 * write that: to the back end it would be the length of a frame of more than a gigabyte. */
static bool is_proxy_header(const u_char *bytes, size_t size)
{
	static const char start[] = "PROXY ";
	return size > sizeof start && size <= NGX_PROXY_PROTOCOL_MAX_HEADER &&
	       ngx_memcmp(bytes, start, sizeof start - 1) == 0 && bytes[size - 1] == '\n';
}

/* Are these bytes the registrar's? The first ones may be nginx's. */
static bool is_registrars(struct session *session, const u_char *bytes, size_t size)
{
	bool first = !session->began;
	session->began = true;
	return !(first && is_proxy_header(bytes, size));
}

/* A handshake, or an alert, where the greeting should be: this server passes TLS on instead of ending it. The back end says so
 * and not the client, who would get out of sight by two bytes. */
static bool is_tls(const u_char *bytes, size_t size)
{
	return size >= 2 && (bytes[0] == 0x16 || bytes[0] == 0x15) && bytes[1] == 0x03;
}

/* Can the back end's bytes be read? */
static bool is_plain(const ngx_stream_session_t *s, struct session *session, const u_char *bytes,
		     size_t size)
{
	bool first = !session->answered;
	session->answered = true;
	if (!first || !is_tls(bytes, size))
		return true;
	go_unseen(s, session,
		  "they are encrypted; have this server end TLS, by `ssl` in its `listen`");
	return false;
}

/* Results are not looked at: what finds no room is counted, and told in the feed. */
static void show_bytes(const ngx_stream_session_t *s, struct session *session, const u_char *bytes,
		       size_t size, bool from_upstream)
{
	if (size == 0 || session->stream == NULL)
		return;
	if (from_upstream && is_plain(s, session, bytes, size))
		(void)session->tap->calls->stream_server(session->stream, bytes, size);
	else if (!from_upstream && is_registrars(session, bytes, size))
		(void)session->tap->calls->stream_client(session->stream, bytes, size);
}

/* None of nginx's own modules passes files on here; another's may. nginx is about to read it as well. */
static void show_file(const ngx_stream_session_t *s, struct session *session, const ngx_buf_t *buf,
		      bool from_upstream)
{
	u_char piece[PIECE_BYTES];
	off_t at = buf->file_pos;
	while (at < buf->file_last && session->stream != NULL) {
		size_t wanted = (size_t)ngx_min(buf->file_last - at, (off_t)sizeof piece);
		ssize_t got = pread(buf->file->fd, piece, wanted, at);
		if (got <= 0) {
			go_unseen(s, session, "what a module sends out of a file can't be read");
			return;
		}
		show_bytes(s, session, piece, (size_t)got, from_upstream);
		at += got;
	}
}

void session_show(ngx_stream_session_t *s, struct worker_tap *tap, const ngx_chain_t *chain,
		  bool from_upstream)
{
	struct session *session;
	if (chain == NULL)
		return;
	session = session_of(s, tap);
	for (; chain != NULL && session->stream != NULL; chain = chain->next) {
		const ngx_buf_t *buf = chain->buf;
		if (ngx_buf_in_memory(buf))
			show_bytes(s, session, buf->pos, (size_t)(buf->last - buf->pos),
				   from_upstream);
		else if (buf->in_file)
			show_file(s, session, buf, from_upstream);
	}
}

void session_end_all(struct worker_tap *tap)
{
	while (!ngx_queue_empty(&tap->sessions)) {
		ngx_queue_t *first = ngx_queue_head(&tap->sessions);
		end_stream(ngx_queue_data(first, struct session, link));
	}
}
