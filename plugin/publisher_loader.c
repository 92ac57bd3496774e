#include "plugin/publisher_loader.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Any address within this object will do to find its file. */
static const char anchor = 0;

static int module_path(char *path, size_t size)
{
	Dl_info here;
	if (!dladdr(&anchor, &here) || !here.dli_fname)
		return RESULT_CONFIG;
	const char *slash = strrchr(here.dli_fname, '/');
	int folder = slash ? (int)(slash + 1 - here.dli_fname) : 0;
	int length = snprintf(path, size, "%.*s" PUBLISHER_MODULE_FILE, folder, here.dli_fname);
	return length < (int)size ? RESULT_OK : RESULT_CONFIG;
}

int publisher_load(const struct publisher_module **module, char *why, size_t why_size)
{
	char path[PATH_MAX];
	if (module_path(path, sizeof path) != RESULT_OK) {
		snprintf(why, why_size,
			 "can't tell where epptap.so lies: load it by its whole path");
		return RESULT_CONFIG;
	}
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!object) {
		snprintf(why, why_size,
			 "`publisher: embedded` needs " PUBLISHER_MODULE_FILE
			 " beside epptap.so, and its libraries, within the root folder that the "
			 "front end may have changed to: %s",
			 dlerror());
		return RESULT_CONFIG;
	}
	publisher_module_entry *entry;
	*(void **)&entry = dlsym(object, PUBLISHER_MODULE_ENTRY);
	*module = entry ? entry() : NULL;
	if (*module && strcmp((*module)->version, EPPTAP_VERSION) == 0)
		return RESULT_OK;
	snprintf(why, why_size, "%s is not of epptap.so's version, %s: install both from one build",
		 path, EPPTAP_VERSION);
	return RESULT_CONFIG;
}
