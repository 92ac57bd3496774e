#include "publisher/log_files.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PRIVATE_MODE = 0750, PUBLIC_MODE = 0755, FOLDER_OF_MAX = 1000 };

void log_files_init(struct log_files *files, const struct config_channel *channel)
{
	files->folder = channel->log_dir;
	files->mode = channel->curve_secret ? PRIVATE_MODE : PUBLIC_MODE;
	files->unsynced_count = 0;
}

static int path_of(const struct log_files *files, const char *name, char path[PATH_MAX])
{
	int size = snprintf(path, PATH_MAX, "%s/%s", files->folder, name);
	errno = ENAMETOOLONG;
	return size > 0 && size < PATH_MAX ? RESULT_OK : RESULT_STORE;
}

static int replace(const struct log_files *files, const char *name, const void *bytes, size_t size,
		   bool durable)
{
	char path[PATH_MAX], folder[PATH_MAX];
	int result = path_of(files, name, path);
	if (result != RESULT_OK)
		return result;
	memcpy(folder, path, sizeof folder);
	*strrchr(folder, '/') = '\0';
	result = file_make_folder(folder, files->mode);
	return result == RESULT_OK ? file_replace(path, bytes, size, files->mode & 0666, durable)
				   : result;
}

int log_files_put(struct log_files *files, const char *name, const void *bytes, size_t size)
{
	int result =
		files->unsynced_count < LOG_FILES_UNSYNCED_MAX ? RESULT_OK : log_files_sync(files);
	if (result == RESULT_OK)
		result = replace(files, name, bytes, size, false);
	if (result == RESULT_OK)
		snprintf(files->unsynced[files->unsynced_count++], TILES_PATH_SIZE, "%s", name);
	return result;
}

static int sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return RESULT_STORE;
	int result = fsync(fd) == 0 ? RESULT_OK : RESULT_STORE;
	int error = errno;
	close(fd);
	errno = error;
	return result;
}

/* The folder of file number `i`, unless one before it stands there, too. */
static int sync_folder(const struct log_files *files, size_t i)
{
	const char *name = files->unsynced[i];
	size_t size = (size_t)(strrchr(name, '/') - name);
	char path[PATH_MAX];
	for (size_t j = 0; j < i; j++) {
		const char *other = files->unsynced[j];
		if ((size_t)(strrchr(other, '/') - other) == size && memcmp(other, name, size) == 0)
			return RESULT_OK;
	}
	int result = path_of(files, name, path);
	if (result != RESULT_OK)
		return result;
	*strrchr(path, '/') = '\0';
	return file_sync_folder(path);
}

int log_files_sync(struct log_files *files)
{
	char path[PATH_MAX];
	int result = RESULT_OK;
	for (size_t i = 0; i < files->unsynced_count && result == RESULT_OK; i++) {
		result = path_of(files, files->unsynced[i], path);
		if (result == RESULT_OK)
			result = sync_file(path);
	}
	for (size_t i = 0; i < files->unsynced_count && result == RESULT_OK; i++)
		result = sync_folder(files, i);
	if (result == RESULT_OK)
		files->unsynced_count = 0;
	return result;
}

void log_files_forget(struct log_files *files)
{
	files->unsynced_count = 0;
}

int log_files_replace(const struct log_files *files, const char *name, const void *bytes,
		      size_t size)
{
	return replace(files, name, bytes, size, true);
}

void log_files_remove(const struct log_files *files, const char *name)
{
	char path[PATH_MAX];
	if (path_of(files, name, path) == RESULT_OK)
		unlink(path);
}

void log_files_drop_partials(const struct log_files *files, const char *name)
{
	char path[PATH_MAX];
	if (path_of(files, name, path) != RESULT_OK)
		return;
	*strrchr(path, '/') = '\0';
	DIR *folder = opendir(path);
	if (!folder)
		return;
	for (struct dirent *entry; (entry = readdir(folder));)
		if (*entry->d_name != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	rmdir(path);
}

void log_files_drop_bundle(const struct log_files *files, uint64_t tile)
{
	char name[TILES_PATH_SIZE], path[PATH_MAX];
	tiles_bundle_path(tile, TILES_WIDTH, name);
	if (path_of(files, name, path) != RESULT_OK)
		return;
	unlink(path);
	for (uint64_t rest = tile; rest % FOLDER_OF_MAX == FOLDER_OF_MAX - 1;
	     rest /= FOLDER_OF_MAX) {
		*strrchr(path, '/') = '\0';
		rmdir(path);
	}
}
