# SPDX-License-Identifier: MIT OR GPL-2.0-only
# `make help` lists the targets. Nothing is written outside build/ unless OUT says so.

TOP := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

.DEFAULT_GOAL := help
.PHONY: help
help: ## print this list
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

include $(TOP)/kmod/kmod.mk
-include $(TOP)/tests/unit/unit.mk
-include $(TOP)/tests/bench/bench.mk
-include $(TOP)/tests/lab/lab.mk

.PHONY: check check-long gate lint format clean setup-demo setup-check

# demo (tests/lab/lab.mk) and check work on a machine where nothing is installed yet.
setup-demo setup-check: setup-%:
	@$(TOP)/tools/setup $*
demo: | setup-demo

check: | setup-check ## run every test (installs what it needs); ends in "N passed, N failed, N skipped"
	+@$(MAKE) $(jobs) --no-print-directory check-programs || \
	  { echo "the test programs do not build"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
	@$(TOP)/tests/gate/check

check-long: | setup-check ## every scenario in every guest type on every kernel, one built without Xen included: hours
	@$(TOP)/tests/gate/check tests/lab/long

# What must be compiled before Kyua can list it; other fragments may add theirs.
.PHONY: check-programs
check-programs: $(if $(wildcard $(TOP)/tests/unit/unit.mk),unit bench-test)

gate: | setup-check ## build for every supported kernel and judge the objects
	@$(TOP)/tests/gate/check tests/gate gate_test selftest_test

lint: ## check layout, licences and clang-tidy of the sources
	@python3 $(TOP)/tests/gate/lint.py

format: ## lay out all C++ as lint wants it
	@python3 $(TOP)/tests/gate/lint.py --fix-format

clean: ## remove everything that was built
	rm -rf $(TOP)/build
