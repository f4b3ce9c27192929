# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The core alone: cost_bench measures, cost_test holds the budget, cost_lines says where it goes.
# All three run the same core object, compiled as the module has it, as far as a host program goes.

BENCH_OUT := $(UNIT_OUT)/bench
BENCH_BIN := $(UNIT_OUT)/tests/bench
BENCH_CORE := hypercalls/shared_pages.cc frontends/block/plan.cc frontends/block/queue.cc \
	frontends/block/queue_consumer.cc frontends/block/queue_producer.cc \
	frontends/block/segment_pool.cc hypercalls/fifo.cc hypercalls/two_level.cc \
	kmod/blkfront/edge_queue.cc tests/bench/event_core.cc
BENCH_RIG := tests/bench/platform.cc tests/bench/rig.cc tests/bench/stepper.cc
BENCH_MAINS := tests/bench/cost_bench.cc tests/bench/cost_lines.cc tests/bench/cost_test.cc \
	tests/bench/event_cost_test.cc
BENCH_FLAGS := -std=c++20 -g -O2 -fno-pie -I$(UNIT_TOP) -I$(UNIT_TOP)/include -I$(UNIT_TOP)/tests \
	$(UNIT_WARNINGS)
# Of the kernel's own options those that change what is generated and mean something here.
# Left out: returns through a thunk, which a kernel patches at boot to what the CPU needs.
BENCH_CORE_FLAGS := $(UNIT_CORE_FLAGS) -fno-use-cxa-atexit -fcheck-new -mno-red-zone -mno-mmx \
	-mno-sse -mpreferred-stack-boundary=3 -mskip-rax-setup -fno-strict-aliasing \
	-fno-delete-null-pointer-checks -fno-strict-overflow -fno-jump-tables -fconserve-stack \
	-falign-jumps=1 -falign-loops=1 \
	-fstack-protector-strong -ftrivial-auto-var-init=zero -fcf-protection=branch \
	-fno-asynchronous-unwind-tables -fomit-frame-pointer

bench-objects = $(1:%.cc=$(BENCH_OUT)/%.o)

$(call bench-objects,$(BENCH_CORE)): BENCH_EXTRA := $(BENCH_CORE_FLAGS)
# Called with the kernel's smaller stack alignment.
$(BENCH_OUT)/tests/bench/platform.o: BENCH_EXTRA := -mstackrealign
$(BENCH_OUT)/%.o: $(UNIT_TOP)/%.cc $(UNIT_TOP)/tests/bench/bench.mk
	@mkdir -p $(@D)
	@echo '  bench $(@F)'; g++ $(BENCH_FLAGS) $(BENCH_EXTRA) -MMD -MP -c -o $@ $<

# One link as for the module, then the code gets a section of its own, which is how the stepper
# knows it, and a memcpy that counts.
$(BENCH_OUT)/core.o: $(call bench-objects,$(BENCH_CORE)) $(UNIT_TOP)/kmod/cxx.lds
	@echo '  bench $(@F)'; ld -r --force-group-allocation -T $(UNIT_TOP)/kmod/cxx.lds -o $@ \
		$(filter %.o,$^)
	@objcopy --rename-section .text=pvk_core --redefine-sym memcpy=pvk_bench_copy $@

$(BENCH_BIN)/%: $(BENCH_OUT)/tests/bench/%.o $(BENCH_OUT)/core.o $(call bench-objects,$(BENCH_RIG))
	@mkdir -p $(@D)
	@echo '  bench $(@F)'; g++ -no-pie -o $@ $(filter %.o,$^) $(BENCH_LIBS)
$(BENCH_BIN)/cost_bench: BENCH_LIBS := -lbenchmark -lpthread
$(BENCH_BIN)/cost_test $(BENCH_BIN)/event_cost_test: BENCH_LIBS := -lgtest -lpthread
$(BENCH_BIN)/cost_test $(BENCH_BIN)/event_cost_test: $(UNIT_DIR_plain)/tests/unit/main.o
$(BENCH_BIN)/event_cost_test: $(UNIT_DIR_plain)/tests/fakes/upcall_steps.o
-include $(patsubst %.cc,$(BENCH_OUT)/%.d,$(BENCH_CORE) $(BENCH_RIG) $(BENCH_MAINS))
.SECONDARY: $(call bench-objects,$(BENCH_MAINS))

.PHONY: bench bench-test
bench: $(BENCH_BIN)/cost_bench | setup-check ## the core alone: instructions of each call
	@$(BENCH_BIN)/cost_bench --benchmark_counters_tabular=true
bench-test: $(BENCH_BIN)/cost_test $(BENCH_BIN)/event_cost_test $(BENCH_BIN)/cost_lines
