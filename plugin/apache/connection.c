#include "plugin/apache/connection.h"

#include <http_log.h>
#include <util_filter.h>

APLOG_USE_MODULE(epptap);

/* mod_ssl's filters are at +5, and at +4 the one that puts what goes out together: what is above these sees plain text. */
#define JUST_ABOVE_TLS ((ap_filter_type)(AP_FTYPE_CONNECTION + 3))

/* A file's bytes lie in memory once they are read: no more of them than this do at a time. */
enum { READ_AHEAD = 64 * 1024 };

static const char filter_name[] = "EPPTAP";
static ap_filter_rec_t *client_filter, *server_filter;

struct tapped {
	conn_rec *connection;
	struct epptap_stream *stream; /* NULL: can't be followed any more */
	apr_bucket_brigade *rest;     /* what is not passed on yet, while the first part is */
};

static apr_status_t end(void *context)
{
	struct tapped *tapped = context;
	child_tap_end(&tapped->stream);
	return APR_SUCCESS;
}

static void stop_following(struct tapped *tapped)
{
	child_tap_end(&tapped->stream);
	ap_log_cerror(
		APLOG_MARK, APLOG_CRIT, 0, tapped->connection,
		"epptap: changes are NOT seen on this connection from now on: the protocol module "
		"reads it all at once, to its end (AP_MODE_EXHAUSTIVE), so that what comes can't "
		"be seen before it does");
}

/* Shows what was read, from `bucket` on. All of it lies in memory: what the filters below give is. */
static void show_client(struct tapped *tapped, apr_bucket_brigade *brigade, apr_bucket *bucket)
{
	for (; bucket != APR_BRIGADE_SENTINEL(brigade); bucket = APR_BUCKET_NEXT(bucket)) {
		const char *bytes;
		apr_size_t size;
		if (APR_BUCKET_IS_METADATA(bucket))
			continue;
		if (bucket->length == (apr_size_t)-1 ||
		    apr_bucket_read(bucket, &bytes, &size, APR_NONBLOCK_READ) != APR_SUCCESS) {
			stop_following(tapped);
			return;
		}
		child_tap_client(tapped->stream, bytes, size);
	}
}

/* Bytes that are only looked at (AP_MODE_SPECULATIVE) come again when they are read; those that the server drops for the module
 * (AP_MODE_EATCRLF) are not of its protocol; a handshake (AP_MODE_INIT) has none. */
static bool takes_bytes(ap_input_mode_t mode)
{
	return mode == AP_MODE_READBYTES || mode == AP_MODE_GETLINE || mode == AP_MODE_EXHAUSTIVE;
}

static apr_status_t from_client(ap_filter_t *filter, apr_bucket_brigade *brigade,
				ap_input_mode_t mode, apr_read_type_e block, apr_off_t size)
{
	struct tapped *tapped = filter->ctx;
	apr_bucket *before = APR_BRIGADE_LAST(brigade); /* the brigade itself, if it is empty */
	apr_status_t status = ap_get_brigade(filter->next, brigade, mode, block, size);
	if (status == APR_SUCCESS && takes_bytes(mode) && tapped->stream)
		show_client(tapped, brigade, APR_BUCKET_NEXT(before));
	return status;
}

/* Passes on what stands before `bucket`. */
static apr_status_t pass_before(ap_filter_t *filter, apr_bucket_brigade *brigade,
				apr_bucket *bucket, bool flush)
{
	struct tapped *tapped = filter->ctx;
	conn_rec *connection = tapped->connection;
	if (!tapped->rest) /* of the connection: the module's brigade may be a request's */
		tapped->rest = apr_brigade_create(connection->pool, connection->bucket_alloc);
	apr_brigade_split_ex(brigade, bucket, tapped->rest);
	if (flush)
		APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_flush_create(brigade->bucket_alloc));
	apr_status_t status = ap_pass_brigade(filter->next, brigade);
	apr_brigade_cleanup(brigade);
	APR_BRIGADE_CONCAT(brigade, tapped->rest);
	return status;
}

/* Reads a bucket; if that has to wait, what stands before it doesn't. */
static apr_status_t read_bucket(ap_filter_t *filter, apr_bucket_brigade *brigade,
				apr_bucket *bucket, const char **bytes, apr_size_t *size)
{
	apr_status_t status = apr_bucket_read(bucket, bytes, size, APR_NONBLOCK_READ);
	if (!APR_STATUS_IS_EAGAIN(status))
		return status;
	status = pass_before(filter, brigade, bucket, true);
	return status == APR_SUCCESS ? apr_bucket_read(bucket, bytes, size, APR_BLOCK_READ)
				     : status;
}

static bool lies_in_memory(const apr_bucket *bucket)
{
	return bucket->length != (apr_size_t)-1 && !APR_BUCKET_IS_FILE(bucket);
}

static apr_status_t to_client(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
	struct tapped *tapped = filter->ctx;
	apr_size_t read_in = 0;
	apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);
	for (; bucket != APR_BRIGADE_SENTINEL(brigade) && tapped->stream;
	     bucket = APR_BUCKET_NEXT(bucket)) {
		const char *bytes;
		apr_size_t size;
		if (APR_BUCKET_IS_METADATA(bucket))
			continue;
		bool in_memory = lies_in_memory(bucket);
		/* What can't be read is passed on: the filter below meets the same error, and knows what to do. */
		if (read_bucket(filter, brigade, bucket, &bytes, &size) != APR_SUCCESS)
			break;
		child_tap_server(tapped->stream, bytes, size);
		read_in += in_memory ? 0 : size;
		if (read_in < READ_AHEAD)
			continue;
		apr_status_t status = pass_before(filter, brigade, APR_BUCKET_NEXT(bucket), false);
		if (status != APR_SUCCESS)
			return status;
		read_in = 0;
		bucket = (apr_bucket *)APR_BRIGADE_SENTINEL(brigade);
	}
	return ap_pass_brigade(filter->next, brigade);
}

void connection_register_filters(void)
{
	client_filter = ap_register_input_filter(filter_name, from_client, NULL, JUST_ABOVE_TLS);
	server_filter = ap_register_output_filter(filter_name, to_client, NULL, JUST_ABOVE_TLS);
}

void connection_tap(conn_rec *connection, struct epptap_stream *stream)
{
	struct tapped *tapped = apr_pcalloc(connection->pool, sizeof *tapped);
	tapped->connection = connection;
	tapped->stream = stream;
	apr_pool_cleanup_register(connection->pool, tapped, end, apr_pool_cleanup_null);
	ap_add_input_filter_handle(client_filter, tapped, NULL, connection);
	ap_add_output_filter_handle(server_filter, tapped, NULL, connection);
}
