/* ctl_keygen.c - epptapctl keygen: keys on the spot
 *
 * Signing keys are PEM (PKCS #8), CURVE keys one line of z85. Nothing that is there is overwritten. Secrets are for
 * their owner alone.
 */
#include "publisher/ctl.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum { Z85_SIZE = 41, SECRET_MODE = 0600, PUBLIC_MODE = 0644 };

static FILE *create(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file && errno == EEXIST)
		ctl_fail("%s: is there already; keygen overwrites no key: give another directory, "
			 "or move it away",
			 path);
	else if (!file)
		ctl_fail("%s: %s", path, strerror(errno));
	return file;
}

static int finish(FILE *file, const char *path, bool good)
{
	if (fclose(file) != 0 || !good)
		return ctl_fail("%s: could not be written; is the disk full?", path);
	printf("%s\n", path);
	return CTL_OK;
}

static int make_signing_key(const char *directory, const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!key)
		return ctl_fail("OpenSSL can't make an Ed25519 key here");
	FILE *file = create(path, SECRET_MODE);
	int status = CTL_FAILED;
	if (file) {
		bool good = PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
		status = finish(file, path, good);
	}
	EVP_PKEY_free(key);
	return status;
}

static int write_line(const char *path, const char *line, mode_t mode)
{
	FILE *file = create(path, mode);
	if (!file)
		return CTL_FAILED;
	return finish(file, path, fprintf(file, "%s\n", line) > 0);
}

/* A CURVE pair: `secret_path` and `public_path`. */
static int make_curve_pair(const char *secret_path, const char *public_path)
{
	char public_key[Z85_SIZE], secret[Z85_SIZE];
	if (zmq_curve_keypair(public_key, secret) != 0)
		return ctl_fail("libzmq can't make a CURVE key: it was built without CURVE");
	int status = write_line(secret_path, secret, SECRET_MODE);
	explicit_bzero(secret, sizeof secret);
	return status == CTL_OK ? write_line(public_path, public_key, PUBLIC_MODE) : status;
}

static int make_registry_keys(const char *directory)
{
	static const char *const names[] = {"event.pem", "log.pem", "cosigner.pem"};
	char secret_path[PATH_MAX], public_path[PATH_MAX];
	int status = CTL_OK;
	for (size_t i = 0; i < sizeof names / sizeof *names && status == CTL_OK; i++)
		status = make_signing_key(directory, names[i]);
	if (status != CTL_OK)
		return status;
	snprintf(secret_path, sizeof secret_path, "%s/server.key", directory);
	snprintf(public_path, sizeof public_path, "%s/server.pub", directory);
	return make_curve_pair(secret_path, public_path);
}

static bool fits_file_name(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	return *name && *name != '.' && strlen(name) <= 64 && strspn(name, letters) == strlen(name);
}

static int make_client_key(const char *directory, const char *name)
{
	char folder[PATH_MAX], secret_path[PATH_MAX], public_path[PATH_MAX];
	snprintf(folder, sizeof folder, "%s/clients", directory);
	if (file_make_folder(folder, 0755) != RESULT_OK)
		return ctl_fail("%s: %s", folder, strerror(errno));
	snprintf(secret_path, sizeof secret_path, "%s/%s.key", directory, name);
	snprintf(public_path, sizeof public_path, "%s/clients/%s.pub", directory, name);
	return make_curve_pair(secret_path, public_path);
}

int ctl_keygen(int argc, char **argv)
{
	const char *client = NULL, *directory = NULL;
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--client") == 0 && i + 1 < argc)
			client = argv[++i];
		else if (argv[i][0] == '-' || directory)
			directory = "";
		else
			directory = argv[i];
	}
	if (!directory || !*directory) {
		ctl_fail("usage: epptapctl keygen [--client NAME] DIRECTORY");
		return CTL_USAGE;
	}
	if (client && !fits_file_name(client)) {
		ctl_fail("--client: the name becomes a file's: use letters, digits, - _ and ., at "
			 "most 64, "
			 "not a dot first");
		return CTL_USAGE;
	}
	if (file_make_folder(directory, 0700) != RESULT_OK)
		return ctl_fail("%s: %s", directory, strerror(errno));
	return client ? make_client_key(directory, client) : make_registry_keys(directory);
}
