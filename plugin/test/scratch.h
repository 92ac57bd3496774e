/* scratch.h - a folder of a test's own, and ways to look at the process */
#ifndef PLUGIN_TEST_SCRATCH_H
#define PLUGIN_TEST_SCRATCH_H

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
	char path[64];
};

static inline struct scratch scratch_make(void)
{
	struct scratch scratch = {"/tmp/epptap-test-XXXXXX"};
	if (!mkdtemp(scratch.path)) {
		perror(scratch.path);
		abort();
	}
	return scratch;
}

static inline int scratch_remove_one(const char *path, const struct stat *file, int kind,
				     struct FTW *where)
{
	(void)file;
	(void)kind;
	(void)where;
	return remove(path);
}

static inline void scratch_remove(const char *path)
{
	nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* How many entries a folder has, such as /proc/self/fd; the one that looking takes is in all answers alike. */
static inline int scratch_count(const char *path)
{
	int count = 0;
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

#endif
