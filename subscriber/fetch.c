#include "subscriber/fetch.h"

#include "base/file.h"
#include "subscriber/complaint.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEED_FILE "feed.json"

enum { URL_SIZE = FETCH_ADDRESS_MAX + 128, PROGRESS_STOP = 1 };

struct fetch {
	CURL *curl; /* NULL: a folder on a disk */
	char address[FETCH_ADDRESS_MAX + 1];
	volatile const sig_atomic_t *stop;
	char error[CURL_ERROR_SIZE];
};

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Is the host of an http address this machine? */
static bool is_loopback(const char *address)
{
	static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
	const char *host = address + strlen("http://");
	size_t size = strcspn(host, "/");
	const char *colon = memrchr(host, ':', size);
	if (colon && !memchr(colon, ']', size - (size_t)(colon - host)))
		size = (size_t)(colon - host);
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		if (strlen(hosts[i]) == size && strncmp(hosts[i], host, size) == 0)
			return true;
	}
	return false;
}

static bool is_text(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~')
			return false;
	}
	return true;
}

static int check_url(const char *address, const struct complaint *why)
{
	if (!begins(address, "https://") && !begins(address, "http://"))
		return complain(why, RESULT_CONFIG,
				"of a scheme that is not known: https://HOST/PATH/, or a folder, "
				"would be right");
	const char *host = strchr(address, ':') + 3;
	if (!is_text(address) || *host == '\0' || *host == '/' || strpbrk(host, "?#\\"))
		return complain(why, RESULT_CONFIG,
				"no address: https://HOST/PATH/ would be right");
	if (memchr(host, '@', strcspn(host, "/")))
		return complain(why, RESULT_CONFIG,
				"a password has no place in it: --client-cert and --client-key "
				"would be right");
	if (begins(address, "http://") && !is_loopback(address))
		return complain(why, RESULT_CONFIG,
				"http can be changed on its way: https:// would be right");
	return RESULT_OK;
}

/* Drops the name of feed.json, puts a slash at the end. */
static int take_address(struct fetch *fetch, const char *address, const struct complaint *why)
{
	size_t size = strlen(address), own = strlen(FEED_FILE);
	if (size >= own && strcmp(address + size - own, FEED_FILE) == 0 &&
	    (size == own || address[size - own - 1] == '/'))
		size -= own;
	if (size + 1 > FETCH_ADDRESS_MAX)
		return complain(why, RESULT_CONFIG, "an address of over %d bytes",
				FETCH_ADDRESS_MAX);
	memcpy(fetch->address, address, size);
	if (size == 0)
		fetch->address[size++] = '.';
	if (fetch->address[size - 1] != '/')
		fetch->address[size++] = '/';
	fetch->address[size] = '\0';
	return RESULT_OK;
}

static int on_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
		       curl_off_t up_now)
{
	const struct fetch *fetch = context;
	(void)total, (void)now, (void)up_total, (void)up_now;
	return fetch->stop && *fetch->stop ? PROGRESS_STOP : 0;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
	struct buffer *into = context;
	buffer_append(into, bytes, size * count);
	return into->failed ? 0 : size * count;
}

static bool set_limits(CURL *curl)
{
	return !curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)FETCH_CONNECT_S) &&
	       !curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)FETCH_SLOW_BYTES) &&
	       !curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)FETCH_SILENT_S) &&
	       !curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)FETCH_WHOLE_S) &&
	       !curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)FETCH_REDIRECTS) &&
	       !curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) &&
	       !curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
}

/* From https to https alone; from http, which is this machine's, nowhere. */
static bool set_schemes(const struct fetch *fetch)
{
	bool tls = begins(fetch->address, "https://");
	return !curl_easy_setopt(fetch->curl, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http") &&
	       !curl_easy_setopt(fetch->curl, CURLOPT_REDIR_PROTOCOLS_STR, "https") &&
	       !curl_easy_setopt(fetch->curl, CURLOPT_FOLLOWLOCATION, tls ? 1L : 0L);
}

static bool set_identity(CURL *curl, const struct fetch_settings *settings)
{
	bool good = !curl_easy_setopt(curl, CURLOPT_USERAGENT, "eppwatch/" EPPTAP_VERSION);
	if (settings->ca_file)
		good &= !curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca_file) &&
			!curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	if (settings->client_cert)
		good &= !curl_easy_setopt(curl, CURLOPT_SSLCERT, settings->client_cert) &&
			!curl_easy_setopt(curl, CURLOPT_SSLKEY, settings->client_key);
	return good;
}

static int set_up(struct fetch *fetch, const struct fetch_settings *settings,
		  const struct complaint *why)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
		fetch->curl = curl_easy_init();
	if (fetch->curl && set_limits(fetch->curl) && set_schemes(fetch) &&
	    set_identity(fetch->curl, settings) &&
	    !curl_easy_setopt(fetch->curl, CURLOPT_WRITEFUNCTION, on_bytes) &&
	    !curl_easy_setopt(fetch->curl, CURLOPT_XFERINFOFUNCTION, on_progress) &&
	    !curl_easy_setopt(fetch->curl, CURLOPT_XFERINFODATA, fetch) &&
	    !curl_easy_setopt(fetch->curl, CURLOPT_NOPROGRESS, 0L) &&
	    !curl_easy_setopt(fetch->curl, CURLOPT_ERRORBUFFER, fetch->error))
		return RESULT_OK;
	return complain(why, RESULT_NOMEM, "libcurl can't be set up: is it without TLS?");
}

