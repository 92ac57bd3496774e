/* config_file.h - configurations of a test, by way of a temporary file */
#ifndef BASE_TEST_CONFIG_FILE_H
#define BASE_TEST_CONFIG_FILE_H

#include "base/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Lines 1 to 3. */
#define TOP                                                                                        \
	"registry: https://registry.example\n"                                                     \
	"state_dir: /var/lib/epptap\n"                                                             \
	"keys: {event: /etc/epptap/event.pem}\n"

/* A good configuration of 5 lines: what a test adds stands in line 6. */
#define MINIMAL TOP "channels:\n  - {name: public, bind: 'tcp://127.0.0.1:7700'}\n"

/* A good one of 6 lines, to which line 7 may add keys of the channel, indented by 4. */
#define CHANNEL TOP "channels:\n  - name: public\n    bind: tcp://127.0.0.1:7700\n"

/* Puts `text` in a file and loads it. The file's path, which only the system knows, is cut from the start of `why`:
 * it begins with the colon before the line. */
static inline int config_file_load(const char *text, size_t size, struct config **config, char *why,
				   size_t why_size)
{
	char path[] = "/tmp/epptap-test-XXXXXX";
	int fd = mkstemp(path);
	if (fd < 0 || write(fd, text, size) != (ssize_t)size || close(fd) != 0) {
		perror(path);
		abort();
	}
	int result = config_load(path, config, why, why_size);
	unlink(path);
	if (strncmp(why, path, strlen(path)) == 0)
		memmove(why, why + strlen(path), strlen(why + strlen(path)) + 1);
	return result;
}

#endif
