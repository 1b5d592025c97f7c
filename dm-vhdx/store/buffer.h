/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's buffers, as the stores hand them to the kernel: page by page.
 *
 * buffer.h APIs:
 *   vhdx_buffer_page()		the page that an address lies in
 */
#ifndef VHDX_BUFFER_H
#define VHDX_BUFFER_H

#include <linux/mm.h>

/**
 * vhdx_buffer_page() - the page that an address lies in
 * @buf: in memory of kmalloc() or vmalloc(), see struct vhdx_store_ops
 *
 * Context: any.
 * Return: the page.
 */
static inline struct page *vhdx_buffer_page(const void *buf)
{
	return is_vmalloc_addr(buf) ? vmalloc_to_page(buf) : virt_to_page(buf);
}

#endif /* VHDX_BUFFER_H */
