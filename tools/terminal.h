/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may be sent to a terminal beside plain text.
 *
 * terminal.c APIs:
 *   terminal_moves()	may the cursor be moved?
 *   terminal_colours()	may text have colours?
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>

bool terminal_moves(int fd);
bool terminal_colours(int fd);

#endif /* TERMINAL_H */
