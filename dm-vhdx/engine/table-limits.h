/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between what bounds the features of a table may be; the module and vhdxsetup
 * take the same.
 */
#ifndef VHDX_TABLE_LIMITS_H
#define VHDX_TABLE_LIMITS_H

/* Below this, a chain's own needs would keep evicting each other. */
#define VHDX_BAT_CACHE_KIB_MIN		64U
/* All BAT pages of 64 TiB in 1 MiB blocks are 513 MiB; bitmaps are more. */
#define VHDX_BAT_CACHE_KIB_MAX		(64U << 20)

/* Seconds. */
#define VHDX_NO_SPACE_TIMEOUT_DEFAULT	60U
#define VHDX_NO_SPACE_TIMEOUT_MAX	(24U * 60 * 60)

#endif /* VHDX_TABLE_LIMITS_H */
