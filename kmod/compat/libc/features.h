/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libstdc++ asks the C library for its version in every header, <type_traits> included. Module
 * code has no C library: this file answers "none", and no real libc header is reachable.
 */
#ifndef PVKIT_NO_LIBC_FEATURES_H
#define PVKIT_NO_LIBC_FEATURES_H

#define __GLIBC_PREREQ(major, minor) 0

#endif
