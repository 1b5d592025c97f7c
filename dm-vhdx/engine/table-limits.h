/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounds of the numeric features in a table line. The module and vhdxsetup use
 * the same ones.
 */
#ifndef VHDX_TABLE_LIMITS_H
#define VHDX_TABLE_LIMITS_H

/* A smaller cache keeps evicting pages that the same chain still needs. */
#define VHDX_BAT_CACHE_KIB_MIN		64U
/* The BAT of 64 TiB in 1 MiB blocks takes 513 MiB; bitmaps take more. */
#define VHDX_BAT_CACHE_KIB_MAX		(64U << 20)

/* Seconds. */
#define VHDX_NO_SPACE_TIMEOUT_DEFAULT	60U
#define VHDX_NO_SPACE_TIMEOUT_MAX	(24U * 60 * 60)

/* Bytes, a power of two: from a page to the largest block. */
#define VHDX_DISCARD_GRANULARITY_MIN	4096U
#define VHDX_DISCARD_GRANULARITY_MAX	(256U << 20)

#endif /* VHDX_TABLE_LIMITS_H */
