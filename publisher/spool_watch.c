#include "publisher/spool_watch.h"

#include "plugin/spool.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

struct spool_watch {
	int fd;      /* -1: inotify is not to be had */
	int watched; /* its number for the folder; -1: the folder is not there yet, or not any more */
	char folder[PATH_MAX];
};

int spool_watch_new(const char *state_dir, struct spool_watch **out)
{
	struct spool_watch *watch = calloc(1, sizeof *watch);
	*out = watch;
	if (!watch)
		return RESULT_NOMEM;
	snprintf(watch->folder, sizeof watch->folder, "%s/" SPOOL_FOLDER, state_dir);
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	watch->watched = -1;
	return RESULT_OK;
}

void spool_watch_free(struct spool_watch **watch)
{
	if (!watch || !*watch)
		return;
	if ((*watch)->fd >= 0)
		close((*watch)->fd);
	free(*watch);
	*watch = NULL;
}

int spool_watch_fd(struct spool_watch *watch)
{
	return watch->watched >= 0 ? watch->fd : -1;
}

void spool_watch_clear(struct spool_watch *watch)
{
	_Alignas(struct inotify_event) char events[4096];
	bool gone = false;
	if (watch->fd < 0)
		return;
	for (ssize_t size; (size = read(watch->fd, events, sizeof events)) > 0;)
		for (ssize_t at = 0; at < size;) {
			const struct inotify_event *event = (const void *)(events + at);
			gone |= event->mask & IN_IGNORED && event->wd == watch->watched;
			at += (ssize_t)sizeof *event + event->len;
		}
	if (watch->watched < 0 || gone)
		watch->watched = inotify_add_watch(watch->fd, watch->folder,
						   IN_MODIFY | IN_MOVED_TO | IN_ONLYDIR);
}
