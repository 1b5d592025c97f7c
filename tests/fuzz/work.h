/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Put before every engine file by the fuzzer's build: bytes that the engine
 * copies or clears are counted, for an image must not steer that without bound
 * either.
 */
#ifndef FUZZ_WORK_H
#define FUZZ_WORK_H

#include <string.h>

extern unsigned long long fuzz_work;

#define memset(to, byte, len) \
	({ size_t __len = (len); fuzz_work += __len; (memset)(to, byte, __len); })
#define memcpy(to, from, len) \
	({ size_t __len = (len); fuzz_work += __len; (memcpy)(to, from, __len); })

#endif /* FUZZ_WORK_H */
