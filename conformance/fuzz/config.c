/* fuzz/config.c - a configuration, whatever its bytes: `make fuzz-config SECONDS=60`
 *
 * It is read through a file in memory. It gives a config that has what each must have, or a complaint that begins with
 * path:line:column and is printable.
 */
#include "base/config.h"
#include "conformance/fuzz/target.h"

#include <string.h>
#include <sys/mman.h>

static int file;
static char path[64];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	file = memfd_create("epptap.yaml", MFD_CLOEXEC);
	must(file >= 0, "no file in memory");
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	return 0;
}

static void check_complaint(const char *why)
{
	size_t line = 0, column = 0, size = strlen(path);
	int words = 0;
	must(strncmp(why, path, size) == 0 &&
		     sscanf(why + size, ":%zu:%zu: %n", &line, &column, &words) == 2 && words > 0,
	     "a complaint that does not say where");
	must(line > 0 && column > 0, "a complaint about no line");
	for (const char *at = why + size + words; *at; at++)
		must((unsigned char)*at >= ' ' && (unsigned char)*at != 0x7f,
		     "a complaint that can't be printed");
}

static void check_config(const struct config *config)
{
	must(config->registry && config->state_dir && config->key_event, "a config without a key");
	must(config->channel_count > 0 && config->channel_count <= CONFIG_MAX_CHANNELS,
	     "a config without channels");
	for (size_t i = 0; i < config->channel_count; i++)
		must(config->channels[i].name && config->channels[i].bind &&
			     config->channels[i].log_dir && config->channels[i].origin,
		     "a channel without a key");
	must(config->capture.queue >= 4 * config->capture.frame_limit, "a queue too small");
	must(!config_zone_of(&config->zones, "a.nowhere") || config->zones.count > 0,
	     "a zone of nobody's");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct config *config;
	char why[512];
	must(ftruncate(file, 0) == 0 && pwrite(file, bytes, size, 0) == (ssize_t)size,
	     "the file can't be written");
	int result = config_load(path, &config, why, sizeof why);
	if (result == RESULT_OK) {
		check_config(config);
	} else {
		must(result == RESULT_CONFIG && !config, "no such result");
		check_complaint(why);
	}
	config_free(&config);
	return 0;
}
