# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The unit tests: one program a suite and variant, build/tests/unit/<suite>_test-<variant>, where
# Kyua looks for what tests/unit/Kyuafile names. TOP is the tree.

UNIT_TOP := $(or $(TOP),$(CURDIR))
UNIT_OUT := $(UNIT_TOP)/build
UNIT_BIN := $(UNIT_OUT)/tests/unit

# Explicit lists: a suite that a wildcard lost would be a suite that passes.
# unit-lists-agree compares them with the files and with the Kyuafile.
include $(UNIT_TOP)/tests/unit/suites.mk
UNIT_VARIANTS := plain asan tsan
UNIT_SUITES_plain := $(UNIT_SUITES)
UNIT_SUITES_asan := $(UNIT_SUITES)
UNIT_SUITES_tsan := $(UNIT_THREADED_SUITES)

UNIT_CORE := $(patsubst $(UNIT_TOP)/%,%,$(wildcard $(addprefix $(UNIT_TOP)/, \
	hypercalls/*.cc frontends/*/*.cc pvops/*.cc)))
UNIT_FAKES := $(patsubst $(UNIT_TOP)/%,%,$(wildcard $(UNIT_TOP)/tests/fakes/*.cc))

# Clang where there is one: a second compiler's warnings for nothing. It is also what fuzzes.
UNIT_CLANG := $(or $(shell command -v clang++),g++)
UNIT_CXX_plain := g++
UNIT_CXX_asan := $(UNIT_CLANG)
UNIT_CXX_tsan := g++

UNIT_WARNINGS := -Wall -Wextra -Werror -Wconversion -Wshadow -Wold-style-cast -Wnon-virtual-dtor \
	-Wextra-semi -Wimplicit-fallthrough
UNIT_FLAGS := -std=c++20 -g1 -D__XEN_INTERFACE_VERSION__=0x00040d00 \
	-DPVK_PLATFORM_HEADER=\"$(UNIT_TOP)/include/pvkit/platform.h\" \
	-DPVK_FUZZ_CORPUS=\"$(UNIT_TOP)/tests/fuzz/corpus\" \
	-DPVK_XS_CORPUS=\"$(UNIT_TOP)/tests/fuzz/xs_corpus\" \
	-I$(UNIT_TOP) -I$(UNIT_TOP)/include -I$(UNIT_TOP)/tests $(UNIT_WARNINGS)
UNIT_FLAGS_plain := -O1
UNIT_FLAGS_asan := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
# GCC warns that ThreadSanitizer does not model fences. What they order are the two indexes of a
# ring, which are atomic themselves; ring_interleaving_test tries every order there is.
UNIT_FLAGS_tsan := -O1 -fsanitize=thread -Wno-tsan
# The core as it is built for a kernel, as far as a host program goes.
UNIT_CORE_FLAGS := -ffreestanding -fno-exceptions -fno-rtti -fno-threadsafe-statics

# $1: variant
define unit_variant
UNIT_DIR_$1 := $(UNIT_OUT)/unit/$1
UNIT_LIB_$1 := $$(UNIT_CORE:%.cc=$$(UNIT_DIR_$1)/%.o) $$(UNIT_FAKES:%.cc=$$(UNIT_DIR_$1)/%.o) \
	$$(UNIT_DIR_$1)/tests/fuzz/block_backend.o $$(UNIT_DIR_$1)/tests/fuzz/xs_callers.o \
	$$(UNIT_DIR_$1)/tests/fuzz/xs_wire.o $$(UNIT_DIR_$1)/tests/unit/main.o
UNIT_PROGRAMS_$1 := $$(UNIT_SUITES_$1:%=$(UNIT_BIN)/%_test-$1)

$$(UNIT_CORE:%.cc=$$(UNIT_DIR_$1)/%.o): UNIT_EXTRA := $(UNIT_CORE_FLAGS)
$$(UNIT_DIR_$1)/%.o: $(UNIT_TOP)/%.cc $(UNIT_TOP)/tests/unit/unit.mk
	@mkdir -p $$(@D)
	@echo '  $1 $$(@F)'; $$(UNIT_CXX_$1) $(UNIT_FLAGS) $(UNIT_FLAGS_$1) $$(UNIT_EXTRA) -MMD -MP -c -o $$@ $$<

# GoogleTest's headers are most of a test's compile time.
$$(UNIT_DIR_$1)/prefix.h.gch: $(UNIT_TOP)/tests/unit/prefix.h $(UNIT_TOP)/tests/unit/unit.mk
	@mkdir -p $$(@D)
	@echo '  $1 $$(@F)'; $$(UNIT_CXX_$1) $(UNIT_FLAGS) $(UNIT_FLAGS_$1) -O0 -x c++-header -o $$@ $$<
# The suites themselves need no speed, and unoptimised they compile in half the time.
$$(UNIT_DIR_$1)/tests/unit/%_test.o: UNIT_EXTRA := -O0 -include $$(UNIT_DIR_$1)/prefix.h
$$(UNIT_DIR_$1)/tests/unit/%_test.o: $(UNIT_TOP)/tests/unit/%_test.cc $$(UNIT_DIR_$1)/prefix.h.gch
	@mkdir -p $$(@D)
	@echo '  $1 $$(@F)'; $$(UNIT_CXX_$1) $(UNIT_FLAGS) $(UNIT_FLAGS_$1) $$(UNIT_EXTRA) -MMD -MP -c -o $$@ $$<

$$(UNIT_DIR_$1)/libunit.a: $$(UNIT_LIB_$1)
	@rm -f $$@
	@ar rcs $$@ $$^

$$(UNIT_PROGRAMS_$1): $(UNIT_BIN)/%-$1: $$(UNIT_DIR_$1)/tests/unit/%.o $$(UNIT_DIR_$1)/libunit.a
	@mkdir -p $$(@D)
	@echo '  $1 $$(@F)'; $$(UNIT_CXX_$1) $(UNIT_FLAGS_$1) -o $$@ $$^ -lgmock -lgtest -lpthread
-include $$(UNIT_LIB_$1:.o=.d) $$(UNIT_SUITES_$1:%=$$(UNIT_DIR_$1)/tests/unit/%_test.d)
.SECONDARY: $$(UNIT_SUITES_$1:%=$$(UNIT_DIR_$1)/tests/unit/%_test.o)
endef
$(foreach variant,$(UNIT_VARIANTS),$(eval $(call unit_variant,$(variant))))

# A program with no test in it: runner_test proves that it cannot report success.
UNIT_EMPTY := $(UNIT_BIN)/no_tests
$(UNIT_EMPTY): $(UNIT_DIR_plain)/libunit.a
	@mkdir -p $(@D)
	@g++ -o $@ -Wl,--whole-archive $(UNIT_DIR_plain)/libunit.a -Wl,--no-whole-archive \
		-lgmock -lgtest -lpthread

.PHONY: unit unit-lists-agree $(UNIT_VARIANTS:%=unit-%)
unit: unit-lists-agree $(UNIT_VARIANTS:%=unit-%) ## build the unit tests, all variants
$(foreach variant,$(UNIT_VARIANTS),$(eval unit-$(variant): $$(UNIT_PROGRAMS_$(variant)) $$(UNIT_EMPTY)))

unit-lists-agree:
	@sh $(UNIT_TOP)/tests/unit/lists-agree.sh $(UNIT_TOP)/tests/unit

-include $(UNIT_TOP)/tests/fuzz/fuzz.mk
