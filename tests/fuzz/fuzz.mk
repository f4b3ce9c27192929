# SPDX-License-Identifier: MIT OR GPL-2.0-only
# make fuzz: libFuzzer over the target that fuzz_replay_test replays; needs clang. What it finds new
# stays in build/fuzz/found; what is worth keeping goes into tests/fuzz/corpus by hand.

FUZZ_RUNS ?= 20000
FUZZ_OUT := $(UNIT_TOP)/build/fuzz
FUZZ_CORPUS := $(UNIT_TOP)/tests/fuzz/corpus
FUZZ_SOURCES := $(UNIT_CORE) $(UNIT_FAKES) tests/fuzz/block_backend.cc tests/fuzz/block_backend_fuzz.cc
FUZZ_OBJECTS := $(FUZZ_SOURCES:%.cc=$(FUZZ_OUT)/%.o)
FUZZ_FLAGS := $(UNIT_FLAGS) -O1 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined

$(FUZZ_OUT)/%.o: $(UNIT_TOP)/%.cc $(UNIT_TOP)/tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	@echo '  fuzz $(@F)'; clang++ $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_OUT)/block_backend: $(FUZZ_OBJECTS)
	clang++ -fsanitize=fuzzer,address,undefined -o $@ $^
-include $(FUZZ_OBJECTS:.o=.d)

.PHONY: fuzz
fuzz: $(FUZZ_OUT)/block_backend ## fuzz the block frontend (FUZZ_RUNS inputs)
	@mkdir -p $(FUZZ_OUT)/found
	$< -runs=$(FUZZ_RUNS) -max_len=512 -artifact_prefix=$(FUZZ_OUT)/ $(FUZZ_OUT)/found $(FUZZ_CORPUS)
