#include "conformance/refepp/tls.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

/* OpenSSL's reason for the last failure, beside the option that led to it. */
static void explain(const char *option, const char *path, const char *wanted, char *why,
		    size_t why_size)
{
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
						     : ERR_reason_error_string(error);

	snprintf(why, why_size, "%s %s: %s; it needs %s", option, path,
		 reason == NULL ? "can't be used" : reason, wanted);
	ERR_clear_error();
}

SSL_CTX *tls_context(const char *cert, const char *key, char *why, size_t why_size)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
		snprintf(why, why_size, "OpenSSL can't make a TLS 1.2 server's context");
	} else if (SSL_CTX_use_certificate_chain_file(context, cert) != 1) {
		explain("--cert", cert, "a PEM file with the certificate chain", why, why_size);
	} else if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
		   SSL_CTX_check_private_key(context) != 1) {
		explain("--key", key, "a PEM file with the certificate's key", why, why_size);
	} else {
		SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
		SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
		return context;
	}
	SSL_CTX_free(context);
	return NULL;
}

SSL *tls_accept(SSL_CTX *context, int fd)
{
	SSL *tls = SSL_new(context);

	ERR_clear_error();
	if (tls != NULL && SSL_set_fd(tls, fd) == 1 && SSL_accept(tls) == 1)
		return tls;
	SSL_free(tls);
	return NULL;
}

void tls_close(SSL **tls)
{
	if (*tls == NULL)
		return;
	ERR_clear_error();
	/* After a failure on the connection OpenSSL forbids the goodbye, and refuses it by itself.
	 * */
	SSL_shutdown(*tls);
	SSL_free(*tls);
	*tls = NULL;
}
