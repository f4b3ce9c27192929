# SPDX-License-Identifier: MIT OR GPL-2.0-only
# make help lists the targets. Nothing is built outside build/ unless OUT says so.

TOP := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

.DEFAULT_GOAL := help
.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

include kmod/kmod.mk
-include tests/unit/unit.mk
-include tests/lab/lab.mk
