// SPDX-License-Identifier: GPL-2.0-only
/* Control: no kernel has this function, so this file must never compile. */
#include <linux/types.h>

int pvk_probe(void);
int pvk_probe(void)
{
	return pvk_no_kernel_has_this_function(1);
}
