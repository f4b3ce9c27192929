/* SPDX-License-Identifier: GPL-2.0-only */
/* What edges share of the page that Xen shares with this guest. */
#pragma once

#include "pvkit/abi/xen.h"

/* Between pvk_own_share_info and pvk_own_unshare_info. */
shared_info &pvk_own_shared();
