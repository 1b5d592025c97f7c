/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages of the buffers that the engine passes to a store.
 *
 * buffer.h APIs:
 *   vhdx_buffer_page()		find the page of an address
 */
#ifndef VHDX_BUFFER_H
#define VHDX_BUFFER_H

#include <linux/mm.h>

/**
 * vhdx_buffer_page() - find the page of an address
 * @buf: address in memory from kmalloc() or vmalloc(), see struct
 *	vhdx_store_ops
 *
 * Context: any.
 * Return: the page.
 */
static inline struct page *vhdx_buffer_page(const void *buf)
{
	return is_vmalloc_addr(buf) ? vmalloc_to_page(buf) : virt_to_page(buf);
}

#endif /* VHDX_BUFFER_H */
