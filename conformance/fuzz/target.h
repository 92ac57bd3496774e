/* target.h - what each fuzz target has: libFuzzer's entries, and the end of a run that found something
 *
 * `conformance/fuzz/run` tells of what is found; libFuzzer keeps the input when a target ends by abort().
 */
#ifndef CONFORMANCE_FUZZ_TARGET_H
#define CONFORMANCE_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A target defines both. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What the target itself needs must work, and what it looks for must not happen. Says so to where libFuzzer writes, as
 * stderr may be another stream. */
static inline void must(bool good, const char *what)
{
	if (good)
		return;
	dprintf(STDERR_FILENO, "%s\n", what);
	abort();
}

#endif
