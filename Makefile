# epptap: `make demo` shows the main job, `make check` runs the tests. Both install what is missing.
#
# VARIANT=asan|tsan|fuzz builds into a folder of its own; everything else is found by pattern: a .c file in a folder
# belongs to that folder's archive, but for the programs and modules named below.

VERSION := 0.1.0
# On all processors; JOBS=1 for one. Several goals of a command line are made one after the other.
JOBS ?= $(shell nproc 2>/dev/null || echo 1)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(JOBS)
ifneq ($(word 2,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif
endif
PREFIX  ?= /usr/local
prefix  ?= $(PREFIX)
CC      ?= cc
VARIANT ?=
BUILD   := build$(if $(VARIANT),/$(VARIANT))

CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wvla \
           -Wformat=2 -Wimplicit-fallthrough -Werror
HARDEN  := -fstack-protector-strong $(if $(VARIANT),,-D_FORTIFY_SOURCE=2)
SANITIZE_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SANITIZE_tsan := -fsanitize=thread -fno-omit-frame-pointer
SANITIZE_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -w
SANITIZE := $(SANITIZE_$(VARIANT))
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -fPIC -fvisibility=hidden -pthread -DEPPTAP_VERSION='"$(VERSION)"' \
              $(WARN) $(HARDEN) $(SANITIZE) $(CFLAGS)
ALL_LDFLAGS := -pthread -Wl,-z,relro -Wl,-z,now -Wl,--as-needed $(SANITIZE) $(LDFLAGS)

pkg_cflags = $(shell pkg-config --cflags $(1) 2>/dev/null)
pkg_libs   = $(shell pkg-config --libs $(1) 2>/dev/null)

XML_LIBS  = $(call pkg_libs,libxml-2.0)
YAML_LIBS = $(call pkg_libs,yaml-0.1)
ZMQ_LIBS  = $(call pkg_libs,libzmq)
LMDB_LIBS = $(call pkg_libs,lmdb)
SSL_LIBS  = $(call pkg_libs,openssl)
CRYPTO_LIBS = $(call pkg_libs,libcrypto)
JSON_LIBS = $(call pkg_libs,jansson)
CURL_LIBS = $(call pkg_libs,libcurl)
IDN_LIBS  = $(call pkg_libs,libidn2)
ALL_CFLAGS += $(call pkg_cflags,libxml-2.0)

# Programs and modules: the file that holds main() or the entry point, then what it is linked from.
EPPCTL_MAIN := publisher/epptapctl.c
DAEMON_MAIN := publisher/epptapd.c
MODULE_MAIN := publisher/module.c
MAINS       := $(EPPCTL_MAIN) $(DAEMON_MAIN) $(MODULE_MAIN)

BASE_SRC       := $(wildcard base/*.c)
EPPPARSE_SRC   := $(wildcard eppparse/*.c)
PLUGIN_SRC     := $(wildcard plugin/*.c)
PUBLISHER_SRC  := $(filter-out $(MAINS),$(wildcard publisher/*.c))
SUBSCRIBER_SRC := $(wildcard subscriber/*.c)
# What publisher and subscriber must agree on.
FORMATS_SRC    := $(addprefix publisher/,crypto_gate.c feed_format.c merkle.c note.c tiles.c)
REFEPP_SRC     := $(wildcard conformance/refepp/*.c)
APACHE_SRC     := $(wildcard plugin/apache/*.c)
HOSTS_SRC      := $(wildcard plugin/hosts/*.c)
TESTEPP_SRC    := $(wildcard conformance/apache/*.c) conformance/guest/state.c
BENCH_SRC      := $(wildcard conformance/bench/*.c)
FUZZ_SRC       := $(wildcard conformance/fuzz/*.c)
OOM_SRC        := $(wildcard conformance/oom/*.c)
TEST_SRC       := $(wildcard base/test/*.c eppparse/test/*.c plugin/test/*.c publisher/test/*.c \
                    subscriber/test/*.c)
C_FILES        := $(shell find base eppparse plugin publisher subscriber conformance -name '*.[ch]' \
                    2>/dev/null | sort)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
ALL_OBJ := $(call obj,$(BASE_SRC) $(EPPPARSE_SRC) $(PLUGIN_SRC) $(PUBLISHER_SRC) $(MAINS) \
             $(SUBSCRIBER_SRC) $(REFEPP_SRC) $(BENCH_SRC) $(FUZZ_SRC) $(OOM_SRC) $(TEST_SRC) $(APACHE_SRC) \
             $(HOSTS_SRC) $(TESTEPP_SRC))

BUILT   := $(addprefix $(BUILD)/,epptap.so epptap-publisher.so epptapd epptapctl eppwatch refepp)
TESTS   := $(patsubst %.c,$(BUILD)/%,$(TEST_SRC))
OOM     := $(patsubst conformance/%.c,$(BUILD)/%,$(OOM_SRC))
BENCHES := $(patsubst conformance/bench/%.c,$(BUILD)/bench-%,$(BENCH_SRC))

.PHONY: all demo check check-asan check-tsan check-faults check-oom check-bare check-deb check-includes soak lint format \
        bench bench-hosts fuzz deps clean install install-apache uninstall-apache install-nginx uninstall-nginx deb \
        apache nginx built built-tests benches run-sanitized run-lint FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: deps
	@$(MAKE) --no-print-directory built

deps:
	@etc/install-deps

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(ALL_CFLAGS) $(HOST_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/base.a: $(call obj,$(BASE_SRC))
$(BUILD)/eppparse.a: $(call obj,$(EPPPARSE_SRC))
$(BUILD)/plugin.a: $(call obj,$(PLUGIN_SRC))
$(BUILD)/publisher.a: $(call obj,$(PUBLISHER_SRC))
$(BUILD)/formats.a: $(call obj,$(FORMATS_SRC))
$(BUILD)/subscriber.a: $(call obj,$(filter-out subscriber/eppwatch.c,$(SUBSCRIBER_SRC)))
$(BUILD)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	@$(AR) rcs $@ $^

# What a program or module is linked from: its objects, then its archives. LIBS is what it needs of others, and
# LINK_AS, of a module, what makes it one.
define link
@mkdir -p $(@D)
@echo '  LINK  $@'
@$(CC) $(if $(LINK_AS),-shared) -o $@ $(filter %.o %.a,$^) $(ALL_LDFLAGS) $(LINK_AS) $(LIBS)
endef

module = -Wl,-z,nodelete $(if $(VARIANT),,-Wl,-z,defs) -Wl,--version-script=$(1)

PUBLISHER_LIBS = $(ZMQ_LIBS) $(LMDB_LIBS) $(CRYPTO_LIBS) $(JSON_LIBS) $(IDN_LIBS)
WATCH_LIBS     = $(ZMQ_LIBS) $(CRYPTO_LIBS) $(JSON_LIBS) $(CURL_LIBS)
CMOCKA_LIBS    = $(call pkg_libs,cmocka)

$(BUILD)/epptap.so: LINK_AS = $(call module,plugin/epptap.map) -Wl,-soname,epptap.so
$(BUILD)/epptap.so: LIBS = $(XML_LIBS) $(YAML_LIBS)
$(BUILD)/epptap.so: $(call obj,$(PLUGIN_SRC)) $(BUILD)/eppparse.a $(BUILD)/base.a plugin/epptap.map
	$(link)

$(BUILD)/epptap-publisher.so: LINK_AS = $(call module,publisher/module.map)
$(BUILD)/epptap-publisher.so: LIBS = $(PUBLISHER_LIBS)
$(BUILD)/epptap-publisher.so: $(call obj,$(MODULE_MAIN)) $(BUILD)/publisher.a $(BUILD)/eppparse.a \
                              $(BUILD)/base.a publisher/module.map
	$(link)

$(BUILD)/epptapd: LIBS = $(YAML_LIBS) $(PUBLISHER_LIBS)
$(BUILD)/epptapd: $(call obj,$(DAEMON_MAIN)) $(BUILD)/publisher.a $(BUILD)/eppparse.a $(BUILD)/base.a
	$(link)

CTL_SRC := $(EPPCTL_MAIN) $(addprefix plugin/,spool_writer.c submit.c logins.c)
$(BUILD)/epptapctl: LIBS = $(XML_LIBS) $(YAML_LIBS) $(PUBLISHER_LIBS)
$(BUILD)/epptapctl: $(call obj,$(CTL_SRC)) $(BUILD)/publisher.a $(BUILD)/eppparse.a $(BUILD)/base.a
	$(link)

$(BUILD)/eppwatch: LIBS = $(WATCH_LIBS)
$(BUILD)/eppwatch: $(call obj,subscriber/eppwatch.c) $(BUILD)/subscriber.a $(BUILD)/formats.a $(BUILD)/base.a
	$(link)

$(BUILD)/refepp: LIBS = -ldl $(XML_LIBS) $(SSL_LIBS)
$(BUILD)/refepp: $(call obj,$(REFEPP_SRC))
	$(link)

# The module for Apache httpd, with the flags of its headers that apxs says, and the EPP module of its tests. It has
# $(libdir) in it, where it looks for epptap.so.
APACHE_MODULES := $(BUILD)/mod_epptap.so $(BUILD)/mod_testepp.so
APACHE_FLAGS    = $(shell apxs -q EXTRA_CPPFLAGS) -isystem $(shell apxs -q INCLUDEDIR) \
                  -isystem $(shell apxs -q APR_INCLUDEDIR) -DEPPTAP_LIBRARY='"$(libdir)/epptap.so"'
apachedir      ?= $(shell apxs -q LIBEXECDIR)

apache: deps
	@$(MAKE) --no-print-directory $(APACHE_MODULES)

$(call obj,$(APACHE_SRC) $(TESTEPP_SRC)): HOST_FLAGS = $(APACHE_FLAGS)
$(call obj,$(APACHE_SRC)): $(BUILD)/obj/libdir

$(APACHE_MODULES): LINK_AS = -Wl,--no-undefined-version
$(BUILD)/mod_epptap.so: LIBS = -ldl
$(BUILD)/mod_epptap.so: $(call obj,$(APACHE_SRC) $(HOSTS_SRC))
	$(link)

$(BUILD)/mod_testepp.so: LIBS = -lm
$(BUILD)/mod_testepp.so: $(call obj,$(TESTEPP_SRC))
	$(link)

# Where the server's other modules are; it loads none that it isn't told to.
install-apache: $(BUILD)/mod_epptap.so
	install -d $(DESTDIR)$(apachedir) $(DESTDIR)$(docdir)/apache
	install -m 644 $(BUILD)/mod_epptap.so $(DESTDIR)$(apachedir)
	install -m 644 plugin/apache/README.md etc/apache/epp.conf $(DESTDIR)$(docdir)/apache
uninstall-apache:
	rm -f $(DESTDIR)$(apachedir)/mod_epptap.so
	rm -rf $(DESTDIR)$(docdir)/apache

# A unit test is a program linked with its folder's archive and those below it.
$(BUILD)/base/test/%: LIBS = $(YAML_LIBS) $(CMOCKA_LIBS)
$(BUILD)/base/test/%: $(BUILD)/obj/base/test/%.o $(BUILD)/base.a
	$(link)

$(BUILD)/eppparse/test/%: LIBS = $(XML_LIBS) $(YAML_LIBS) $(CMOCKA_LIBS)
$(BUILD)/eppparse/test/%: $(BUILD)/obj/eppparse/test/%.o $(BUILD)/eppparse.a $(BUILD)/base.a
	$(link)

$(BUILD)/plugin/test/%: LIBS = -ldl $(XML_LIBS) $(YAML_LIBS) $(CMOCKA_LIBS)
$(BUILD)/plugin/test/%: $(BUILD)/obj/plugin/test/%.o $(BUILD)/plugin.a $(BUILD)/eppparse.a $(BUILD)/base.a
	$(link)

$(BUILD)/publisher/test/%: LIBS = $(YAML_LIBS) $(PUBLISHER_LIBS) $(CMOCKA_LIBS)
$(BUILD)/publisher/test/%: $(BUILD)/obj/publisher/test/%.o $(BUILD)/publisher.a $(BUILD)/eppparse.a \
                           $(BUILD)/base.a
	$(link)

$(BUILD)/subscriber/test/%: LIBS = $(WATCH_LIBS) $(CMOCKA_LIBS)
$(BUILD)/subscriber/test/%: $(BUILD)/obj/subscriber/test/%.o $(BUILD)/subscriber.a $(BUILD)/formats.a \
                            $(BUILD)/base.a
	$(link)

# nginx's stream module, built as Debian builds such modules: by the configure and the flags of its nginx, which are the
# system's, or those that install-deps unpacked. It has $(libdir) in it, where it looks for epptap.so.
NGINX_ROOT   ?= $(if $(wildcard build/tools/nginx/usr),$(CURDIR)/build/tools/nginx)
NGINX_SRC    := $(NGINX_ROOT)/usr/share/nginx/src
NGINX_OBJ    := $(abspath $(BUILD))/obj/nginx
NGINX_MODULE := $(BUILD)/ngx_stream_epptap_module.so

nginx: deps
	@etc/install-deps --nginx
	@$(MAKE) --no-print-directory $(NGINX_MODULE)

# What the modules were configured and built with: written when that changes.
$(NGINX_OBJ)/with: TOLD = $(NGINX_SRC) $(CC) $(CFLAGS)
$(BUILD)/obj/libdir: TOLD = $(libdir)
$(NGINX_OBJ)/with $(BUILD)/obj/libdir: FORCE
	@mkdir -p $(@D)
	@echo '$(TOLD)' | cmp -s - $@ || echo '$(TOLD)' > $@

$(NGINX_OBJ)/Makefile: plugin/nginx/config $(NGINX_OBJ)/with
	@test -f $(NGINX_SRC)/configure || { echo 'no headers of nginx in $(NGINX_SRC): install nginx-dev, or unpack it' \
	  'to a folder, and name that in NGINX_ROOT'; exit 1; }
	@echo '  CONF  nginx'
	@bash -c 'cd $(NGINX_SRC) && . ./conf_flags && ./configure "$${NGX_CONF_FLAGS[@]}" --with-stream \
	  --with-stream_ssl_module --with-cc="$(CC)" --with-cc-opt="$(HARDEN) $(CFLAGS) -fPIC" \
	  --with-ld-opt="-fPIC -Wl,-z,relro -Wl,-z,now" --add-dynamic-module=$(CURDIR)/plugin/nginx \
	  --builddir=$(NGINX_OBJ)' > $(NGINX_OBJ)/configure.txt 2>&1 || { tail -n 5 $(NGINX_OBJ)/configure.txt; exit 1; }

$(NGINX_MODULE): $(wildcard plugin/nginx/* plugin/hosts/*) plugin/epptap.h $(NGINX_OBJ)/Makefile $(BUILD)/obj/libdir
	@echo '  LINK  $@'
	@MAKEFLAGS= $(MAKE) -s -B -C $(NGINX_SRC) -f $(NGINX_OBJ)/Makefile modules \
	  CC='$(CC) $(WARN) -DEPPTAP_LIBRARY=\"$(libdir)/epptap.so\"'
	@cp --remove-destination $(NGINX_OBJ)/$(@F) $@

# Beside epptap.so; no nginx loads it that isn't told to.
install-nginx: $(NGINX_MODULE)
	install -d $(DESTDIR)$(libdir) $(DESTDIR)$(docdir)/nginx
	install -m 644 $(NGINX_MODULE) $(DESTDIR)$(libdir)
	install -m 644 plugin/nginx/README.md $(DESTDIR)$(docdir)/nginx
uninstall-nginx:
	rm -f $(DESTDIR)$(libdir)/ngx_stream_epptap_module.so
	rm -rf $(DESTDIR)$(docdir)/nginx

FORCE:

# The tests of this variant: unit tests beside the code, then the whole system (conformance/). The servers are no sanitized
# ones; their modules are built where their headers are.
MODULES := $(if $(VARIANT),,$(if $(wildcard $(NGINX_SRC)/configure),$(NGINX_MODULE)) \
             $(if $(shell command -v apxs),$(APACHE_MODULES)))
built: $(BUILT)
	@:
benches: $(BENCHES)
	@:
built-tests: $(BUILT) $(TESTS) $(BUILD)/bench-hold $(BUILD)/bench-client $(MODULES)
	@:

demo: all
	@conformance/demo/run

check: all
	@etc/install-deps --ffi --nginx
	@$(MAKE) --no-print-directory built-tests check-includes
	@EPPTAP_BUILD=$(CURDIR)/$(BUILD) conformance/check $(TESTS) conformance

# The same tests, but for the whole-system ones that time or trace, in an address- and a thread-sanitized build.
check-asan check-tsan: check-%: deps
	@$(MAKE) --no-print-directory VARIANT=$* built-tests
	@$(MAKE) --no-print-directory VARIANT=$* run-sanitized

run-sanitized:
	@EPPTAP_BUILD=$(CURDIR)/$(BUILD) EPPTAP_VARIANT=$(VARIANT) conformance/check $(TESTS) conformance

# Each allocation fails in turn, in reading frames, in capture, and in reading the config.
check-oom: all
	@$(MAKE) --no-print-directory $(OOM) $(BUILD)/base/test/test_config_memory
	@conformance/check $(OOM) $(BUILD)/base/test/test_config_memory

$(BUILD)/oom/%: LIBS = -ldl $(XML_LIBS) $(YAML_LIBS) $(CMOCKA_LIBS)
$(BUILD)/oom/%: $(BUILD)/obj/conformance/oom/%.o $(BUILD)/plugin.a $(BUILD)/eppparse.a $(BUILD)/base.a
	$(link)

# Demo and check on a clean clone in a bare Debian 12; takes root and some minutes.
check-bare:
	@conformance/bare

# Kills, stops and starves the whole at random, and checks each time that nothing is lost; SEED=... for the same again.
# Prints the seed that it took. `make soak MINUTES=60` goes on for longer.
FAULTS = EPPTAP_BUILD=$(CURDIR)/$(BUILD) conformance/faults/run $(if $(SEED),--seed $(SEED))
check-faults: all
	@$(FAULTS) --minutes 2.5
soak: MINUTES ?= 60
soak: all
	@$(FAULTS) --minutes $(MINUTES) --quiet

check-includes:
	@conformance/check-includes

lint:
	@etc/install-deps --lint --nginx
	@$(MAKE) --no-print-directory run-lint

# Where there are no headers of nginx, its module is left out.
NGINX_FLAGS = -isystem$(NGINX_OBJ) $(addprefix -isystem$(NGINX_SRC)/src/,core event event/modules os/unix stream)
run-lint: $(if $(wildcard $(NGINX_SRC)/configure),$(NGINX_OBJ)/Makefile)
	@NGINX_FLAGS='$(if $<,$(NGINX_FLAGS))' conformance/lint $(C_FILES)

format:
	@etc/install-deps --lint
	clang-format -i $(C_FILES)

bench: all
	@$(MAKE) --no-print-directory benches
	@conformance/bench/run $(BUILD)

$(BUILD)/bench-%: LIBS = -ldl $(XML_LIBS) $(YAML_LIBS) $(PUBLISHER_LIBS)
$(BUILD)/bench-%: $(BUILD)/obj/conformance/bench/%.o $(BUILD)/plugin.a $(BUILD)/publisher.a \
                  $(BUILD)/eppparse.a $(BUILD)/base.a
	$(link)

# What a tap costs nginx and Apache: with and without it in turn. Takes some minutes.
bench-hosts: all
	@$(MAKE) --no-print-directory nginx apache $(BUILD)/bench-client
	@conformance/bench/hosts/run $(BUILD)

$(BUILD)/bench-client: LIBS = $(SSL_LIBS)
$(BUILD)/bench-client: $(call obj,conformance/bench/hosts/client.c)
	$(link)

# Fuzz targets of clang's libFuzzer, in a build of their own: `make fuzz SECONDS=60` runs each for so long and says what
# came of it, `make fuzz-pair` one of them. What was found stays in build/fuzz.
FUZZ_FRAMES  := command response pair canaries config
FUZZ_TARGETS := $(FUZZ_FRAMES) stream spool subscriber
SECONDS ?= 60
FUZZ = $(MAKE) --no-print-directory VARIANT=fuzz CC=clang BUILD=build/fuzz
fuzz:
	@etc/install-deps --lint
	+@$(FUZZ) $(addprefix build/fuzz/run-,$(FUZZ_TARGETS))
	@conformance/fuzz/run build/fuzz $(SECONDS) $(FUZZ_TARGETS)

fuzz-%:
	@etc/install-deps --lint
	+@$(FUZZ) build/fuzz/run-$*
	@conformance/fuzz/run build/fuzz $(SECONDS) $*

$(BUILD)/run-canaries: $(BUILD)/obj/conformance/fuzz/grammar.o
$(addprefix $(BUILD)/run-,$(FUZZ_FRAMES)): LIBS = -fsanitize=fuzzer $(XML_LIBS) $(YAML_LIBS)
$(addprefix $(BUILD)/run-,$(FUZZ_FRAMES)): $(BUILD)/run-%: $(BUILD)/obj/conformance/fuzz/%.o \
                                           $(BUILD)/eppparse.a $(BUILD)/base.a
	$(link)

$(BUILD)/run-stream: LIBS = -fsanitize=fuzzer $(XML_LIBS) $(YAML_LIBS)
$(BUILD)/run-stream: $(BUILD)/obj/conformance/fuzz/stream.o $(BUILD)/plugin.a $(BUILD)/eppparse.a $(BUILD)/base.a
	$(link)

$(BUILD)/run-subscriber: LIBS = -fsanitize=fuzzer $(WATCH_LIBS) $(CMOCKA_LIBS)
$(BUILD)/run-subscriber: $(BUILD)/obj/conformance/fuzz/subscriber.o $(BUILD)/subscriber.a $(BUILD)/formats.a $(BUILD)/base.a
	$(link)

$(BUILD)/run-spool: LIBS = -fsanitize=fuzzer $(XML_LIBS) $(YAML_LIBS) $(PUBLISHER_LIBS)
$(BUILD)/run-spool: $(BUILD)/obj/conformance/fuzz/spool.o $(BUILD)/publisher.a $(BUILD)/eppparse.a $(BUILD)/base.a
	$(link)

# Installs what was built: `make`, then `make install` as root. Honours DESTDIR and prefix.
libdir     ?= $(prefix)/lib/epptap
bindir     ?= $(prefix)/bin
sbindir    ?= $(prefix)/sbin
unitdir    ?= $(prefix)/lib/systemd/system
includedir ?= $(prefix)/include
pkgdir     ?= $(prefix)/lib/pkgconfig
docdir     ?= $(prefix)/share/doc/epptap
mandir     ?= $(prefix)/share/man
# Manual pages lie beside what they are about; the end of a name is its section.
MANUALS    := $(wildcard */*.[1578])
EXAMPLES   := $(shell find subscriber/examples -type f -not -path '*/__pycache__/*')
FFI_FILES  := $(patsubst plugin/%,%,$(shell find plugin/ffi -type f -not -path '*/__pycache__/*'))

install: $(BUILT)
	install -d $(addprefix $(DESTDIR),$(libdir) $(bindir) $(sbindir) $(unitdir) $(includedir) $(pkgdir) \
	  $(docdir)/examples/registries)
	install -m 644 $(BUILD)/epptap.so $(BUILD)/epptap-publisher.so $(DESTDIR)$(libdir)
	install -m 755 $(BUILD)/epptapctl $(BUILD)/eppwatch $(DESTDIR)$(bindir)
	install -m 755 $(BUILD)/epptapd $(DESTDIR)$(sbindir)
	sed -e 's|@SBINDIR@|$(sbindir)|' -e 's|@BINDIR@|$(bindir)|' -e 's|@DOCDIR@|$(docdir)|' \
	  etc/systemd/epptapd.service > $(DESTDIR)$(unitdir)/epptapd.service
	install -m 644 plugin/epptap.h $(DESTDIR)$(includedir)
	sed -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBDIR@|$(libdir)|' -e 's|@INCLUDEDIR@|$(includedir)|' \
	  plugin/epptap.pc.in > $(DESTDIR)$(pkgdir)/epptap.pc
	install -m 644 etc/epptap.yaml etc/nginx/epp.conf etc/nginx/vetted-log.conf etc/prometheus/epptap.rules.yml \
	  etc/grafana/epptap.json $(DESTDIR)$(docdir)/examples
	install -m 644 etc/registries/*.yaml $(DESTDIR)$(docdir)/examples/registries
	install -m 644 README.md CHANGELOG.md LICENSE NOTICE $(DESTDIR)$(docdir)
	install -d $(DESTDIR)$(docdir)/publisher
	install -m 644 publisher/README.md publisher/FEED.md publisher/OPERATING.md publisher/event.schema.json \
	  $(DESTDIR)$(docdir)/publisher
	$(foreach file,$(MANUALS),install -D -m 644 $(file) \
	  $(DESTDIR)$(mandir)/man$(subst .,,$(suffix $(file)))/$(notdir $(file)) &&) true
	install -D -m 644 subscriber/README.md $(DESTDIR)$(docdir)/subscriber/README.md
	install -D -m 644 etc/README.md $(DESTDIR)$(docdir)/etc/README.md
	install -D -m 644 conformance/subscriber.py $(DESTDIR)$(docdir)/conformance/subscriber.py
	$(foreach file,$(EXAMPLES),install -D -m 644 $(file) $(DESTDIR)$(docdir)/$(file) &&) true
	$(foreach file,$(FFI_FILES),install -D -m 644 plugin/$(file) $(DESTDIR)$(docdir)/$(file) &&) true
	sed -i 's|/usr/local/lib/epptap|$(libdir)|g' $(addprefix $(DESTDIR)$(docdir)/,$(FFI_FILES))

# Debian packages of the whole, in $(BUILD)/deb; and their life on a machine that is thrown away (root).
deb: deps
	@etc/install-deps --deb
	@debian/make-packages $(abspath $(BUILD))/deb $(VERSION)

check-deb: deb
	@conformance/deb/run $(BUILD)/deb

clean:
	rm -rf build

-include $(ALL_OBJ:.o=.d)
