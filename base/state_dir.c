#include "base/state_dir.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/* Locks of one process: its writer's, the publisher's, and for a moment the successor's. */
enum { HELD_MOST = 8 };

struct state_dir {
	char path[PATH_MAX];
	dev_t device;
	ino_t inode;
	int fd;    /* of the file of locks; -1: not opened yet */
	pid_t pid; /* whose it is: a child's table still has what its parent opened */
	pthread_mutex_t
		lock; /* of what follows: the kernel does not tell a process of its own locks */
	uint64_t held[HELD_MOST];
	size_t held_count;
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

const char *state_dir_network_type(long type)
{
	static const struct {
		long type; /* as statfs(2) lists them */
		const char *name;
	} networks[] = {
		{0x6969, "NFS"},
		{0x517b, "SMB"},
		{(long)0xff534d42, "CIFS"},
		{(long)0xfe534d42, "SMB2"},
		{0x00c36400, "Ceph"},
		{0x5346414f, "AFS"},
		{0x6b414653, "AFS"},
		{0x01021997, "9P"},
		{0x73757245, "Coda"},
		{0x564c, "NCP"},
		{0x0bd00bd0, "Lustre"},
		{0x01161970, "GFS2"},
		{0x7461636f, "OCFS2"},
	};
	for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
		if (networks[i].type == type)
			return networks[i].name;
	return NULL;
}

static int check_owner(const char *path, char *why, size_t why_size)
{
	struct stat folder;
	if (stat(path, &folder) != 0)
		return RESULT_OK;
	if (folder.st_uid != geteuid()) {
		snprintf(why, why_size,
			 "state_dir %s is user %lu's, this process is user %lu's: what one makes "
			 "the "
			 "other can't read. Run all of epptap as the front end's user",
			 path, (unsigned long)folder.st_uid, (unsigned long)geteuid());
		return RESULT_STORE;
	}
	if (!(folder.st_mode & 022))
		return RESULT_OK;
	snprintf(
		why, why_size,
		"state_dir %s has mode %03o: others than its owner can write it, and what they put "
		"there would be signed; `chmod 700 %s`",
		path, (unsigned)(folder.st_mode & 0777), path);
	return RESULT_STORE;
}

int state_dir_check(const char *path, char *why, size_t why_size)
{
	struct statfs system;
	const char *name =
		statfs(path, &system) == 0 ? state_dir_network_type(system.f_type) : NULL;
	if (!name)
		return check_owner(path, why, why_size);
	snprintf(why, why_size,
		 "state_dir %s lies on a network file system (%s), whose locks and syncs can't be "
		 "trusted; it must be on a local disk",
		 path, name);
	return RESULT_STORE;
}

static int open_locks(struct state_dir *dir, char *why, size_t why_size)
{
	char file[PATH_MAX + sizeof "/" STATE_DIR_LOCKS_FILE];
	snprintf(file, sizeof file, "%s/" STATE_DIR_LOCKS_FILE, dir->path);
	dir->fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (dir->fd >= 0)
		return RESULT_OK;
	snprintf(why, why_size, "%s: %s; state_dir must be a folder that this user can write", file,
		 strerror(errno));
	return RESULT_STORE;
}

static int find_folder(struct state_dir *dir, const char *path, char *why, size_t why_size)
{
	struct stat folder;
	int size = snprintf(dir->path, sizeof dir->path, "%s", path);
	errno = ENAMETOOLONG;
	if (size >= (int)sizeof dir->path || file_make_folder(path, 0700) != RESULT_OK ||
	    stat(path, &folder) != 0) {
		snprintf(why, why_size,
			 "state_dir %s: %s; it must be a folder, or one that this user can make",
			 path, strerror(errno));
		return RESULT_STORE;
	}
	dir->device = folder.st_dev;
	dir->inode = folder.st_ino;
	return state_dir_check(path, why, why_size);
}

int state_dir_open(const char *path, struct state_dir **out, char *why, size_t why_size)
{
	struct state_dir *dir = calloc(1, sizeof *dir);
	*out = NULL;
	snprintf(why, why_size, "out of memory");
	if (!dir)
		return RESULT_NOMEM;
	dir->fd = -1;
	dir->pid = getpid();
	pthread_mutex_init(&dir->lock, NULL);
	int result = find_folder(dir, path, why, why_size);
	if (result == RESULT_OK && (result = enter(dir)) != RESULT_OK)
		snprintf(why, why_size,
			 "state_dir %s is open already in this process; close it first", path);
	if (result == RESULT_OK)
		result = open_locks(dir, why, why_size);
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
	pthread_mutex_destroy(&(*dir)->lock);
	free(*dir);
	*dir = NULL;
}

const char *state_dir_path(const struct state_dir *dir)
{
	return dir->path;
}

static struct flock lock_of(short type, uint64_t byte)
{
	return (struct flock){
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
}

/* Where `byte` stands in the list of what we hold; held_count: nowhere. With dir->lock held. */
static size_t find_held(const struct state_dir *dir, uint64_t byte)
{
	size_t i = 0;
	while (i < dir->held_count && dir->held[i] != byte)
		i++;
	return i;
}

int state_dir_lock(struct state_dir *dir, uint64_t byte)
{
	struct flock lock = lock_of(F_WRLCK, byte);
	int result = RESULT_STORE;
	pthread_mutex_lock(&dir->lock);
	errno = ENOLCK;
	if (find_held(dir, byte) < dir->held_count)
		result = RESULT_OK;
	else if (dir->held_count < HELD_MOST && fcntl(dir->fd, F_SETLK, &lock) == 0) {
		dir->held[dir->held_count++] = byte;
		result = RESULT_OK;
	} else if (errno == EACCES || errno == EAGAIN)
		result = RESULT_BUSY;
	pthread_mutex_unlock(&dir->lock);
	return result;
}

void state_dir_unlock(struct state_dir *dir, uint64_t byte)
{
	struct flock lock = lock_of(F_UNLCK, byte);
	pthread_mutex_lock(&dir->lock);
	size_t i = find_held(dir, byte);
	if (i < dir->held_count) {
		dir->held[i] = dir->held[--dir->held_count];
		fcntl(dir->fd, F_SETLK, &lock);
	}
	pthread_mutex_unlock(&dir->lock);
}

/* The kernel says 0 of a process that our PID namespace doesn't show: it lives all the same. */
static long pid_of(const struct flock *lock)
{
	return lock->l_pid > 0 ? (long)lock->l_pid : STATE_DIR_SOMEBODY;
}

long state_dir_holder(struct state_dir *dir, uint64_t byte)
{
	struct flock lock = lock_of(F_WRLCK, byte);
	pthread_mutex_lock(&dir->lock);
	bool ours = find_held(dir, byte) < dir->held_count;
	pthread_mutex_unlock(&dir->lock);
	if (ours)
		return (long)dir->pid;
	if (fcntl(dir->fd, F_GETLK, &lock) != 0)
		return STATE_DIR_SOMEBODY;
	return lock.l_type == F_UNLCK ? 0 : pid_of(&lock);
}

struct found {
	long *pids;
	size_t most, count;
};

/* Who has the lock of one of these bytes? */
static void find_in(int fd, uint64_t first, uint64_t last, struct found *found)
{
	struct flock lock = {.l_type = F_WRLCK,
			     .l_whence = SEEK_SET,
			     .l_start = (off_t)first,
			     .l_len = (off_t)(last - first + 1)};
	if (first > last || found->count == found->most || fcntl(fd, F_GETLK, &lock) != 0 ||
	    lock.l_type == F_UNLCK)
		return;
	found->pids[found->count++] = pid_of(&lock);
	/* The kernel shows any one of several: the others lie before or behind it. */
	find_in(fd, first, (uint64_t)lock.l_start - 1, found);
	find_in(fd, (uint64_t)(lock.l_start + lock.l_len), last, found);
}

int state_dir_find_writers(const char *path, long *pids, size_t most, size_t *count)
{
	char locks[PATH_MAX];
	struct found found = {.pids = pids, .most = most};
	*count = 0;
	snprintf(locks, sizeof locks, "%s/" STATE_DIR_LOCKS_FILE, path);
	int fd = open(locks, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? RESULT_OK : RESULT_STORE;
	find_in(fd, STATE_DIR_WRITERS, STATE_DIR_LAST, &found);
	close(fd);
	*count = found.count;
	return RESULT_OK;
}

void state_dir_tell_config(struct state_dir *dir, int64_t written_ns)
{
	/* If this can't be written, nobody yields: no harm. */
	if (pwrite(dir->fd, &written_ns, sizeof written_ns, 0) != (ssize_t)sizeof written_ns)
		return;
}

int64_t state_dir_told_config(struct state_dir *dir)
{
	int64_t written_ns;
	bool told = pread(dir->fd, &written_ns, sizeof written_ns, 0) == (ssize_t)sizeof written_ns;
	return told ? written_ns : 0;
}
