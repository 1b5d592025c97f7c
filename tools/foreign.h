/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Explanations for files that are not VHDX images.
 *
 * foreign.c APIs:
 *   foreign_format()	its format by its signature
 *   foreign_explain()	explain what a file is, with a remedy if there is one
 */
#ifndef FOREIGN_H
#define FOREIGN_H

const char *foreign_format(int fd);
void foreign_explain(int place, const char *path);

#endif /* FOREIGN_H */
