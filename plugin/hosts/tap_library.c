#include "plugin/hosts/tap_library.h"

#include <dlfcn.h>
#include <stdio.h>

enum { ABI = 1 };

struct call {
	const char *name;
	void **address;
};

static bool find_calls(void *handle, struct tap_library *library, const char **absent)
{
	const struct call calls[] = {
		{"epptap_version", (void **)&library->version},
		{"epptap_strerror", (void **)&library->strerror},
		{"epptap_open", (void **)&library->open},
		{"epptap_close", (void **)&library->close},
		{"epptap_stream_new", (void **)&library->stream_new},
		{"epptap_stream_client", (void **)&library->stream_client},
		{"epptap_stream_server", (void **)&library->stream_server},
		{"epptap_stream_free", (void **)&library->stream_free},
	};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		*calls[i].address = dlsym(handle, calls[i].name);
		if (*calls[i].address == NULL) {
			*absent = calls[i].name;
			return false;
		}
	}
	return true;
}

/* The version is asked before anything else of the library is used. */
static bool speaks_our_abi(void *handle, const char *file, char *why, size_t why_size)
{
	__typeof__(&epptap_abi) abi = (__typeof__(abi))dlsym(handle, "epptap_abi");
	if (abi == NULL)
		snprintf(why, why_size, "%s is no epptap.so: it has no epptap_abi()", file);
	else if (abi() != ABI)
		snprintf(why, why_size,
			 "%s speaks version %u of the tap's interface, and this module version %d: "
			 "install both of one release",
			 file, abi(), ABI);
	else
		return true;
	return false;
}

bool tap_library_load(struct tap_library *library, const char *file, char *why, size_t why_size)
{
	/* RTLD_LOCAL: what it is linked with must not stand in for the server's own libraries. */
	void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	const char *absent = NULL;
	if (handle == NULL) {
		/* the linker's own words name the file, and what of it is missing */
		snprintf(why, why_size, "the tap can't be loaded: %s", dlerror());
		return false;
	}
	if (speaks_our_abi(handle, file, why, why_size)) {
		if (find_calls(handle, library, &absent))
			return true;
		snprintf(why, why_size, "%s is not whole: it has no %s()", file, absent);
	}
	dlclose(handle);
	return false;
}
