/* busy.c - a front end that has work of its own for libxml2 and OpenSSL on other threads while the tap is at work
 *
 *   busy EPPTAP.SO CONFIG CHANGES
 *
 * Threads parse, validate and fail with handlers of their own, hash, sign, verify and speak TLS through memory, each
 * looking whether it gets what it should, and whether an error in its queue is its own. One shows the tap CHANGES
 * changes, c0.example and so on, and waits until they are durable; then all end. Prints "PARSED SIGNED". Exit 0: all
 * was right; 1: as stderr says.
 */
#include "conformance/guest/host.h"

#include <libxml/parser.h>
#include <libxml/valid.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLOSE_MS = 5000, HASH_SIZE = 32, SIGNATURE_SIZE = 64, SHAKES_MOST = 16 };

static atomic_bool ended, failed;
static atomic_ulong parsed, signed_by_us;

static void fail(const char *what)
{
	if (!atomic_exchange(&failed, true))
		fprintf(stderr, "busy: %s\n", what);
}

static const char valid[] = "<!DOCTYPE a [<!ELEMENT a (b*)><!ELEMENT b (#PCDATA)>"
			    "<!ENTITY ours 'of ours'>]><a><b>&ours;</b><b/></a>";
static const char invalid[] = "<!DOCTYPE a [<!ELEMENT a (b*)><!ELEMENT b (#PCDATA)>]><a><c/></a>";
static const char broken[] = "<a><b></a>";

/* What one thread's handlers heard. */
struct heard {
	unsigned errors, texts;
};

static void hear_error(void *context, xmlErrorPtr error)
{
	struct heard *heard = context;
	heard->errors += error->level >= XML_ERR_ERROR;
}

__attribute__((format(printf, 2, 3))) static void hear_text(void *context, const char *format, ...)
{
	struct heard *heard = context;
	heard->texts += *format != '\0';
}

static xmlDocPtr parse(const char *text)
{
	return xmlReadMemory(text, (int)strlen(text), "ours.xml", NULL,
			     XML_PARSE_NOENT | XML_PARSE_NONET);
}

static bool parse_valid(struct heard *heard)
{
	xmlDocPtr document = parse(valid);
	xmlValidCtxtPtr context = xmlNewValidCtxt();
	struct heard before = *heard;
	bool good = document && context && xmlValidateDocument(context, document) == 1 &&
		    heard->errors == before.errors;
	xmlChar *content = document ? xmlNodeGetContent(xmlDocGetRootElement(document)) : NULL;
	good = good && content && strcmp((char *)content, "of ours") == 0;
	xmlFree(content);
	xmlFreeValidCtxt(context);
	xmlFreeDoc(document);
	return good;
}

static bool parse_invalid(struct heard *heard)
{
	xmlDocPtr document = parse(invalid);
	xmlValidCtxtPtr context = xmlNewValidCtxt();
	struct heard before = *heard;
	bool good = document && context && xmlValidateDocument(context, document) == 0 &&
		    heard->errors > before.errors;
	xmlFreeValidCtxt(context);
	xmlFreeDoc(document);
	return good;
}

/* With a structured handler, then with one for texts. */
static bool parse_broken(struct heard *heard)
{
	struct heard before = *heard;
	if (parse(broken) || heard->errors == before.errors || heard->texts != before.texts ||
	    xmlGetLastError()->code != XML_ERR_TAG_NOT_FINISHED)
		return false;
	before = *heard;
	xmlSetStructuredErrorFunc(NULL, NULL);
	bool good = !parse(broken) && heard->texts > before.texts && heard->errors == before.errors;
	xmlSetStructuredErrorFunc(heard, hear_error);
	return good;
}

static void *run_parser(void *unused)
{
	struct heard heard = {0};
	xmlSetGenericErrorFunc(&heard, hear_text);
	xmlSetStructuredErrorFunc(&heard, hear_error);
	while (!atomic_load(&ended) && !atomic_load(&failed)) {
		if (!parse_valid(&heard) || !parse_invalid(&heard) || !parse_broken(&heard))
			fail("libxml2 does not what it did");
		if (xmlGenericErrorContext != &heard || xmlStructuredErrorContext != &heard)
			fail("a handler of ours in libxml2 is another's");
		atomic_fetch_add(&parsed, 4);
	}
	return unused;
}

/* A thread that is gone at once: libxml2 takes down what it had, and only that. */
static void *parse_once(void *unused)
{
	xmlDocPtr document = parse(valid);
	if (!document)
		fail("a new thread can't parse");
	xmlFreeDoc(document);
	return unused;
}

static void *run_short_threads(void *unused)
{
	while (!atomic_load(&ended) && !atomic_load(&failed)) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, parse_once, NULL) != 0)
			fail("no thread is to be had");
		else
			pthread_join(thread, NULL);
	}
	return unused;
}

/* An error that we make stands in our queue, alone. */
static bool make_error(void)
{
	ERR_raise(ERR_LIB_USER, 42);
	bool ours = ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_USER &&
		    ERR_peek_error() == ERR_peek_last_error();
	ERR_clear_error();
	return ours;
}

