# SPDX-License-Identifier: GPL-2.0-only
# Host side of the module build: which kernel, which output directory, one kbuild run.

# FAULTS=1: modules whose calls can be made to fail, for tests (kmod/pvkit/faults.h).
faults := $(if $(filter 1,$(FAULTS)),-faults)

ifdef KERNEL
# A Debian kernel by series (6.1, 6.12): the lab fetches its headers and names their directory.
ifndef KDIR
KDIR := $(shell $(TOP)/tests/lab/lab headers --kernel $(KERNEL))
$(if $(KDIR),,$(error pvkit: no headers for kernel $(KERNEL): tests/lab/lab headers says why, above))
endif
OUT ?= $(TOP)/build/modules-$(KERNEL)$(faults)
endif
KDIR ?= $(wildcard /lib/modules/$(shell uname -r)/build)
OUT ?= $(TOP)/build/modules$(faults)

kmod-out = $(abspath $(OUT))
jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: modules install-modules
modules: ## build pvkit.ko and pvkit-blkfront.ko: [KERNEL=6.1|6.12 or KDIR=dir] [OUT=dir] [FAULTS=1]
	@[ -n "$(KDIR)" ] || { \
	  echo "pvkit: the running kernel's headers are not installed: give KERNEL=6.1, KERNEL=6.12 or KDIR=dir" >&2; \
	  exit 1; }
	@$(TOP)/kmod/stage $(TOP) $(kmod-out) $(KDIR)
	+@{ $(MAKE) $(jobs) --no-print-directory -C $(KDIR) M=$(kmod-out) modules 2>&1; \
	  echo $$? >$(kmod-out)/.status; } | tee $(kmod-out)/build.log; \
	exit $$(cat $(kmod-out)/.status)
	@echo "$(kmod-out)/pvkit.ko"
	@echo "$(kmod-out)/pvkit-blkfront.ko"

install-modules: modules ## install them under [INSTALL_MOD_PATH]/lib/modules/<kernel>/updates
	+$(MAKE) --no-print-directory -C $(KDIR) M=$(kmod-out) INSTALL_MOD_DIR=updates modules_install
