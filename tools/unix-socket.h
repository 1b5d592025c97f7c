/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets in the file system, to be listened at by whoever we start.
 *
 * unix-socket.c APIs:
 *   unix_socket_listen()	make one
 *   unix_socket_directory()	make a directory for some, which is ours alone
 */
#ifndef UNIX_SOCKET_H
#define UNIX_SOCKET_H

/* For unix_socket_directory(). */
#define UNIX_SOCKET_DIRECTORY	"/tmp/vhdxsetup-XXXXXX"

int unix_socket_listen(const char *path);
int unix_socket_directory(char *directory);

#endif /* UNIX_SOCKET_H */
