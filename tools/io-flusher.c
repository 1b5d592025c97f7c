// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "io-flusher.h"
#include "message.h"

/**
 * io_flusher_begin() - have the kernel get memory without I/O of this thread
 *
 * For a thread on which a suspended device depends. Without the right to it, or a
 * kernel that can, it goes on as it is.
 */
void io_flusher_begin(void)
{
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0))
		msg_verbose("memory may wait for I/O: %s", strerror(errno));
}

/**
 * io_flusher_end() - end what io_flusher_begin() began
 */
void io_flusher_end(void)
{
	(void)prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
}
