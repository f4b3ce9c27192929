# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The lab's targets; TOP is the tree.

.PHONY: demo
demo: ## boot guests of each sort on a real Xen (in QEMU) and show our driver beside the kernel's own
	@$(TOP)/tests/lab/lab demo
