/* quiet.h - what goes to stderr meanwhile, as a count of bytes. One thread at a time. */
#ifndef CONFORMANCE_OOM_QUIET_H
#define CONFORMANCE_OOM_QUIET_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int quiet_file = -1, quiet_before = -1;

/* From now on it goes to a file in memory. */
static inline void quiet_begin(void)
{
	if (quiet_file < 0) {
		quiet_file = memfd_create("stderr", MFD_CLOEXEC);
		quiet_before = dup(STDERR_FILENO);
	}
	if (quiet_file < 0 || quiet_before < 0 || dup2(quiet_file, STDERR_FILENO) < 0)
		abort();
}

/* It goes to where it went before; how many bytes it was. */
static inline long quiet_end(void)
{
	dup2(quiet_before, STDERR_FILENO);
	long size = lseek(quiet_file, 0, SEEK_CUR);
	if (ftruncate(quiet_file, 0) != 0 || lseek(quiet_file, 0, SEEK_SET) != 0)
		abort();
	return size;
}

#endif