static bool hash_known(void)
{
	static const uint8_t of_abc[HASH_SIZE] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
						  0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
						  0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
						  0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	uint8_t hash[HASH_SIZE];
	return EVP_Digest("abc", 3, hash, NULL, EVP_sha256(), NULL) == 1 &&
	       memcmp(hash, of_abc, sizeof hash) == 0;
}

/* Signs and verifies; a flipped bit does not. */
static bool sign(EVP_PKEY *key)
{
	static const uint8_t text[] = "of ours";
	uint8_t signature[SIGNATURE_SIZE] = {0};
	size_t size = sizeof signature;
	EVP_MD_CTX *signer = EVP_MD_CTX_new(), *good = EVP_MD_CTX_new(), *bad = EVP_MD_CTX_new();
	bool right = EVP_DigestSignInit(signer, NULL, NULL, NULL, key) == 1 &&
		     EVP_DigestSign(signer, signature, &size, text, sizeof text) == 1 &&
		     EVP_DigestVerifyInit(good, NULL, NULL, NULL, key) == 1 &&
		     EVP_DigestVerify(good, signature, size, text, sizeof text) == 1;
	signature[0] ^= 1;
	right = right && EVP_DigestVerifyInit(bad, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestVerify(bad, signature, size, text, sizeof text) != 1;
	ERR_clear_error(); /* of the bad one */
	EVP_MD_CTX_free(signer);
	EVP_MD_CTX_free(good);
	EVP_MD_CTX_free(bad);
	return right;
}

static void *run_signer(void *unused)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	while (!atomic_load(&ended) && !atomic_load(&failed)) {
		if (ERR_peek_error() != 0)
			fail("there is an error in our queue that is not ours");
		if (!key || !hash_known() || !sign(key) || !make_error())
			fail("OpenSSL does not what it did");
		atomic_fetch_add(&signed_by_us, 1);
	}
	EVP_PKEY_free(key);
	OPENSSL_thread_stop();
	return unused;
}

static X509 *certify(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	bool good = X509_set_version(certificate, 2) && X509_set_pubkey(certificate, key) &&
		    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
		    X509_gmtime_adj(X509_getm_notBefore(certificate), -60) &&
		    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) &&
		    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					       (const uint8_t *)"ours.example", -1, -1, 0) &&
		    X509_set_issuer_name(certificate, name) && X509_sign(certificate, key, NULL);
	if (!good) {
		X509_free(certificate);
		certificate = NULL;
	}
	return certificate;
}

/* Both ends of a connection in memory: a handshake, a text there. */
static bool speak_tls(SSL_CTX *context)
{
	SSL *server = SSL_new(context), *client = SSL_new(context);
	BIO *near = NULL, *far = NULL;
	char heard[8] = "";
	bool good = server && client && BIO_new_bio_pair(&near, 0, &far, 0) == 1;
	if (good) {
		SSL_set_bio(server, near, near);
		SSL_set_bio(client, far, far);
		SSL_set_accept_state(server);
		SSL_set_connect_state(client);
		for (int i = 0; i < SHAKES_MOST && !SSL_is_init_finished(server); i++) {
			SSL_do_handshake(client);
			SSL_do_handshake(server);
		}
		good = SSL_is_init_finished(server) && SSL_write(client, "ours", 4) == 4 &&
		       SSL_read(server, heard, sizeof heard) == 4 && memcmp(heard, "ours", 4) == 0;
	}
	SSL_free(server);
	SSL_free(client);
	return good;
}

static void *run_tls(void *unused)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *certificate = key ? certify(key) : NULL;
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	if (!certificate || !context || SSL_CTX_use_certificate(context, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(context, key) != 1)
		fail("no certificate is to be had");
	while (!atomic_load(&ended) && !atomic_load(&failed))
		if (!speak_tls(context))
			fail("TLS does not what it did");
	SSL_CTX_free(context);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return unused;
}

int main(int argc, char **argv)
{
	static void *(*const work[])(void *) = {run_parser, run_parser,        run_signer,
						run_tls,    run_short_threads, run_signer};
	enum { THREADS = sizeof work / sizeof *work };
	struct host host = {0};
	pthread_t threads[THREADS];
	size_t started = 0;
	if (argc != 4 || !host_open(&host, argv[1], argv[2])) {
		fprintf(stderr, "usage: busy EPPTAP.SO CONFIG CHANGES\n");
		return EXIT_FAILURE;
	}
	while (started < THREADS &&
	       pthread_create(&threads[started], NULL, work[started], NULL) == 0)
		started++;
	unsigned changes = (unsigned)strtoul(argv[3], NULL, 10);
	for (unsigned number = 0; number < changes && !atomic_load(&failed); number++)
		if (host_show(&host, number) != EPPTAP_OK)
			fail("a change was not taken");
	if (host.flush(host.tap, HOST_PATIENCE_MS) != EPPTAP_OK)
		fail("the flush was not in time");
	host.close(&host.tap, CLOSE_MS);
	atomic_store(&ended, true);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	printf("%lu %lu\n", atomic_load(&parsed), atomic_load(&signed_by_us));
	return atomic_load(&failed) || started < THREADS ? EXIT_FAILURE : EXIT_SUCCESS;
}
