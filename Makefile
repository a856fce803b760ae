# SPDX-License-Identifier: MIT
# tulle. `make help` lists the targets. Nothing is detected while this file is parsed.
.NOTPARALLEL: deps deps-interop deps-interop-nat deps-fuzz deps-bench
.SUFFIXES:
.DEFAULT_GOAL := all

CC ?= cc
VARIANT ?=
BUILD := build$(if $(VARIANT),/$(VARIANT))
PREFIX ?= /usr/local
SEEDS ?= 20
TIME ?= 60
TARGET ?=
N ?= 10000
BULK ?= 8
PORT ?= 20500
JOBS ?= 2

ENGINES := base stun json ice turn mdns sctp sdp
ROOMS := $(ENGINES) dtls signal peer mesh onramp host
LIB_SRC := $(filter-out dtls/dtls_twin.c,$(wildcard $(addsuffix /*.c,$(ROOMS)) $(addsuffix /*/*.c,$(ROOMS))))
CLI_SRC := $(wildcard cli/*.c)
UNIT_SRC := $(wildcard tests/unit/*.c)
SIM_SRC := $(wildcard tests/sim/*.c)
SUPPORT_SRC := $(wildcard tests/support/*.c)
FUZZ_SRC := $(wildcard fuzz/fuzz_*.c)
BENCH_SRC := $(wildcard bench/*.c)
EXAMPLE_SRC := $(filter-out examples/ex_bare.c,$(wildcard examples/*.c))

WARN := -std=c11 -pedantic -Wall -Wextra -Werror -Wconversion -Wsign-conversion -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wcast-align -Wcast-qual -Wpointer-arith \
	-Wwrite-strings -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference \
	-Wdouble-promotion -Wframe-larger-than=2048
# Flags that one compiler has and another has not are asked for when a file is compiled, not when this is parsed.
HARDEN = $(eval HARDEN := $(shell sh tools/flags.sh $(CC)))$(HARDEN)
OPT := -O2 -g
SAN :=
ifeq ($(VARIANT),asan)
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DTULLE_SANITIZED
OPT := -O1 -g
endif
ifeq ($(VARIANT),tsan)
SAN := -fsanitize=thread -DTULLE_SANITIZED
OPT := -O1 -g
endif
ifeq ($(VARIANT),cover)
SAN := --coverage
OPT := -O0 -g
endif
ifeq ($(VARIANT),fuzz)
CC := clang
SAN := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DTULLE_SANITIZED
OPT := -O1 -g
endif
ifeq ($(VARIANT),size)
OPT := -Os -g0
endif
ifeq ($(VARIANT),msan)
CC := clang
SAN := -fsanitize=memory -fno-omit-frame-pointer -DTULLE_SANITIZED
OPT := -O1 -g
endif
ifeq ($(VARIANT),clang)
CC := clang
endif
CFLAGS_ALL = $(WARN) $(OPT) $(SAN) $(if $(SAN),-Wno-conversion -Wno-null-dereference -Wframe-larger-than=65536) $(if $(SAN),,$(HARDEN)) -fPIC -fvisibility=hidden -ffunction-sections \
	-fdata-sections -Iinclude -I. $(CFLAGS)
TEST_CFLAGS := -Wno-missing-prototypes -Wno-format-nonliteral -Wno-double-promotion \
	-Wframe-larger-than=65536 -Wno-null-dereference -D_GNU_SOURCE
LIBS := -lssl -lcrypto -lz -lpthread
LINK = -Wl,-z,relro,-z,now -Wl,--gc-sections $(SAN)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB_OBJ := $(call obj,$(LIB_SRC))
CLI_OBJ := $(call obj,$(CLI_SRC))
UNIT_OBJ := $(call obj,$(UNIT_SRC))
SIM_OBJ := $(call obj,$(SIM_SRC))
SUPPORT_OBJ := $(call obj,$(SUPPORT_SRC))

.PHONY: all help clean check demo demo-once deps deps-interop deps-interop-nat deps-fuzz deps-bench tidy asan tsan msan \
	cover analyze cite size soak sim fuzz fuzz-smoke bench interop interop-nat interop-cluster \
	bench-ice bench-path bench-models bench-peers bench-onramp install tests fuzzers examples docs format

all: $(BUILD)/libtulle.a $(BUILD)/libtulle.so $(BUILD)/tulle

help:
	@sed -n 's/^## //p' Makefile

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(if $(filter host/%,$*),-D_GNU_SOURCE) -MMD -MP -c -o $@ $<
# OpenSSL's macros drop a qualifier in a cast.
$(BUILD)/obj/dtls/%.o: dtls/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Wno-cast-qual -MMD -MP -c -o $@ $<
$(BUILD)/obj/cli/%.o: cli/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -D_GNU_SOURCE -MMD -MP -c -o $@ $<
$(BUILD)/obj/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(TEST_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj/bench/%.o: bench/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(TEST_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj/fuzz/%.o: fuzz/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(TEST_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/libtulle.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/libtulle.so: $(LIB_OBJ)
	$(CC) -shared -Wl,-soname,libtulle.so.0 $(LINK) -o $@ $^ $(LIBS)
$(BUILD)/tulle: $(CLI_OBJ) $(BUILD)/libtulle.a
	$(CC) -pie $(LINK) -o $@ $^ $(LIBS)

# -- tests ---------------------------------------------------------------------------------------
# Each tests/unit/test_NAME.c has one getter `Suite *suite_NAME(void)`; the list is made from the file names.
$(BUILD)/gen/suites.h: $(UNIT_SRC)
	@mkdir -p $(@D)
	@for f in $(filter tests/unit/test_%,$(UNIT_SRC)); do n=$${f##*/test_}; echo "SUITE($${n%.c})"; done > $@