int fetch_open(const char *address, const struct fetch_settings *settings, struct fetch **fetch,
	       char *why, size_t why_size)
{
	const struct complaint to = {.path = address, .text = why, .size = why_size};
	bool is_url = !file_path_of(address);
	*fetch = NULL;
	int result = is_url ? check_url(address, &to) : RESULT_OK;
	if (result != RESULT_OK)
		return result;
	struct fetch *made = calloc(1, sizeof *made);
	if (!made)
		return complain(&to, RESULT_NOMEM, "out of memory");
	made->stop = settings->stop;
	result = take_address(made, is_url ? address : file_path_of(address), &to);
	if (result == RESULT_OK && is_url)
		result = set_up(made, settings, &to);
	if (result == RESULT_OK)
		*fetch = made;
	else
		fetch_close(&made);
	return result;
}

const char *fetch_address(const struct fetch *fetch)
{
	return fetch->address;
}

/* A file's name within the folder, and nothing that leads out of it. */
static bool is_name(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "._-/";
	return *name && *name != '/' && strspn(name, good) == strlen(name) && !strstr(name, "..") &&
	       strlen(name) < URL_SIZE - FETCH_ADDRESS_MAX;
}

static int get_file(const char *path, struct buffer *into, const struct complaint *why)
{
	int result = file_read(path, into);
	if (result == RESULT_STORE && (errno == ENOENT || errno == ENOTDIR))
		return complain(why, FETCH_ABSENT, "there is no such file");
	if (result == RESULT_STORE)
		return complain(why, errno == EACCES ? RESULT_CONFIG : RESULT_STORE,
				"can't be read: %s", strerror(errno));
	if (result == RESULT_FULL)
		return complain(why, result, "over %zu bytes: too large", into->max);
	if (result == RESULT_NOMEM)
		return complain(why, result, "out of memory");
	return result;
}

/* The server's answer came whole. */
static int judge_answer(struct fetch *fetch, const struct complaint *why)
{
	enum {
		OK = 200,
		MOVED = 300,
		REFUSED = 400,
		UNKNOWN = 401,
		FORBIDDEN = 403,
		ABSENT = 404,
		GONE = 410,
		BROKEN = 500
	};
	long status = 0;
	curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == OK)
		return RESULT_OK;
	if (status == ABSENT || status == GONE)
		return complain(why, FETCH_ABSENT, "there is no such file (the server says %ld)",
				status);
	if (status == UNKNOWN || status == FORBIDDEN)
		return complain(why, RESULT_CONFIG,
				"the server says %ld: it serves only whom it knows: is "
				"--client-cert one that it trusts?",
				status);
	if (status >= MOVED && status < REFUSED)
		return complain(why, RESULT_CONFIG,
				"the server says %ld: it is elsewhere: that address, with https, "
				"would be right",
				status);
	return complain(why, RESULT_STORE, "the server says %ld: 200 would be right%s", status,
			status >= BROKEN ? "; it may be so later" : "");
}

/* There is no whole answer. */
static int judge_failure(const struct fetch *fetch, CURLcode code, const struct buffer *into,
			 const struct complaint *why)
{
	const char *said = fetch->error[0] ? fetch->error : curl_easy_strerror(code);
	switch (code) {
	case CURLE_ABORTED_BY_CALLBACK:
		return complain(why, RESULT_TIMEOUT, "stopped");
	case CURLE_WRITE_ERROR:
		if (into->capacity < into->max && into->size + CURL_MAX_WRITE_SIZE <= into->max)
			return complain(why, RESULT_NOMEM, "out of memory");
		return complain(why, RESULT_FULL, "over %zu bytes: too large", into->max);
	case CURLE_FILESIZE_EXCEEDED:
		return complain(why, RESULT_FULL, "over %zu bytes: too large", into->max);
	case CURLE_OUT_OF_MEMORY:
		return complain(why, RESULT_NOMEM, "out of memory");
	case CURLE_PEER_FAILED_VERIFICATION:
		return complain(why, RESULT_CONFIG,
				"the server's certificate is not good: %s; --ca-file FILE says who "
				"else may vouch for it",
				said);
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ISSUER_ERROR:
		return complain(why, RESULT_CONFIG, "%s", said);
	case CURLE_UNSUPPORTED_PROTOCOL:
		return complain(why, RESULT_CONFIG,
				"the server sends us on to another scheme than https");
	default:
		return complain(why, RESULT_STORE, "%s", said);
	}
}

static int get_url(struct fetch *fetch, const char *url, struct buffer *into,
		   const struct complaint *why)
{
	fetch->error[0] = '\0';
	if (curl_easy_setopt(fetch->curl, CURLOPT_URL, url) ||
	    curl_easy_setopt(fetch->curl, CURLOPT_WRITEDATA, into) ||
	    curl_easy_setopt(fetch->curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)into->max))
		return complain(why, RESULT_NOMEM, "out of memory");
	CURLcode code = curl_easy_perform(fetch->curl);
	return code == CURLE_OK ? judge_answer(fetch, why) : judge_failure(fetch, code, into, why);
}

int fetch_get(struct fetch *fetch, const char *name, struct buffer *into, char *why,
	      size_t why_size)
{
	char url[URL_SIZE];
	const struct complaint to = {.path = url, .text = why, .size = why_size};
	buffer_reset(into);
	snprintf(url, sizeof url, "%s%s", fetch->address, is_name(name) ? name : "");
	if (!is_name(name))
		return complain(&to, RESULT_CONFIG, "it names a file that is not within");
	int result = fetch->curl ? get_url(fetch, url, into, &to) : get_file(url, into, &to);
	if (result != RESULT_OK)
		buffer_reset(into);
	return result;
}

void fetch_close(struct fetch **fetch)
{
	if (!*fetch)
		return;
	if ((*fetch)->curl)
		curl_easy_cleanup((*fetch)->curl);
	free(*fetch);
	*fetch = NULL;
}
