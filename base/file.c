#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 16384 };

int file_read(const char *path, struct buffer *into)
{
	int result = RESULT_OK;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return RESULT_STORE;
	for (;;) {
		char part[READ_SIZE];
		ssize_t got = read(fd, part, sizeof part);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			result = RESULT_STORE;
		if (got <= 0)
			break;
		if ((size_t)got > into->max - into->size) {
			result = RESULT_FULL;
			break;
		}
		buffer_append(into, part, (size_t)got);
		if (into->failed) {
			result = RESULT_NOMEM;
			break;
		}
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return result;
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

static int sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (!slash)
		snprintf(folder, sizeof folder, ".");
	else
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return RESULT_STORE;
	int result = fsync(fd) == 0 ? RESULT_OK : RESULT_STORE;
	close(fd);
	return result;
}

int file_replace(const char *path, const void *bytes, size_t size, mode_t mode)
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
	if (result == RESULT_OK && fsync(fd) != 0)
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
	return sync_folder_of(path);
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
	for (char *at = part + 1;; at++) {
		if (*at != '/' && *at != '\0')
			continue;
		char kept = *at;
		*at = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST)
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