$(BUILD)/obj/tests/unit/main.o: $(BUILD)/gen/suites.h
$(BUILD)/obj/tests/unit/main.o: TEST_CFLAGS += -I$(BUILD)/gen
$(BUILD)/unit: $(UNIT_OBJ) $(SUPPORT_OBJ) $(call obj,tests/sim/sim_net.c tests/sim/sim_nat.c tests/sim/sim_clock.c) $(BUILD)/libtulle.a
	$(CC) -pie $(LINK) -o $@ $^ -lcheck -lsubunit -lrt -lm $(LIBS)
$(BUILD)/sim: $(SIM_OBJ) $(SUPPORT_OBJ) $(BUILD)/libtulle.a
	$(CC) -pie $(LINK) -o $@ $^ -lm $(LIBS)
# What flows get of a path and of each other, in virtual time.
$(BUILD)/simpath: $(call obj,$(wildcard tests/simpath/*.c) tests/sim/sim_net.c tests/sim/sim_clock.c) $(BUILD)/libtulle.a
	$(CC) -pie $(LINK) -o $@ $^ -lm $(LIBS)
# How soon a channel is open, in virtual time.
$(BUILD)/simopen: $(call obj,tests/simopen/open.c) $(SUPPORT_OBJ) $(call obj,tests/sim/sim_net.c tests/sim/sim_clock.c) $(BUILD)/libtulle.a
	$(CC) -pie $(LINK) -o $@ $^ -lm $(LIBS)
$(BUILD)/examples/%: $(BUILD)/obj/examples/%.o $(BUILD)/libtulle.a
	@mkdir -p $(@D)
	$(CC) -pie $(LINK) -o $@ $^ $(LIBS)
examples: $(patsubst examples/%.c,$(BUILD)/examples/%,$(EXAMPLE_SRC)) $(BUILD)/obj/examples/ex_bare.o
tests: $(BUILD)/unit $(BUILD)/sim examples

## make check                  all tests that need only 127.0.0.1; the totals stand in the last line
check:
	+@$(MAKE) -s -j$(JOBS) all tests
	@sh tools/check.sh $(BUILD)
## make sim SEEDS=n            the simulator: virtual time, n seeds
sim:
	+@$(MAKE) -s -j$(JOBS) $(BUILD)/sim
	@$(BUILD)/sim $(SEEDS)
## make asan | tsan            the tests under AddressSanitizer and UBSan, under ThreadSanitizer
asan:
	+@$(MAKE) -s VARIANT=asan check
tsan:
	+@$(MAKE) -s VARIANT=tsan check

# -- what is installed on the way ------------------------------------------------------------------
## make deps                   what build and check need (Debian: installs it; else says what to install)
deps:
	@sh tools/deps.sh build
deps-interop:
	@sh tools/deps.sh build interop
deps-interop-nat:
	@sh tools/deps.sh build nat
deps-fuzz:
	@sh tools/deps.sh build fuzz
deps-bench:
	@sh tools/deps.sh build bench

# -- looking at the code -----------------------------------------------------------------------------
## make tidy                   the house's rules
tidy:
	@sh tools/deps.sh build tidy
	+@$(MAKE) -s -j$(JOBS) all
	@python3 tools/tidy.py $(BUILD)

# -- fuzzing ---------------------------------------------------------------------------------------
FUZZ_NAMES := $(patsubst fuzz/fuzz_%.c,%,$(FUZZ_SRC))
$(BUILD)/fuzz_%: $(BUILD)/obj/fuzz/fuzz_%.o $(SUPPORT_OBJ) $(BUILD)/libtulle.a
	$(CC) -fsanitize=fuzzer $(SAN) -o $@ $^ $(LIBS)
fuzzers: $(addprefix $(BUILD)/fuzz_,$(FUZZ_NAMES))
## make fuzz TARGET=a,b TIME=n fuzzes these for n seconds each (no TARGET: all); what is found is kept in build/fuzz
fuzz: deps-fuzz
	+@$(MAKE) -s -j$(JOBS) VARIANT=fuzz fuzzers
	@sh tools/fuzz.sh build/fuzz $(TIME) $(if $(TARGET),$(TARGET),$(FUZZ_NAMES))
## make fuzz-smoke TIME=n      all fuzz targets, n seconds each
fuzz-smoke:
	+@$(MAKE) -s fuzz TARGET= TIME=$(TIME)

# -- what takes longer -------------------------------------------------------------------------------
$(BUILD)/soak: $(BUILD)/obj/bench/soak.o $(BUILD)/libtulle.a
	$(CC) -pie $(LINK) -o $@ $^ $(LIBS)
## make soak N=n               n connects and closes; memory must not grow
soak:
	+@$(MAKE) -s -j$(JOBS) $(BUILD)/soak
	@$(BUILD)/soak $(N)
## make interop BULK=n         real browsers and peers, in a network namespace of its own; n MiB each way (8)
interop: deps-interop
	+@$(MAKE) -s -j$(JOBS) all examples $(BUILD)/rawpeer
	@BULK_MIB=$(BULK) sh tests/interop/run.sh $(CASE)
## make interop-nat CASE=name  coturn and NATs in network namespaces: the TURN client, nodes over relays alone, all
##                             pairs of hosts behind NATs, with Chromium too
interop-nat: deps-interop-nat
	+@$(MAKE) -s -j$(JOBS) all $(BUILD)/turnpair $(BUILD)/rawpeer
	@TULLE_BUILD=$(BUILD) sh tests/nat/run.sh $(CASE)
$(BUILD)/turnpair: $(BUILD)/obj/tests/nat/turnpair.o $(BUILD)/libtulle.a
	$(CC) -pie $(LINK) -o $@ $^ $(LIBS)
$(BUILD)/rawpeer: $(BUILD)/obj/tests/interop/rawpeer.o $(BUILD)/libtulle.a
	$(CC) -pie $(LINK) -o $@ $^ $(LIBS)
## make bench                  figures beside peers in the same run; build/bench.json
BENCH_BIN := $(patsubst bench/%.c,$(BUILD)/%,$(filter bench/bench_%.c bench/limit.c bench/path_relay.c,$(BENCH_SRC)))
$(BENCH_BIN): $(BUILD)/%: $(BUILD)/obj/bench/%.o $(BUILD)/libtulle.a
	$(CC) -pie $(LINK) -o $@ $^ $(LIBS) -lm
$(BUILD)/bench_sctp: LIBS += -lusrsctp
$(BUILD)/bench_sctp: $(BUILD)/obj/bench/sctp_usr.o
bench: deps-bench
	+@$(MAKE) -s -j$(JOBS) all $(BENCH_BIN) $(BUILD)/tunem $(BUILD)/simpath $(BUILD)/simopen
	@sh bench/run.sh $(BUILD) table sctp ice simulated models path

## make bench-ice              what an ICE agent and an idle connection hold, what finding a packet's owner costs
bench-ice: deps-bench
	+@$(MAKE) -s -j$(JOBS) all $(BENCH_BIN)
	@sh bench/run.sh $(BUILD) ice

## make bench-path             a real path of 100 Mbit/s and 50 ms, with and without loss, beside peers and the kernel's TCP
$(BUILD)/tunem: lab/tunem.c
	@mkdir -p $(@D)
	$(CC) -O2 -o $@ $<
bench-path: deps-bench
	+@$(MAKE) -s -j$(JOBS) all $(BENCH_BIN) $(BUILD)/tunem
	@sh bench/run.sh $(BUILD) path
## make bench-models           the simulated CUBIC and NewReno beside the kernel's, and one mix of tulle with it
bench-models: deps-bench
	+@$(MAKE) -s -j$(JOBS) all $(BENCH_BIN) $(BUILD)/tunem $(BUILD)/simpath $(BUILD)/simopen
	@sh bench/run.sh $(BUILD) models

## make demo [PORT=n]          the onramp, its page, three nodes; the mesh live in the terminal
demo:
	+@$(MAKE) -s -j$(JOBS) all
	@sh tools/demo.sh $(BUILD) $(PORT)
## make demo-once              the same without a person, on a free port
demo-once:
	+@$(MAKE) -s -j$(JOBS) all
	@sh tools/demo.sh $(BUILD) once

## make docs                   the documents that are made of the code
docs:
	@sh tools/deps.sh tidy
	@for d in surface limits reading; do python3 tools/docs.py $$d > docs/$$(echo $$d | tr a-z A-Z).md; done
## make cite                   docs/COMPLIANCE.md: which test proves which item of the checklists
cite:
	@sh tools/deps.sh tidy
	@python3 tools/docs.py compliance > docs/COMPLIANCE.md && grep '^## ' docs/COMPLIANCE.md
## make size                   bytes of code and data a room
size:
	+@$(MAKE) -s -j$(JOBS) VARIANT=size build/size/libtulle.a
	@sh tools/size.sh build/size
## make cover                  lines that the tests reach
cover:
	+@$(MAKE) -s VARIANT=cover check
	@sh tools/cover.sh build/cover
## make analyze                clang-tidy's analyzer and cppcheck over the rooms
analyze:
	@sh tools/deps.sh analyze
	@sh tools/analyze.sh $(LIB_SRC) $(CLI_SRC)
## make msan                   MemorySanitizer over the engines: the simulator, every datagram that leaves looked at
msan: deps-fuzz
	+@$(MAKE) -s -j$(JOBS) VARIANT=msan build/msan/sim_free
	@build/msan/sim_free $(SEEDS)
# The engines and their simulator, with a plain sum in the place of OpenSSL's hashes.
FREE_OBJ := $(call obj,$(filter-out base/crypto_openssl.c,$(filter $(addsuffix /%,$(ENGINES)),$(LIB_SRC))) \
	$(filter-out tests/sim/sim_peer%,$(SIM_SRC)) tests/support/pcapng.c tests/msan/no_peers.c tests/msan/crypto_plain.c host/panic.c)
$(BUILD)/sim_free: $(FREE_OBJ)
	$(CC) $(SAN) -o $@ $^ -lm
## make format                 clang-format over everything
format:
	@git ls-files '*.c' '*.h' | grep -v '^lab/' | xargs clang-format -i

## make install PREFIX= DESTDIR=
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/tulle \
		$(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 build/tulle $(DESTDIR)$(PREFIX)/bin/tulle
	install -m 644 build/libtulle.a $(DESTDIR)$(PREFIX)/lib/libtulle.a
	install -m 755 build/libtulle.so $(DESTDIR)$(PREFIX)/lib/libtulle.so.0
	ln -sf libtulle.so.0 $(DESTDIR)$(PREFIX)/lib/libtulle.so
	install -m 644 include/tulle/*.h $(DESTDIR)$(PREFIX)/include/tulle/
	sed -e 's|@PREFIX@|$(PREFIX)|' tools/tulle.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/tulle.pc
	install -m 644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/

# Built by a later issue; until then they say so and fail.
interop-cluster bench-peers bench-onramp:
	@echo "make $@ is not built yet" >&2; exit 1

clean:
	rm -rf build

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(CLI_OBJ) $(UNIT_OBJ) $(SIM_OBJ) $(SUPPORT_OBJ) $(call obj,$(wildcard tests/simpath/*.c tests/simopen/*.c)))
