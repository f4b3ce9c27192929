# SPDX-License-Identifier: MIT OR GPL-2.0-only
# make fuzz, make fuzz-xs: libFuzzer over the targets that fuzz_replay_test and xs_replay_test
# replay; needs clang. What they find new stays in build/fuzz/found and build/fuzz/xs_found; what is
# worth keeping goes into tests/fuzz/corpus or tests/fuzz/xs_corpus by hand.

FUZZ_RUNS ?= 20000
FUZZ_OUT := $(UNIT_TOP)/build/fuzz
FUZZ_CORPUS := $(UNIT_TOP)/tests/fuzz/corpus
FUZZ_SOURCES := $(UNIT_CORE) $(UNIT_FAKES) tests/fuzz/block_backend.cc tests/fuzz/block_backend_fuzz.cc
FUZZ_OBJECTS := $(FUZZ_SOURCES:%.cc=$(FUZZ_OUT)/%.o)
FUZZ_XS_SOURCES := $(UNIT_CORE) $(UNIT_FAKES) tests/fuzz/xs_callers.cc tests/fuzz/xs_wire.cc \
	tests/fuzz/xs_wire_fuzz.cc
FUZZ_XS_OBJECTS := $(FUZZ_XS_SOURCES:%.cc=$(FUZZ_OUT)/%.o)
FUZZ_FLAGS := $(UNIT_FLAGS) -O1 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined

$(FUZZ_OUT)/%.o: $(UNIT_TOP)/%.cc $(UNIT_TOP)/tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	@echo '  fuzz $(@F)'; clang++ $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_OUT)/block_backend: $(FUZZ_OBJECTS)
	clang++ -fsanitize=fuzzer,address,undefined -o $@ $^
$(FUZZ_OUT)/xs_wire: $(FUZZ_XS_OBJECTS)
	clang++ -fsanitize=fuzzer,address,undefined -o $@ $^
-include $(sort $(FUZZ_OBJECTS:.o=.d) $(FUZZ_XS_OBJECTS:.o=.d))

.PHONY: fuzz fuzz-xs
fuzz: $(FUZZ_OUT)/block_backend ## fuzz the block frontend (FUZZ_RUNS inputs)
	@mkdir -p $(FUZZ_OUT)/found
	$< -runs=$(FUZZ_RUNS) -max_len=512 -artifact_prefix=$(FUZZ_OUT)/ $(FUZZ_OUT)/found $(FUZZ_CORPUS)

fuzz-xs: $(FUZZ_OUT)/xs_wire ## fuzz the xenstore client (FUZZ_RUNS inputs)
	@mkdir -p $(FUZZ_OUT)/xs_found
	$< -runs=$(FUZZ_RUNS) -max_len=512 -artifact_prefix=$(FUZZ_OUT)/ $(FUZZ_OUT)/xs_found \
		$(UNIT_TOP)/tests/fuzz/xs_corpus
