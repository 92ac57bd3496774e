#include "plugin/state_dir.h"

#include "base/file.h"
#include "plugin/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct state_dir {
	dev_t device;
	ino_t inode;
	int fd;    /* of the locks file; -1: not opened yet */
	pid_t pid; /* whose it is: a child's table still has what its parent opened */
	struct state_dir *next;
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct state_dir *table;

/* Puts `dir` in the table of this process, unless its folder is there already. */
static int enter(struct state_dir *dir)
{
	int result = RESULT_OK;
	pthread_mutex_lock(&table_lock);
	for (struct state_dir *other = table; other; other = other->next)
		if (other->pid == dir->pid && other->device == dir->device &&
		    other->inode == dir->inode)
			result = RESULT_BUSY;
	if (result == RESULT_OK) {
		dir->next = table;
		table = dir;
	}
	pthread_mutex_unlock(&table_lock);
	return result;
}

static void leave(struct state_dir *dir)
{
	pthread_mutex_lock(&table_lock);
	for (struct state_dir **at = &table; *at; at = &(*at)->next) {
		if (*at == dir) {
			*at = dir->next;
			break;
		}
	}
	pthread_mutex_unlock(&table_lock);
}

static int take_lock(struct state_dir *dir, const char *path, char *why, size_t why_size)
{
	char file[PATH_MAX];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	snprintf(file, sizeof file, "%s/" SPOOL_LOCKS_FILE, path);
	dir->fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (dir->fd < 0) {
		snprintf(why, why_size,
			 "%s: %s; state_dir must be a folder that this user can write", file,
			 strerror(errno));
		return RESULT_STORE;
	}
	if (fcntl(dir->fd, F_SETLK, &lock) == 0)
		return RESULT_OK;
	if (errno != EACCES && errno != EAGAIN) {
		snprintf(why, why_size,
			 "%s: can't be locked (%s); state_dir must be on a local file system", file,
			 strerror(errno));
		return RESULT_STORE;
	}
	if (fcntl(dir->fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		lock.l_pid = 0;
	snprintf(why, why_size,
		 "state_dir %s is in use by process %ld; this version has one process per "
		 "state_dir: "
		 "give this one a state_dir of its own, or end the other",
		 path, (long)lock.l_pid);
	return RESULT_BUSY;
}

int state_dir_open(const char *path, struct state_dir **out, char *why, size_t why_size)
{
	struct stat folder;
	struct state_dir *dir = calloc(1, sizeof *dir);
	*out = NULL;
	if (!dir) {
		snprintf(why, why_size, "out of memory");
		return RESULT_NOMEM;
	}
	dir->fd = -1;
	dir->pid = getpid();
	if (file_make_folder(path, 0700) != RESULT_OK || stat(path, &folder) != 0) {
		snprintf(why, why_size,
			 "state_dir %s: %s; it must be a folder, or one that this user can make",
			 path, strerror(errno));
		free(dir);
		return RESULT_STORE;
	}
	dir->device = folder.st_dev;
	dir->inode = folder.st_ino;
	if (enter(dir) != RESULT_OK) {
		snprintf(why, why_size,
			 "state_dir %s is open already in this process; close it first", path);
		free(dir);
		return RESULT_BUSY;
	}
	int result = take_lock(dir, path, why, why_size);
	if (result != RESULT_OK)
		state_dir_close(&dir);
	*out = dir;
	return result;
}

void state_dir_close(struct state_dir **dir)
{
	if (!*dir)
		return;
	if ((*dir)->fd >= 0)
		close((*dir)->fd);
	leave(*dir);
	free(*dir);
	*dir = NULL;
}
