#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 16384, ABOVE_MODE = 0755 };

/* Of a URI's scheme, with its colon (RFC 3986, 3.1); 0: there is none. */
static size_t scheme_size(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t size = strspn(text, letters);
	if (size > 0)
		size += strspn(text + size, "abcdefghijklmnopqrstuvwxyz"
					    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
	return size > 0 && text[size] == ':' ? size + 1 : 0;
}

const char *file_path_of(const char *text)
{
	static const char file[] = "file:", local[] = "//localhost/";
	if (scheme_size(text) == 0)
		return text;
	if (strncasecmp(text, file, sizeof file - 1) != 0)
		return NULL;
	text += sizeof file - 1;
	if (strncasecmp(text, local, sizeof local - 1) == 0)
		return text + sizeof local - 2;
	if (strncmp(text, "///", 3) == 0)
		return text + 2;
	return *text == '/' && text[1] != '/' ? text : NULL;
}

/* Reads to the end, at most `step` bytes at a time, right into the buffer. */
static int read_all(int fd, struct buffer *into, size_t step)
{
	for (;;) {
		char beyond = 0;
		size_t room = into->max - into->size;
		size_t wanted = room < step ? room : step;
		char *at = wanted > 0 ? buffer_reserve(into, wanted) : &beyond;
		if (!at)
			return RESULT_NOMEM;
		ssize_t got = read(fd, at, wanted > 0 ? wanted : 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return RESULT_STORE;
		if (got == 0)
			return RESULT_OK;
		if (wanted == 0)
			return RESULT_FULL;
		into->size += (size_t)got;
	}
}

/* Leaves errno as it is. */
static void close_quietly(int fd)
{
	int saved = errno;
	close(fd);
	errno = saved;
}

/* Opens a file to read it. A FIFO or a device could make us wait for ever. */
static int open_regular(const char *path)
{
	struct stat now;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || (fstat(fd, &now) == 0 && (S_ISREG(now.st_mode) || S_ISDIR(now.st_mode))))
		return fd;
	close(fd);
	errno = ENOTSUP;
	return -1;
}

int file_read(const char *path, struct buffer *into)
{
	int fd = open_regular(path);
	if (fd < 0)
		return RESULT_STORE;
	int result = read_all(fd, into, READ_SIZE);
	close_quietly(fd);
	return result;
}

/* Is what is open a file that its owner alone can use? RESULT_STORE: errno says why it can't be known. */
static int check_private(int fd, const char *path, char *why, size_t why_size)
{
	struct stat now;
	if (fstat(fd, &now) != 0)
		return RESULT_STORE;
	if (S_ISDIR(now.st_mode)) {
		errno = EISDIR;
		return RESULT_STORE;
	}
	if (!(now.st_mode & 077))
		return RESULT_OK;
	snprintf(why, why_size,
		 "%s: its mode is %03o, so others than its owner can use this key; `chmod 600 %s`",
		 path, (unsigned)(now.st_mode & 0777), path);
	return RESULT_CONFIG;
}

int file_read_private(const char *path, struct buffer *into, const char *hint, char *why,
		      size_t why_size)
{
	size_t before = into->size;
	int fd = open_regular(path);
	int result = fd < 0 ? RESULT_STORE : check_private(fd, path, why, why_size);
	if (result == RESULT_OK)
		result = read_all(fd, into, SIZE_MAX);
	if (result == RESULT_STORE)
		snprintf(why, why_size, "%s: %s; %s", path, strerror(errno), hint);
	else if (result == RESULT_FULL)
		snprintf(why, why_size, "%s: too large for a key; %s", path, hint);
	else if (result == RESULT_NOMEM)
		snprintf(why, why_size, "%s: out of memory", path);
	if (fd >= 0)
		close(fd);
	if (result == RESULT_OK || result == RESULT_NOMEM)
		return result;
	if (into->data)
		explicit_bzero(into->data + before, into->capacity - before);
	into->size = before;
	return RESULT_CONFIG;
}

int file_write_all(int fd, const void *bytes, size_t size)
{
	const char *rest = bytes;
	while (size > 0) {
		ssize_t put = write(fd, rest, size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return RESULT_STORE;
		rest += put;
		size -= (size_t)put;
	}
	return RESULT_OK;
}

int file_sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return RESULT_STORE;
	int result = fsync(fd) == 0 ? RESULT_OK : RESULT_STORE;
	close_quietly(fd);
	return result;
}

/* Syncs the folder that `path` stands in. */
static int sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (!slash)
		snprintf(folder, sizeof folder, ".");
	else
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
	return file_sync_folder(folder);
}

int file_replace(const char *path, const void *bytes, size_t size, mode_t mode, bool durable)
{
	char temporary[PATH_MAX];
	if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary) {
		errno = ENAMETOOLONG;
		return RESULT_STORE;
	}
	unlink(temporary); /* what a crash may have left, with whatever mode */
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return RESULT_STORE;
	/* The mode is as asked for, whatever the front end's umask is. */
	int result = fchmod(fd, mode) == 0 ? file_write_all(fd, bytes, size) : RESULT_STORE;
	if (result == RESULT_OK && durable && fsync(fd) != 0)
		result = RESULT_STORE;
	if (close(fd) != 0)
		result = RESULT_STORE;
	if (result == RESULT_OK && rename(temporary, path) != 0)
		result = RESULT_STORE;
	if (result != RESULT_OK) {
		int saved = errno;
		unlink(temporary);
		errno = saved;
		return result;
	}
	return durable ? sync_folder_of(path) : RESULT_OK;
}

int file_make_folder(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	if (*path == '\0') {
		errno = ENOENT;
		return RESULT_STORE;
	}
	if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) {
		errno = ENAMETOOLONG;
		return RESULT_STORE;
	}
	for (size_t size = strlen(part); size > 1 && part[size - 1] == '/'; size--)
		part[size - 1] = '\0';
	for (char *at = part + 1;; at++) {
		if (*at != '/' && *at != '\0')
			continue;
		char kept = *at;
		*at = '\0';
		bool made = mkdir(part, kept == '\0' ? mode : ABOVE_MODE) == 0;
		if (!made && errno != EEXIST)
			return RESULT_STORE;
		if (made && sync_folder_of(part) != RESULT_OK)
			return RESULT_STORE;
		*at = kept;
		if (kept == '\0')
			break;
	}
	struct stat now;
	if (stat(path, &now) != 0)
		return RESULT_STORE;
	if (!S_ISDIR(now.st_mode)) {
		errno = ENOTDIR;
		return RESULT_STORE;
	}
	return RESULT_OK;
}
