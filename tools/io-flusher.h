/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device that waits for this program.
 *
 * When memory is short, the kernel has whoever asks for some write out dirty
 * pages first. Those of the device that waits would never get there.
 *
 * io-flusher.c APIs:
 *   io_flusher_begin()	from now on, the kernel asks that of others
 *   io_flusher_end()	no more
 */
#ifndef IO_FLUSHER_H
#define IO_FLUSHER_H

void io_flusher_begin(void);
void io_flusher_end(void);

#endif /* IO_FLUSHER_H */
