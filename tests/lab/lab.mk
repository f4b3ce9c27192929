# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The lab's targets; TOP is the tree.

.PHONY: demo
demo: ## boot PV, PVH and HVM guests on a real Xen (in QEMU) and show our driver beside the in-tree one
	@$(TOP)/tests/lab/lab demo
